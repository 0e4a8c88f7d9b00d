/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* create-tap BRIDGE: makes a tap with two queues and holds it until the end of standard input.
 *   cc -Wall -Wextra -o create-tap create-tap.c $(pkg-config --cflags --libs libsystemd) */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define QUEUES 2

static int create_tap(sd_bus *bus, const char *bridge, int fds[QUEUES]) {
        sd_bus_message *call = NULL, *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *interface;
        int n = 0, fd, r;

        r = sd_bus_message_new_method_call(
                        bus, &call, "org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", "CreateTap");
        if (r >= 0)
                r = sd_bus_message_append(call, "sbba{sv}", bridge, 1 /* vnet_hdr */,
                                1 /* multiqueue */, 1, "queues", "u", QUEUES);
        if (r >= 0) /* polkit may ask a person: hence 150 s, more than the service's 120 */
                r = sd_bus_message_set_allow_interactive_authorization(call, 1);
        if (r >= 0)
                r = sd_bus_call(bus, call, 150 * 1000000ULL, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "os", NULL, &interface);
        if (r >= 0)
                r = sd_bus_message_skip(reply, "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "h");
        /* The message closes its fds when it is freed: keep duplicates. */
        while (r >= 0 && n < QUEUES && (r = sd_bus_message_read_basic(reply, 'h', &fd)) > 0)
                if ((fds[n] = fcntl(fd, F_DUPFD_CLOEXEC, 3)) >= 0)
                        n++;
        if (r >= 0)
                printf("%s has %d queues\n", interface, n);
        else
                fprintf(stderr, "%s: %s\n", error.name ? error.name : "Failed",
                                error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_message_unref(call);
        sd_bus_message_unref(reply);
        return r < 0 || n < QUEUES ? -1 : 0;
}

int main(int argc, char *argv[]) {
        sd_bus *bus = NULL;
        int fds[QUEUES], r;

        if (argc != 2 || sd_bus_open_system(&bus) < 0)
                return 1;
        r = create_tap(bus, argv[1], fds);
        fflush(stdout);
        while (r == 0 && getchar() != EOF) /* here a VMM would read and write frames */
                ;
        sd_bus_flush_close_unref(bus);
        return r < 0;
}
