/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge-request.h"

/*
 * The callers show our messages to a person and only distinguish the exit status 0 from others; so
 * every mistake is STATUS_FAILURE. This checks the form of the arguments, and that the socket has a
 * peer; whether the bridge exists or the label is valid is up to the service.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "language.h"

enum {
        CODE_BRIDGE = 256,
        CODE_FD,
        CODE_USE_VNET,
        CODE_VERSION,
};

static const struct option table[] = {
        { "br", required_argument, NULL, CODE_BRIDGE },
        { "fd", required_argument, NULL, CODE_FD },
        { "use-vnet", no_argument, NULL, CODE_USE_VNET },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, CODE_VERSION },
        {},
};

static Status parse_fd(const char *text, int *ret) {
        char *end;
        long number;

        errno = 0;
        number = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : -1;
        if (number < 0 || number > INT_MAX || errno != 0 || *end)
                return complain(STATUS_FAILURE,
                                _("--fd takes the number of an open socket, not '%s'."), text);
        *ret = (int)number;
        return STATUS_OK;
}

static Status complain_option(int code, const char *option) {
        return complain(STATUS_FAILURE,
                        code == ':' ? _("An argument is missing after '%s'; see --help.")
                                    : _("'%s' is unknown, ambiguous or has an argument that it does not take; see --help."),
                        option);
}

static Status apply(int code, const char *argument, BridgeRequest *request) {
        switch (code) {
        case CODE_BRIDGE:
                request->tap.bridge = argument;
                return STATUS_OK;
        case CODE_FD:
                return parse_fd(argument, &request->socket);
        case CODE_USE_VNET:
                request->tap.no_vnet_hdr = false;
                return STATUS_OK;
        case CODE_VERSION:
                request->version = true;
                return STATUS_OK;
        case 'h':
                request->help = true;
                return STATUS_OK;
        default:
                return STATUS_FAILURE;
        }
}

static Status parse_words(int argc, char *argv[], BridgeRequest *request) {
        int code;

        optind = 0; /* glibc: start afresh */
        while ((code = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
                Status status;

                if (code == ':' || code == '?')
                        return complain_option(code, argv[optind - 1]);
                status = apply(code, optarg, request);
                if (status != STATUS_OK)
                        return status;
        }
        if (optind < argc)
                return complain(STATUS_FAILURE, _("'%s' is one argument too many; see --help."),
                                argv[optind]);
        return STATUS_OK;
}

static Status check_bridge(const char *bridge) {
        if (!bridge || !*bridge)
                return complain(STATUS_FAILURE, _("--br=NAME is missing: which bridge?"));
        if (strlen(bridge) >= IFNAMSIZ)
                return complain(STATUS_FAILURE,
                                _("--br=%s: the name of a bridge has at most %d characters."),
                                bridge, IFNAMSIZ - 1);
        return STATUS_OK;
}

/* Checked before anything is created: a tap whose queue cannot be sent is useless. */
static Status check_socket(int fd) {
        struct pollfd peer = { .fd = fd };
        int domain = 0, type = 0;
        socklen_t length = sizeof(int);

        if (fd < 0)
                return complain(STATUS_FAILURE,
                                _("--fd=N is missing: the socket over which the tap is sent. This program is started by QEMU or libvirt, not by hand."));
        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
                        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
                return complain(STATUS_FAILURE, _("--fd=%d cannot be used: %s."), fd,
                                strerror(errno));
        if (domain != AF_UNIX || type != SOCK_STREAM)
                return complain(STATUS_FAILURE, _("--fd=%d is not a stream socket of AF_UNIX."),
                                fd);
        if (poll(&peer, 1, 0) < 0 || peer.revents & (POLLHUP | POLLERR))
                return complain(STATUS_FAILURE, _("--fd=%d: nobody listens at its other end."), fd);
        return STATUS_OK;
}

/* As vnicctl reads it. An empty variable counts as unset. */
static Status read_switch(const char *name, OptionSwitch *ret) {
        const char *value = getenv(name);

        if (!value || !*value || options_parse_switch(value, ret))
                return STATUS_OK;
        return complain(STATUS_FAILURE, _("%s takes yes or no, not '%s'."), name, value);
}

static const char *read_text(const char *name) {
        const char *value = getenv(name);

        return value && *value ? value : NULL;
}

static Status read_environment(Options *tap) {
        OptionSwitch ask = { .value = true };
        Status status;

        tap->label = read_text("VNIC_LABEL");
        tap->guest_mac = read_text("VNIC_GUEST_MAC");
        status = read_switch("VNIC_ASK", &ask);
        if (status != STATUS_OK)
                return status;
        tap->ask = ask.value;
        tap->no_ask = !ask.value;
        tap->no_agent = true;
        return read_switch("VNIC_ISOLATED", &tap->isolated);
}

Status bridge_request_parse(int argc, char *argv[], BridgeRequest *ret) {
        BridgeRequest request = { .socket = -1, .tap.no_vnet_hdr = true };
        Status status;

        status = parse_words(argc, argv, &request);
        if (status == STATUS_OK && !request.help && !request.version) {
                status = check_bridge(request.tap.bridge);
                if (status == STATUS_OK)
                        status = check_socket(request.socket);
                if (status == STATUS_OK)
                        status = read_environment(&request.tap);
        }
        if (status == STATUS_OK)
                *ret = request;
        return status;
}

void bridge_request_print_help(void) {
        puts(_("Options, given by QEMU and libvirt:\n"
               "  --br=NAME     the bridge to join\n"
               "  --fd=N        the stream socket over which to send the queue of the tap\n"
               "  --use-vnet    frames with a virtio_net_hdr, hence with offloads\n"
               "  --help, --version\n"
               "\n"
               "Environment, for what these cannot express:\n"
               "  VNIC_LABEL      a name of your own for the endpoint\n"
               "  VNIC_GUEST_MAC  the MAC address of the guest; the port then accepts no other;\n"
               "                  the mac= of QEMU's -device has to be the same\n"
               "  VNIC_ISOLATED   yes: no traffic to other isolated ports\n"
               "  VNIC_ASK        no: never let polkit ask (by default the agent of a desktop may)\n"
               "  DBUS_SYSTEM_BUS_ADDRESS  in place of the system bus"));
}
