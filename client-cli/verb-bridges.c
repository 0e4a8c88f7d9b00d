/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl bridges": the bridges of the host and whether the caller may use them.
 */

#include "client-call.h"
#include "print.h"
#include "verb.h"

static const Column columns[] = {
        { "NAME", "name" },
        { "KIND", "kind" },
        { "ACCESS", "access" },
        { "MTU", "mtu" },
        { "PORTS", "ports" },
};

Status verb_bridges(const Options *options) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ListBridges", .answer = "aa{sv}" };
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *body = NULL;
        const json_t *bridges;
        Status status;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = client_call(client, &method, NULL, &body);
        if (status != STATUS_OK)
                return status;
        bridges = json_array_get(body, 0);
        if (options->json)
                return print_json(bridges);
        return print_rows_and_warnings(
                        bridges, columns, sizeof(columns) / sizeof(columns[0]), "name");
}
