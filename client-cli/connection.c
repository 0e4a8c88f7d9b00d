/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "connection.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "common/clock.h"
#include "language.h"

#define ACCEPTED_WITHIN_SEC 25 /* the usual time-out of a call */

/* On the first call sd-bus waits for the bus's Hello() reply without a time limit; and a bus that
 * refuses the user disconnects at that point, of which the caller would only see an errno. */
static int wait_until_accepted(sd_bus *bus) {
        const uint64_t end = clock_now_usec() + ACCEPTED_WITHIN_SEC * UINT64_C(1000000);

        for (;;) {
                int r = sd_bus_process(bus, NULL);
                uint64_t now = clock_now_usec();

                if (r < 0)
                        return r;
                if (sd_bus_is_ready(bus) > 0)
                        return 0;
                if (sd_bus_is_open(bus) <= 0)
                        return -ENOTCONN;
                if (r > 0)
                        continue;
                if (now >= end)
                        return -ETIMEDOUT;
                r = sd_bus_wait(bus, end - now);
                if (r < 0 && r != -EINTR)
                        return r;
        }
}

int connection_open(sd_bus **ret) {
        /* Flushing would wait for a bus that hangs. */
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r < 0)
                return r;
        r = wait_until_accepted(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

static const char *reason(int error) {
        switch (abs(error)) {
        case ENOENT:
        case ENOTDIR:
                return _("There is no socket at its address. See \"systemctl status dbus\".");
        case ECONNREFUSED:
                return _("Nobody listens at its address. See \"systemctl status dbus\".");
        case EACCES:
                return _("You are not allowed to open its socket. A sandbox has to be given the system bus, or the name org.vnicd1 on it.");
        case EINVAL:
                return _("Its address is malformed. An address looks like unix:path=/run/dbus/system_bus_socket.");
        case EAGAIN:
                return _("Its socket accepts no more connections, so the bus hangs or is overloaded. See \"systemctl status dbus\".");
        case ETIMEDOUT:
                return _("The bus did not answer within 25 seconds, so it hangs. See \"systemctl status dbus\".");
        case EPERM:
        case ENOTCONN:
        case ECONNRESET:
        case EPIPE:
                return _("The bus closed the connection before accepting it: its policy refuses you, you have too many connections, or it is being stopped. See \"systemctl status dbus\" and its log.");
        default:
                return NULL;
        }
}

char *connection_explain(int error) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS"), *why = reason(error);
        char *sentence;
        int n;

        if (!why)
                n = asprintf(&sentence,
                                _("Cannot connect to the system bus: %s. See \"systemctl status dbus\"."),
                                strerror(abs(error)));
        else if (!address)
                n = asprintf(&sentence, _("Cannot connect to the system bus. %s"), why);
        else
                n = asprintf(&sentence,
                                _("Cannot connect to the system bus, for which the variable DBUS_SYSTEM_BUS_ADDRESS has the address \"%s\". %s"),
                                address, why);
        return n < 0 ? NULL : sentence;
}

static bool is_any(const sd_bus_error *error, const char *const names[]) {
        for (; *names; names++)
                if (sd_bus_error_has_name(error, *names))
                        return true;
        return false;
}

/* Errors by which sd-bus reports that the connection failed. */
static bool is_lost(const sd_bus_error *error) {
        static const char *const names[] = { "System.Error.ENOTCONN", "System.Error.ECONNRESET",
                "System.Error.EPIPE", "System.Error.ESHUTDOWN", SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_NO_SERVER, NULL };

        return is_any(error, names);
}

static bool is_late(const sd_bus_error *error) {
        static const char *const names[] = { SD_BUS_ERROR_TIMEOUT, "System.Error.ETIMEDOUT",
                "org.freedesktop.DBus.Error.TimedOut", NULL };

        return is_any(error, names);
}

/* The bus's own refusal has the same error name as the service's, so only the text of dbus-daemon
 * and dbus-broker tells them apart. */
static bool is_of_bus_policy(const sd_bus_error *error) {
        static const char *const beginnings[] = { "Rejected send message",
                "Sender is not authorized to send" };

        if (!sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) || !error->message)
                return false;
        for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
                if (strncmp(error->message, beginnings[i], strlen(beginnings[i])) == 0)
                        return true;
        return false;
}

static Status complain_other(const char *member, const sd_bus_error *error) {
        const char *text = error->message && *error->message ? error->message
                        : error->name                        ? error->name
                                                             : _("no error was given");
        Status status = status_from_error_name(error->name);
        int length = (int)strlen(text) - (text[strlen(text) - 1] == '.');

        if (status == STATUS_UNREACHABLE)
                return complain(status,
                                _("The service org.vnicd1 cannot be reached: %.*s. It does not run, and the bus could not start it; see \"systemctl status vnicd\"."),
                                length, text);
        if (error->name && strncmp(error->name, "System.Error.", strlen("System.Error.")) == 0)
                return complain(status, _("Cannot call %s of org.vnicd1: %.*s."), member, length,
                                text);
        return complain(status, "%s", text);
}

Status connection_complain_call(const char *member, const sd_bus_error *error) {
        if (is_lost(error))
                return complain(STATUS_UNREACHABLE,
                                _("The connection to the system bus was lost before org.vnicd1 had answered %s. See \"systemctl status dbus\", and try again."),
                                member);
        if (is_late(error))
                return complain(STATUS_UNREACHABLE,
                                _("The service org.vnicd1 did not answer %s in time: it hangs; see \"systemctl status vnicd\"."),
                                member);
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
                return complain(STATUS_UNREACHABLE,
                                _("The service org.vnicd1 ended before it had answered %s; see \"systemctl status vnicd\", and try again."),
                                member);
        if (is_of_bus_policy(error))
                return complain(STATUS_UNREACHABLE,
                                _("The policy of the system bus does not let you call %s of org.vnicd1. Have an administrator look at the files in /usr/share/dbus-1/system.d and /etc/dbus-1/system.d."),
                                member);
        return complain_other(member, error);
}
