/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl bridges": the bridges of the host and whether the caller may use them.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cell.h"
#include "client-call.h"
#include "language.h"
#include "print.h"
#include "verb.h"

static const Column columns[] = {
        { "NAME", "name" },
        { "KIND", "kind" },
        { "ACCESS", "access" },
        { "MTU", "mtu" },
        { "PORTS", "ports" },
        { "LEADS-TO", "leads_to" },
};

/* This says what is behind a bridge, for people: a new string. NULL: out of memory. */
static char *say_what_is_behind(const json_t *bridge) {
        const char *kind = json_string_value(json_object_get(bridge, "kind"));
        const json_t *uplinks = json_object_get(bridge, "uplinks");
        _cleanup_free_ char *names = cell_text(bridge, "uplinks");
        char *text = NULL;

        if (!names)
                return NULL;
        if (kind && strcmp(kind, "nat") == 0)
                return strdup(_("Internet by NAT"));
        if (kind && strcmp(kind, "isolated") == 0)
                return strdup(_("isolated"));
        if (json_array_size(uplinks) == 0)
                return strdup(_("no uplink"));
        return asprintf(&text, _("wired LAN by %s"), names) < 0 ? NULL : text;
}

/* A network that is not up comes up with its first tap; a bridge of the host does not. */
static bool is_down(const json_t *bridge) {
        const char *kind = json_string_value(json_object_get(bridge, "kind"));

        return kind && strcmp(kind, "bridge") == 0 && json_is_false(json_object_get(bridge, "up"));
}

static int add_words(json_t *bridge) {
        const char *description = json_string_value(json_object_get(bridge, "description"));
        const bool described = description && *description;
        _cleanup_free_ char *behind = say_what_is_behind(bridge), *text = NULL;

        if (!behind ||
                        asprintf(&text, "%s%s%s%s%s%s", described ? description : "",
                                        described ? " (" : "", behind, described ? ")" : "",
                                        json_is_true(json_object_get(bridge, "default"))
                                                        ? _(", the default")
                                                        : "",
                                        is_down(bridge) ? _(", down") : "") < 0)
                return -ENOMEM;
        return json_object_set_new(bridge, "leads_to", json_string(text)) < 0 ? -ENOMEM : 0;
}

Status verb_bridges(const Options *options) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ListBridges", .answer = "aa{sv}" };
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *body = NULL;
        json_t *bridges, *bridge;
        Status status;
        size_t i;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = client_call(client, &method, NULL, &body);
        if (status != STATUS_OK)
                return status;
        bridges = json_array_get(body, 0);
        if (options->json)
                return print_json(bridges);
        json_array_foreach(bridges, i, bridge) {
                if (add_words(bridge) < 0)
                        return complain_errno(ENOMEM, _("Cannot describe a bridge"));
        }
        return print_rows_and_warnings(
                        bridges, columns, sizeof(columns) / sizeof(columns[0]), "name");
}
