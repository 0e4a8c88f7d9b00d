/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "forwarding.h"

/*
 * A signal, whoever sent it, only makes us read the property, which is what counts. An older
 * service does not have the property.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "client.h"
#include "common/cleanup.h"
#include "connection.h"
#include "language.h"

#define USEC_PER_SEC UINT64_C(1000000)
/* Twice the longest forward delay of a bridge (30 s), and some time for the service to report it.
 */
#define WAIT_USEC (65 * USEC_PER_SEC)

static uint64_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000;
}

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        *(bool *)userdata = true;
        return 0;
}

/* Also watches for a restart of the service, during which signals are lost. */
static int watch(sd_bus *bus, const char *path, bool *told) {
        _cleanup_free_ char *match = NULL;
        int r;

        if (asprintf(&match,
                            "type='signal',sender='" VNICD_NAME
                            "',path='%s',interface='" DBUS_PROPERTIES
                            "',member='PropertiesChanged'",
                            path) < 0)
                return -ENOMEM;
        r = sd_bus_add_match(bus, NULL, match, on_signal, told);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                "type='signal',sender='" VNICD_NAME "',path='" VNICD_PATH
                                "',interface='" VNICD_MANAGER "',member='EndpointRemoved'",
                                on_signal, told);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL,
                                "type='signal',sender='org.freedesktop.DBus',"
                                "member='NameOwnerChanged',arg0='" VNICD_NAME "'",
                                on_signal, told);
        return r;
}

/* A service that ends is restarted by somebody, and its name then has an owner again. */
static bool is_away(const sd_bus_error *error) {
        return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN,
                        SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_NO_REPLY);
}

static Status ask(Client *client, const NewTap *tap, bool *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int forwards = false, r;

        r = sd_bus_get_property_trivial(client_bus(client), VNICD_NAME, tap->path, VNICD_ENDPOINT,
                        "Forwarding", &error, 'b', &forwards);
        *ret = r >= 0 ? forwards : sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_PROPERTY);
        return r >= 0 || *ret || is_away(&error) ? STATUS_OK
                                                 : connection_complain_call("Get", &error);
}

/* Waits until one of the signals has come; returns 0 on a time-out. */
static int wait_for_signal(sd_bus *bus, const bool *told, uint64_t end) {
        while (!*told) {
                uint64_t now = now_usec();
                int r = sd_bus_process(bus, NULL);

                if (r == 0 && !*told)
                        r = now < end ? sd_bus_wait(bus, end - now) : 0;
                if (r < 0 && r != -EINTR)
                        return r;
                /* Checked even if there are always other messages. */
                if (now >= end && !*told)
                        return 0;
        }
        return 1;
}

Status forwarding_wait(const Options *options, const NewTap *tap) {
        const uint64_t end = now_usec() + WAIT_USEC;
        _cleanup_(client_freep) Client *client = NULL;
        bool told = false, forwards = false, first = true;
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        r = watch(client_bus(client), tap->path, &told);
        if (r < 0)
                return complain_errno(r, _("Cannot wait until the port forwards"));
        for (;;) {
                told = false;
                status = ask(client, tap, &forwards);
                if (status != STATUS_OK || forwards)
                        return status;
                if (first)
                        (void)complain(STATUS_OK,
                                        _("The port of %s does not forward yet: waiting."),
                                        tap->interface);
                first = false;
                r = wait_for_signal(client_bus(client), &told, end);
                if (r < 0)
                        return complain_errno(r, _("Cannot wait until the port forwards"));
                if (r == 0)
                        return complain(STATUS_FAILURE,
                                        _("The port of %s does not forward after %u seconds: its bridge is down, or its spanning tree protocol blocks the port. See \"bridge -d link\"."),
                                        tap->interface, (unsigned)(WAIT_USEC / USEC_PER_SEC));
        }
}
