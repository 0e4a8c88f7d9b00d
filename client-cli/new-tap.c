/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "new-tap.h"

/*
 * Creates a tap and collects what the verbs need to know about it. What becomes of the tap is up to
 * them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client-call.h"
#include "decode.h"
#include "language.h"
#include "tap-call.h"
#include "text.h"

static int read_text(sd_bus_message *reply, char type, char **ret) {
        const char *text;
        int r = sd_bus_message_read_basic(reply, type, &text);

        if (r < 0)
                return r;
        *ret = strdup(text);
        if (!*ret)
                return -ENOMEM;
        text_clean(*ret);
        return 0;
}

static int read_reply(sd_bus_message *reply, NewTap *tap) {
        int r = read_text(reply, SD_BUS_TYPE_OBJECT_PATH, &tap->path);

        if (r >= 0)
                r = read_text(reply, SD_BUS_TYPE_STRING, &tap->interface);
        return r < 0 ? r : decode_value(reply, &tap->offloads);
}

static Status get_guest_mac(Client *client, NewTap *tap) {
        _cleanup_(json_decrefp) json_t *properties = NULL;
        const char *mac;
        Status status;

        status = client_get_properties(client, tap->path, VNICD_ENDPOINT, &properties);
        if (status != STATUS_OK)
                return status;
        mac = json_string_value(json_object_get(properties, "GuestMac"));
        if (!mac)
                return complain(STATUS_FAILURE, _("The service does not report the guest's MAC."));
        tap->guest_mac = strdup(mac);
        return tap->guest_mac ? STATUS_OK
                              : complain_errno(ENOMEM, _("Cannot keep the guest's MAC"));
}

static Status make(Client *client, const Options *options, NewTap *tap) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Status status;
        int r;

        status = tap_call(client, options, &reply);
        if (status != STATUS_OK)
                return status;
        r = read_reply(reply, tap);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        return tap_call_take_queues(reply, options, &tap->queues);
}

Status new_tap_create(const Options *options, NewTap **ret) {
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(new_tap_freep) NewTap *tap = calloc(1, sizeof(NewTap));
        Status status;

        if (!tap)
                return complain_errno(ENOMEM, _("Cannot make a tap"));
        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = make(client, options, tap);
        if (status != STATUS_OK)
                return status;
        status = get_guest_mac(client, tap);
        if (status != STATUS_OK)
                return status;
        *ret = TAKE_PTR(tap);
        return STATUS_OK;
}

NewTap *new_tap_free(NewTap *tap) {
        if (!tap)
                return NULL;
        fdset_done(&tap->queues);
        json_decref(tap->offloads);
        free(tap->guest_mac);
        free(tap->interface);
        free(tap->path);
        free(tap);
        return NULL;
}
