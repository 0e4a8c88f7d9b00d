/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client-call.h"

#include <errno.h>
#include <string.h>

#include "decode.h"
#include "language.h"

Status client_call(Client *client, const Method *method, const char *argument, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        Status status;
        int r;

        status = client_begin(client, method, &call);
        if (status != STATUS_OK)
                return status;
        r = argument ? sd_bus_message_append(call, "s", argument) : 0;
        if (r < 0)
                return client_complain_arguments(r);
        status = client_end(client, method, call, &reply);
        if (status != STATUS_OK)
                return status;
        r = decode_body(reply, ret);
        return r < 0 ? complain_errno(r, _("Cannot read the answer of the service")) : STATUS_OK;
}

Status client_get_properties(
                Client *client, const char *path, const char *interface, json_t **ret) {
        Method method = { path, DBUS_PROPERTIES, "GetAll", .answer = "a{sv}" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        Status status;

        status = client_call(client, &method, interface, &body);
        if (status != STATUS_OK)
                return status;
        *ret = json_incref(json_array_get(body, 0));
        return STATUS_OK;
}

Status client_find_endpoint(Client *client, const char *name, char **ret) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "GetEndpoint", .answer = "o" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        char *path;
        Status status;

        status = client_call(client, &method, name, &body);
        if (status != STATUS_OK)
                return status;
        path = strdup(json_string_value(json_array_get(body, 0)));
        if (!path)
                return complain_errno(ENOMEM, _("Cannot read the answer of the service"));
        *ret = path;
        return STATUS_OK;
}
