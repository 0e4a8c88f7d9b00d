/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "status.h"

/*
 * From error names to exit statuses. The names of vnicd are in common/bus-error, which the service
 * and this client share; here are only the names with which the bus itself answers if the service
 * is missing.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "common/bus-error.h"
#include "common/cleanup.h"
#include "common/failure.h"
#include "language.h"
#include "text.h"

static const char *const meanings[STATUS_MAX] = {
        [STATUS_OK] = N_("success"),
        [STATUS_FAILURE] = N_("any other failure"),
        [STATUS_USAGE] = N_("wrong usage of vnicctl"),
        [STATUS_DENIED] = N_("access denied"),
        [STATUS_AUTH_REQUIRED] = N_("authentication is required, but polkit may not ask for it"),
        [STATUS_NOT_FOUND] = N_("no such bridge, network or endpoint"),
        [STATUS_LIMIT] = N_(
                        "a limit is reached: of the user, the bridge, the device or the service"),
        [STATUS_BAD_OPTION] = N_("an option that the service refuses"),
        [STATUS_TAKEN] = N_("the MAC address, the address or the label is in use"),
        [STATUS_NOT_SUPPORTED] = N_("this host or this service cannot do it"),
        [STATUS_KERNEL] = N_("the kernel refused, or the bridge changed meanwhile"),
        [STATUS_UNREACHABLE] = N_("the service or the system bus cannot be reached"),
};

static Status status_from_kind(FailureKind kind) {
        switch (kind) {
        case FAILURE_INVALID_OPTION:
        case FAILURE_INVALID_ARGS:
        case FAILURE_VNET_HDR_REQUIRED:
        case FAILURE_NOT_MULTIQUEUE:
                return STATUS_BAD_OPTION;
        case FAILURE_NO_SUCH_BRIDGE:
        case FAILURE_NOT_A_BRIDGE:
        case FAILURE_NO_SUCH_ENDPOINT:
        case FAILURE_NO_SUCH_NETWORK:
        case FAILURE_UNKNOWN_OBJECT:
                return STATUS_NOT_FOUND;
        case FAILURE_BRIDGE_FULL:
        case FAILURE_QUOTA_EXCEEDED:
        case FAILURE_QUEUE_LIMIT:
        case FAILURE_LIMITS_EXCEEDED:
                return STATUS_LIMIT;
        case FAILURE_MAC_IN_USE:
        case FAILURE_NAME_TAKEN:
        case FAILURE_ADDRESS_IN_USE:
                return STATUS_TAKEN;
        case FAILURE_OFFLOAD_UNSUPPORTED:
        case FAILURE_NOT_SUPPORTED:
        case FAILURE_UNKNOWN_INTERFACE:
        case FAILURE_UNKNOWN_METHOD:
                return STATUS_NOT_SUPPORTED;
        case FAILURE_STALE:
        case FAILURE_KERNEL:
                return STATUS_KERNEL;
        case FAILURE_ACCESS_DENIED:
                return STATUS_DENIED;
        case FAILURE_INTERACTION_REQUIRED:
                return STATUS_AUTH_REQUIRED;
        case FAILURE_NONE:
        case FAILURE_INVALID_CONFIGURATION:
        case FAILURE_NO_MEMORY:
        case FAILURE_KIND_MAX:
                break;
        }
        return STATUS_FAILURE;
}

/* A name that ends in "*" matches by prefix. */
static const struct {
        const char *name;
        Status status;
} bus_errors[] = {
        { SD_BUS_ERROR_SERVICE_UNKNOWN, STATUS_UNREACHABLE },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, STATUS_UNREACHABLE },
        { SD_BUS_ERROR_NO_SERVER, STATUS_UNREACHABLE },
        { SD_BUS_ERROR_DISCONNECTED, STATUS_UNREACHABLE },
        { SD_BUS_ERROR_NO_REPLY, STATUS_UNREACHABLE },
        { SD_BUS_ERROR_TIMEOUT, STATUS_UNREACHABLE },
        { "org.freedesktop.DBus.Error.TimedOut", STATUS_UNREACHABLE },
        { "org.freedesktop.DBus.Error.Spawn.*", STATUS_UNREACHABLE },
        { "org.freedesktop.systemd1.*", STATUS_UNREACHABLE },
        { SD_BUS_ERROR_UNKNOWN_PROPERTY, STATUS_NOT_SUPPORTED },
};

static bool name_matches(const char *pattern, const char *name) {
        const char *star = strchr(pattern, '*');

        if (!star)
                return strcmp(pattern, name) == 0;
        return strncmp(pattern, name, (size_t)(star - pattern)) == 0;
}

Status status_from_error_name(const char *name) {
        if (!name)
                return STATUS_FAILURE;
        for (size_t i = 0; i < sizeof(bus_errors) / sizeof(bus_errors[0]); i++)
                if (name_matches(bus_errors[i].name, name))
                        return bus_errors[i].status;
        return status_from_kind(error_kind(name));
}

void status_print_table(FILE *stream) {
        for (Status status = STATUS_OK; status < STATUS_MAX; status++)
                fprintf(stream, "  %3d  %s\n", (int)status, _(meanings[status]));
}

Status complain(Status status, const char *format, ...) {
        _cleanup_free_ char *sentence = NULL;
        va_list args;
        int r;

        va_start(args, format);
        r = vasprintf(&sentence, format, args);
        va_end(args);
        if (r < 0)
                sentence = NULL;
        fprintf(stderr, "%s: %s\n", program_invocation_short_name,
                        sentence ? text_clean(sentence) : _("Out of memory."));
        return status;
}

Status complain_errno(int error, const char *what) {
        return complain(STATUS_FAILURE, "%s: %s.", what, strerror(abs(error)));
}
