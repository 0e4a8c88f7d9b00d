/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl show": all properties of one endpoint; for people also which offloads could be on, which
 * are, and what the gap means.
 */

#include "client-call.h"
#include "endpoint.h"
#include "language.h"
#include "offloads.h"
#include "print.h"
#include "verb.h"

static Status get_interfaces(Client *client, const char *path, json_t *interfaces) {
        static const char *const names[] = { VNICD_ENDPOINT, VNICD_TAP };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                _cleanup_(json_decrefp) json_t *properties = NULL;
                Status status = client_get_properties(client, path, names[i], &properties);

                if (status != STATUS_OK)
                        return status;
                if (json_object_set(interfaces, names[i], properties) < 0)
                        return complain(STATUS_FAILURE, _("Out of memory."));
        }
        return STATUS_OK;
}

Status verb_show(const Options *options) {
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *interfaces = json_object(), *endpoint = NULL;
        _cleanup_free_ char *path = NULL;
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = client_find_endpoint(client, options->arguments[0], &path);
        if (status != STATUS_OK)
                return status;
        status = get_interfaces(client, path, interfaces);
        if (status != STATUS_OK)
                return status;
        r = endpoint_from_interfaces(path, interfaces, &endpoint);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        if (options->json)
                return print_json(endpoint);
        status = print_object(endpoint);
        return status == STATUS_OK ? offloads_print_tap(endpoint) : status;
}
