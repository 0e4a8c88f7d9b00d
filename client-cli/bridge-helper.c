/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * vnic-bridge-helper: QEMU and libvirt call it for a tap on a bridge, in place of QEMU's own setuid
 * helper. It requests the tap from vnicd, sends the queue over the socket that it was given, and
 * exits; the tap lives on in the process that received it. It needs no privileges: its callers
 * could do everything themselves.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "bridge-request.h"
#include "common/cleanup.h"
#include "language.h"
#include "standard-fds.h"
#include "status.h"
#include "tap-call.h"

#define READ_WITHIN_MS 1000

/* Sends one byte and one fd in one message. */
static Status send_queue(int socket, int queue) {
        union {
                struct cmsghdr header;
                char room[CMSG_SPACE(sizeof(int))];
        } control = {};
        char byte = 0;
        struct iovec body = { .iov_base = &byte, .iov_len = 1 };
        struct msghdr message = { .msg_iov = &body,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control) };
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        ssize_t n;

        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &queue, sizeof(int));
        do
                n = sendmsg(socket, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n == 1 ? STATUS_OK
                      : complain_errno(n < 0 ? errno : EIO, _("Cannot send the tap to the caller"));
}

static void print_advice(Status status, const char *bridge) {
        if (status == STATUS_DENIED || status == STATUS_AUTH_REQUIRED)
                complain(status,
                                _("The polkit action org.vnicd1.use-bridge decides whether you may use the bridge '%s'. An administrator allows it with a rule in /etc/polkit-1/rules.d; vnic-bridge-helper(8) has one. /etc/qemu/bridge.conf plays no part."),
                                bridge);
}

/* The queue is handed over before anything is closed, since the caller waits for it. */
static Status make_and_send(const BridgeRequest *request) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(fdset_done) FdSet queues = FDSET_INIT;
        Status status;

        status = client_open(&request->tap, &client);
        if (status != STATUS_OK)
                return status;
        status = tap_call(client, &request->tap, &reply);
        if (status != STATUS_OK)
                return status;
        if (sd_bus_message_skip(reply, "osas") < 0)
                return complain_errno(EBADMSG, _("Cannot read the answer of the service"));
        status = tap_call_take_queues(reply, &request->tap, &queues);
        if (status != STATUS_OK)
                return status;
        return send_queue(request->socket, queues.fds[0]);
}

/* libvirt stops reading the error message once the socket closes, which happens when this process
 * exits: so wait until the message was read. There is no event for a pipe that became empty, hence
 * the polling. */
static Status fail_when_read(void) {
        const struct timespec pause = { .tv_nsec = 1000 * 1000 };
        const int fd = STDERR_FILENO;
        struct stat stat;
        int unread = 0;

        if (fstat(fd, &stat) < 0 || !S_ISFIFO(stat.st_mode))
                return STATUS_FAILURE;
        for (int i = 0; i < READ_WITHIN_MS && ioctl(fd, FIONREAD, &unread) == 0 && unread > 0; i++)
                (void)nanosleep(&pause, NULL);
        return STATUS_FAILURE;
}

static void print_help(void) {
        puts(_("Usage: vnic-bridge-helper --br=NAME --fd=N [--use-vnet]\n"
               "\n"
               "Gives QEMU and libvirt a tap from vnicd, without privileges. Name it where they\n"
               "expect their own bridge helper:\n"
               "\n"
               "  qemu-system-x86_64 -netdev bridge,id=n0,br=br0,helper=PATH ...\n"
               "  bridge_helper = \"PATH\"      in ~/.config/libvirt/qemu.conf\n"));
        bridge_request_print_help();
}

int main(int argc, char *argv[]) {
        BridgeRequest request;
        Status status;

        standard_fds_open();
        language_start();
        /* If our caller dies, nobody needs to be asked to authenticate on its behalf any more. */
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (bridge_request_parse(argc, argv, &request) != STATUS_OK)
                return fail_when_read();
        if (request.help) {
                print_help();
                return STATUS_OK;
        }
        if (request.version) {
                puts("vnic-bridge-helper " VNICD_VERSION);
                return STATUS_OK;
        }

        status = make_and_send(&request);
        print_advice(status, request.tap.bridge);
        return status == STATUS_OK ? STATUS_OK : fail_when_read();
}
