/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arguments, signals, the loop. The service needs no arguments and keeps no state: at the start it
 * reads from the kernel what exists, and stopping it removes nothing.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "api/service.h"
#include "bus/bus-cleanup.h"
#include "common/log.h"

DEFINE_CLEANUP(Service, service_free)

static void print_help(void) {
        puts("Usage: vnicd [--help] [--version]\n"
             "\n"
             "Hands virtual network endpoints to ordinary users: the D-Bus system service\n"
             "org.vnicd1. It needs CAP_NET_ADMIN and /dev/net/tun, takes no arguments, and works\n"
             "in the network namespace it is started in. See vnicd(8).");
}

/* 0: go on. 1: done. */
static int parse_arguments(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'V' },
                { 0 },
        };
        int option = getopt_long(argc, argv, "hV", options, NULL);

        if (option == 'h')
                print_help();
        else if (option == 'V')
                puts("vnicd " VNICD_VERSION);
        else if (option == -1 && optind == argc)
                return 0;
        else {
                fputs("vnicd takes no arguments; try --help.\n", stderr);
                return -EINVAL;
        }
        return 1;
}

static int handle_signals(sd_event *event) {
        int r = sd_event_add_signal(event, NULL, SIGTERM | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL);

        if (r < 0)
                return r;
        return sd_event_add_signal(event, NULL, SIGINT | SD_EVENT_SIGNAL_PROCMASK, NULL, NULL);
}

/* Losing the bus ends the service: systemd restarts it, and it finds everything in the kernel. */
static int open_bus(sd_bus **ret, sd_event *event) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(bus, true);
        /* The bus must not close when the loop ends: the service still has calls to answer. */
        if (r >= 0)
                r = sd_bus_set_close_on_exit(bus, false);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static int run(Failure *failure) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(service_freep) Service *service = NULL;
        int r;

        r = sd_event_default(&event);
        if (r >= 0)
                r = handle_signals(event);
        if (r >= 0)
                r = sd_event_set_watchdog(event, true);
        if (r >= 0)
                r = open_bus(&bus, event);
        if (r >= 0)
                r = service_new(&service, event, bus, failure);
        if (r >= 0)
                r = sd_bus_request_name(bus, SERVICE_NAME, 0);
        if (r < 0)
                return r;

        (void)sd_notify(false, "READY=1");
        r = sd_event_loop(event);
        (void)sd_notify(false, "STOPPING=1");
        /* The loop ended for a reason other than a signal: the bus is gone. */
        return r > 0 ? -ECONNRESET : r;
}

int main(int argc, char *argv[]) {
        Failure failure = FAILURE_INIT;
        int r = parse_arguments(argc, argv);

        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        r = run(&failure);
        if (r >= 0)
                return EXIT_SUCCESS;
        log_error("Cannot go on: %s", failure.kind != FAILURE_NONE ? failure.text : strerror(-r));
        return failure.kind == FAILURE_INVALID_CONFIGURATION ? EX_CONFIG : EXIT_FAILURE;
}
