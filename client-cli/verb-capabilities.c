/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl capabilities": what this host and this service can do, that is, the manager's
 * properties. For people the offloads follow once more, with what they are good for.
 */

#include "client-call.h"
#include "decode.h"
#include "language.h"
#include "offloads.h"
#include "print.h"
#include "verb.h"

Status verb_capabilities(const Options *options) {
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *properties = NULL, *object = json_object();
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = client_get_properties(client, VNICD_PATH, VNICD_MANAGER, &properties);
        if (status != STATUS_OK)
                return status;
        r = decode_add_properties(object, properties);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        if (options->json)
                return print_json(object);
        status = print_object(object);
        return status == STATUS_OK ? offloads_print_host(object) : status;
}
