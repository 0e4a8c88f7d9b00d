/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl release": deletes endpoints, by name, or the caller's by what they have in common, or
 * all of the caller's. A failure does not stop the others; the first failure is the exit status.
 */

#include <string.h>

#include "client-call.h"
#include "decode.h"
#include "language.h"
#include "print.h"
#include "verb.h"

static Status release_one(Client *client, const char *name) {
        Method method = { NULL, VNICD_ENDPOINT, "Release", "", "org.vnicd1.manage-endpoints" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        _cleanup_free_ char *path = NULL;
        Status status;

        status = client_find_endpoint(client, name, &path);
        if (status != STATUS_OK)
                return status;
        method.path = path;
        return client_call(client, &method, NULL, &body);
}

static Status release_names(Client *client, char *const *names) {
        Status first = STATUS_OK;

        for (; *names; names++) {
                Status status = release_one(client, *names);

                if (first == STATUS_OK)
                        first = status;
        }
        return first;
}

static Status print_number(const json_t *body) {
        printf(_("%lld released\n"), (long long)json_integer_value(json_array_get(body, 0)));
        return print_flush();
}

static Status release_all(Client *client) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ReleaseAll", .answer = "u" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        Status status;

        status = client_call(client, &method, NULL, &body);
        return status == STATUS_OK ? print_number(body) : status;
}

static int append_filter(sd_bus_message *call, const Options *options) {
        const char *bridge = options->from_bridge;
        int r;

        r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");
        if (r >= 0 && options->label_prefix)
                r = sd_bus_message_append(call, "{sv}", "label_prefix", "s", options->label_prefix);
        if (r >= 0 && bridge)
                r = sd_bus_message_append(call, "{sv}", "bridge", "s",
                                strcmp(bridge, "-") == 0 ? "" : bridge);
        return r < 0 ? r : sd_bus_message_close_container(call);
}

static Status release_some(Client *client, const Options *options) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ReleaseEndpoints", .answer = "u" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(json_decrefp) json_t *body = NULL;
        Status status;
        int r;

        status = client_begin(client, &method, &call);
        if (status != STATUS_OK)
                return status;
        r = append_filter(call, options);
        if (r < 0)
                return client_complain_arguments(r);
        status = client_end(client, &method, call, &reply);
        if (status != STATUS_OK)
                return status;
        r = decode_body(reply, &body);
        return r < 0 ? complain_errno(r, _("Cannot read the answer of the service"))
                     : print_number(body);
}

Status verb_release(const Options *options) {
        const bool some = options->label_prefix || options->from_bridge;
        _cleanup_(client_freep) Client *client = NULL;
        Status status;

        if (options->all + some + (options->n_arguments > 0) != 1)
                return complain(STATUS_USAGE,
                                _("release takes either names, or --all, or --label-prefix and --bridge; see vnicctl release --help."));
        /* Such as of a variable that was never set: to the service it would mean none. */
        if (options->from_bridge && *options->from_bridge == '\0')
                return complain(STATUS_USAGE,
                                _("release: --bridge was given without a name. Give \"-\" for endpoints on no bridge."));
        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        if (some)
                return release_some(client, options);
        return options->all ? release_all(client) : release_names(client, options->arguments);
}
