/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tap-call.h"

/*
 * An option that was not given is not sent: defaults are up to the service. Whether the reply has
 * as many fds as requested is checked, not trusted. Knows no JSON, to spare vnic-bridge-helper that
 * library: starting is most of its run time.
 */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "language.h"

static const Method create_tap = { VNICD_PATH, VNICD_MANAGER, "CreateTap", "osasah",
        "org.vnicd1.use-bridge" };

static int append_text(sd_bus_message *call, const char *key, const char *value) {
        return value ? sd_bus_message_append(call, "{sv}", key, "s", value) : 0;
}

static int append_number(sd_bus_message *call, const char *key, const OptionNumber *number) {
        return number->given ? sd_bus_message_append(call, "{sv}", key, "u", number->value) : 0;
}

static int append_switch(sd_bus_message *call, const char *key, const OptionSwitch *flag) {
        return flag->given ? sd_bus_message_append(call, "{sv}", key, "b", (int)flag->value) : 0;
}

/* Splits names at commas, unchecked: the service decides which names are valid. */
static int append_names(sd_bus_message *call, char *names) {
        char *rest = *names ? names : NULL, *name;
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "s");
        while (r >= 0 && (name = strsep(&rest, ",")))
                r = sd_bus_message_append_basic(call, SD_BUS_TYPE_STRING, name);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static int append_list(sd_bus_message *call, const char *key, const char *list) {
        _cleanup_free_ char *names = list ? strdup(list) : NULL;
        int r;

        if (!names)
                return list ? -ENOMEM : 0;
        r = sd_bus_message_open_container(call, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(call, SD_BUS_TYPE_STRING, key);
        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_VARIANT, "as");
        if (r >= 0)
                r = append_names(call, names);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* A message to which appending failed is discarded, so the first failure is returned. */
static int append_numbers(sd_bus_message *call, const Options *options) {
        int r = append_number(call, "queues", &options->queues);

        if (r >= 0)
                r = append_number(call, "mtu", &options->mtu);
        if (r >= 0)
                r = append_number(call, "vnet_hdr_size", &options->vnet_hdr_size);
        return r;
}

static int append_others(sd_bus_message *call, const Options *options) {
        int r = append_text(call, "label", options->label);

        if (r >= 0)
                r = append_text(call, "guest_mac", options->guest_mac);
        if (r >= 0)
                r = append_text(call, "address", options->address);
        if (r >= 0)
                r = append_switch(call, "isolated", &options->isolated);
        if (r >= 0)
                r = append_switch(call, "anti_spoof", &options->anti_spoof);
        if (r >= 0)
                r = append_list(call, "offloads", options->offloads);
        if (r >= 0 && options->persistent)
                r = sd_bus_message_append(call, "{sv}", "persistent", "b", 1);
        if (r >= 0 && options->until_logout)
                r = sd_bus_message_append(call, "{sv}", "until_logout", "b", 1);
        return r;
}

static int append_request(sd_bus_message *call, const Options *options, const OptionNumber *owner) {
        int r = sd_bus_message_append(call, "sbb", options->bridge, (int)!options->no_vnet_hdr,
                        (int)options_multiqueue(options));

        if (r >= 0)
                r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0)
                r = append_numbers(call, options);
        if (r >= 0)
                r = append_others(call, options);
        if (r >= 0)
                r = append_number(call, "owner", owner);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

/* Duplicates the fds, since those of a message are closed with it. -EPROTO: there are more than a
 * message may hold. */
static int read_queues(sd_bus_message *reply, FdSet *queues) {
        int r, fd;

        r = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "h");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(reply, SD_BUS_TYPE_UNIX_FD, &fd)) > 0) {
                _cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

                if (copy < 0)
                        return -errno;
                if (fdset_add(queues, copy) < 0)
                        return -EPROTO;
                TAKE_FD(copy);
        }
        return r;
}

static Status check_queues(const Options *options, const FdSet *queues) {
        uint32_t asked = options_queues(options);

        if ((options->persistent || options->until_logout) && queues->n == 0)
                return STATUS_OK;
        if (queues->n > 0 && (asked == 0 || queues->n == asked))
                return STATUS_OK;
        return complain(STATUS_FAILURE,
                        ngettext("The service sent %zu queue fd, which is not what was requested; giving up the tap.",
                                        "The service sent %zu queue fds, which is not what was requested; giving up the tap.",
                                        queues->n),
                        queues->n);
}

Status tap_call_take_queues(sd_bus_message *reply, const Options *options, FdSet *queues) {
        int r = read_queues(reply, queues);

        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        return check_queues(options, queues);
}

/* Accepts a user name or a uid. */
static Status find_owner(const char *text, OptionNumber *ret) {
        const struct passwd *user = text ? getpwnam(text) : NULL;
        char *end = NULL;
        unsigned long uid;

        if (!text)
                return STATUS_OK;
        errno = 0;
        uid = user ? user->pw_uid : strtoul(text, &end, 10);
        if (!user && (errno != 0 || end == text || *end || *text == '-' || uid >= UINT32_MAX))
                return complain(STATUS_USAGE, _("There is no user \"%s\" on this host."), text);
        *ret = (OptionNumber){ .given = true, .value = (uint32_t)uid };
        return STATUS_OK;
}

Status tap_call(Client *client, const Options *options, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        OptionNumber owner = { .given = false };
        Status status;
        int r;

        status = find_owner(options->owner, &owner);
        if (status != STATUS_OK)
                return status;
        status = client_begin(client, &create_tap, &call);
        if (status != STATUS_OK)
                return status;
        r = append_request(call, options, &owner);
        if (r < 0)
                return client_complain_arguments(r);
        return client_end(client, &create_tap, call, ret);
}
