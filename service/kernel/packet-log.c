/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/packet-log.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

/* More than the kernel would collect before sending, and it is told not to collect. */
#define BATCH_BYTES (16 * 1024)

struct PacketLog {
        struct nflog_handle *handle;
        struct nflog_g_handle *group;
        packet_log_t told; /* while packet_log_read() runs */
        void *userdata;
        _Alignas(struct nlmsghdr) char batch[BATCH_BYTES];
};

DEFINE_CLEANUP(PacketLog, packet_log_close)

/* For a packet on a bridge the kernel names the bridge as the link it came in on, and the port
 * separately; a kernel built without bridge netfilter names only the port. */
static int on_packet(struct nflog_g_handle *group, struct nfgenmsg *message,
                struct nflog_data *packet, void *userdata) {
        const struct nfulnl_msg_packet_hw *hardware = nflog_get_packet_hw(packet);
        const uint32_t port = nflog_get_physindev(packet);
        const PacketLog *log = userdata;
        Mac source;

        if (!log->told || !hardware || be16toh(hardware->hw_addrlen) != sizeof(source))
                return 0;
        memcpy(&source, hardware->hw_addr, sizeof(source));
        log->told((int)(port > 0 ? port : nflog_get_indev(packet)), &source, log->userdata);
        return 0;
}

/* EPERM has two causes: another socket has the group, or we lack the privilege. */
static int bind_group(PacketLog *log, uint16_t number) {
        log->group = nflog_bind_group(log->handle, number);
        if (log->group)
                return nflog_callback_register(log->group, on_packet, log) < 0 ? -EIO : 0;
        switch (errno) {
        case EPERM:
        case EBUSY:
                return -EBUSY;
        case EINVAL: /* there is no such subsystem */
                return -EOPNOTSUPP;
        default:
                return errno > 0 ? -errno : -EIO;
        }
}

static int configure(PacketLog *log) {
        const int fd = nflog_fd(log->handle), flags = fcntl(fd, F_GETFL);

        if (nflog_set_mode(log->group, NFULNL_COPY_META, 0) < 0 ||
                        nflog_set_qthresh(log->group, 1) < 0 || flags < 0 ||
                        fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
                        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
                return errno > 0 ? -errno : -EIO;
        return 0;
}

int packet_log_open(PacketLog **ret, uint16_t group) {
        _cleanup_(packet_log_closep) PacketLog *log = calloc(1, sizeof(PacketLog));
        int r;

        if (!log)
                return -ENOMEM;
        errno = 0;
        log->handle = nflog_open();
        if (!log->handle)
                return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : errno > 0 ? -errno : -ENOMEM;
        r = bind_group(log, group);
        if (r >= 0)
                r = configure(log);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(log);
        return 0;
}

PacketLog *packet_log_close(PacketLog *log) {
        if (log) {
                if (log->group)
                        (void)nflog_unbind_group(log->group);
                if (log->handle)
                        (void)nflog_close(log->handle);
                free(log);
        }
        return NULL;
}

int packet_log_fd(const PacketLog *log) {
        return nflog_fd(log->handle);
}

int packet_log_read(PacketLog *log, packet_log_t told, void *userdata) {
        struct sockaddr_nl peer = { 0 };
        socklen_t size = sizeof(peer);
        ssize_t n = recvfrom(packet_log_fd(log), log->batch, sizeof(log->batch), 0,
                        (struct sockaddr *)&peer, &size);

        if (n < 0)
                return errno == EAGAIN ? 0 : errno == EINTR || errno == ENOBUFS ? 1 : -errno;
        if (peer.nl_pid != 0) /* not from the kernel */
                return 1;
        log->told = told;
        log->userdata = userdata;
        (void)nflog_handle_packet(log->handle, log->batch, (int)n);
        log->told = NULL;
        return 1;
}
