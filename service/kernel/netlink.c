/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "common/cleanup.h"

/* The kernel fills up to 32 KiB at a time. */
#define MESSAGE_BYTES (64 * 1024)

/* The kernel answers within the call; only a fault would make us wait. */
#define ANSWER_TIMEOUT_SEC 5

DEFINE_CLEANUP(Netlink, netlink_close)

/* A call in progress. */
typedef struct Call {
        uint32_t sequence;
        bool one_answer; /* and nothing follows it */
        netlink_each_t each;
        void *userdata;
        int result;
        bool finished, interrupted;
        char text[160]; /* the kernel's own message, if it sent one */
} Call;

struct Netlink {
        struct nl_sock *socket;
        struct nl_cb *callbacks; /* all of them get call */
        Call call;
        bool busy; /* call is in progress */
};

static int set_callbacks(Netlink *netlink);

int netlink_open(Netlink **ret, int protocol) {
        _cleanup_(netlink_closep) Netlink *netlink = NULL;
        const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_SEC };
        const int on = 1;
        int fd;

        netlink = calloc(1, sizeof(Netlink));
        if (!netlink)
                return -ENOMEM;
        if (set_callbacks(netlink) < 0)
                return -ENOMEM;
        netlink->socket = nl_socket_alloc();
        if (!netlink->socket)
                return -ENOMEM;
        if (nl_connect(netlink->socket, protocol) < 0)
                return errno > 0 ? -errno : -EIO;
        /* The buffer holds the largest message, so that none has to be peeked at for its length. */
        (void)nl_socket_set_msg_buf_size(netlink->socket, MESSAGE_BYTES);
        nl_socket_disable_msg_peek(netlink->socket);
        nl_socket_disable_auto_ack(netlink->socket);
        fd = nl_socket_get_fd(netlink->socket);
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0)
                return -errno;
        /* Before Linux 4.12 there is only the errno. */
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));

        *ret = TAKE_PTR(netlink);
        return 0;
}

Netlink *netlink_close(Netlink *netlink) {
        if (netlink) {
                nl_cb_put(netlink->callbacks);
                nl_socket_free(netlink->socket);
                free(netlink);
        }
        return NULL;
}

/* Skips answers to an earlier call that timed out. */
static int on_sequence(struct nl_msg *message, void *userdata) {
        const Call *call = userdata;

        return nlmsg_hdr(message)->nlmsg_seq == call->sequence ? NL_OK : NL_SKIP;
}

static int on_answer(struct nl_msg *message, void *userdata) {
        Call *call = userdata;
        int r = call->each ? call->each(nlmsg_hdr(message), call->userdata) : 0;

        if (r < 0 && call->result == 0)
                call->result = r;
        call->finished = call->one_answer;
        return call->one_answer ? NL_STOP : NL_OK;
}

static int on_interrupted(struct nl_msg *message, void *userdata) {
        Call *call = userdata;

        call->interrupted = true;
        return NL_OK;
}

static int on_end(struct nl_msg *message, void *userdata) {
        Call *call = userdata;

        call->finished = true;
        return NL_STOP;
}

static int on_error(struct sockaddr_nl *peer, struct nlmsgerr *error, void *userdata) {
        const struct nlmsghdr *outer = (const void *)((const char *)error - NLMSG_HDRLEN);
        size_t echoed = outer->nlmsg_flags & NLM_F_CAPPED ? 0 : error->msg.nlmsg_len - NLMSG_HDRLEN;
        size_t skip = sizeof(*error) + NLMSG_ALIGN(echoed);
        size_t size = (size_t)nlmsg_datalen(outer);
        Call *call = userdata;

        if (outer->nlmsg_seq != call->sequence)
                return NL_SKIP;
        call->finished = true;
        call->result = error->error;
        if (outer->nlmsg_flags & NLM_F_ACK_TLVS && size > skip) {
                const struct nlattr *text = nla_find((const void *)((const char *)error + skip),
                                (int)(size - skip), NLMSGERR_ATTR_MSG);

                if (text)
                        nla_strlcpy(call->text, text, sizeof(call->text));
        }
        return NL_STOP;
}

static int errno_of_libnl(int error) {
        switch (-error) {
        case NLE_AGAIN:
                return -ETIMEDOUT;
        case NLE_NOMEM:
                return -ENOBUFS;
        case NLE_PERM:
        case NLE_NOACCESS:
                return -EPERM;
        case NLE_DUMP_INTR:
                return -EINTR;
        default:
                return -EIO;
        }
}

static int set_callbacks(Netlink *netlink) {
        struct nl_cb *callbacks = nl_cb_alloc(NL_CB_DEFAULT);
        Call *call = &netlink->call;

        if (!callbacks)
                return -ENOMEM;
        nl_cb_set(callbacks, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, call);
        nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_answer, call);
        nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, call);
        nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, call);
        nl_cb_set(callbacks, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, call);
        nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, call);
        netlink->callbacks = callbacks;
        return 0;
}

static int receive_until_finished(Netlink *netlink) {
        int r = 0;

        while (!netlink->call.finished && r >= 0)
                r = nl_recvmsgs(netlink->socket, netlink->callbacks);
        return netlink->call.finished ? 0 : errno_of_libnl(r);
}

int netlink_fd(const Netlink *netlink) {
        return nl_socket_get_fd(netlink->socket);
}

int netlink_find_family(Netlink *netlink, const char *name) {
        int family = genl_ctrl_resolve(netlink->socket, name);

        return family < 0 ? -ENOENT : family;
}

int netlink_call(Netlink *netlink, struct nl_msg *message, netlink_each_t each, void *userdata,
                const char *step, Failure *failure) {
        Call *call = &netlink->call;
        int r;

        /* A call from within each() would mix up the answers of both. */
        if (netlink->busy)
                return failure_kernel(failure, EBUSY, step, NULL);
        netlink->busy = true;
        *call = (Call){ .each = each, .userdata = userdata };
        nl_complete_msg(netlink->socket, message);
        call->sequence = nlmsg_hdr(message)->nlmsg_seq;
        /* A request for data is answered or refused; only a change needs an acknowledgement. */
        call->one_answer = each && (nlmsg_hdr(message)->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP;
        if (!each)
                nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK;
        r = nl_send(netlink->socket, message);
        r = r < 0 ? errno_of_libnl(r) : receive_until_finished(netlink);
        netlink->busy = false;
        if (r >= 0)
                r = call->result < 0 ? call->result : call->interrupted ? -EINTR : 0;
        if (r < 0)
                return failure_kernel(failure, -r, step, call->text);
        return 0;
}
