/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "endpoint.h"

/*
 * Merges the interfaces, which have no property name in common. Standard interfaces
 * (Introspectable, Peer, …) are left out; unknown ones of vnicd are included as they are, since a
 * newer service may have more.
 */

#include <errno.h>
#include <string.h>

#include "client.h"
#include "common/cleanup.h"
#include "decode.h"

int endpoint_from_interfaces(const char *path, const json_t *interfaces, json_t **ret) {
        _cleanup_(json_decrefp) json_t *endpoint = json_pack("{s:s}", "path", path);
        const char *name;
        json_t *properties;

        if (!endpoint)
                return -ENOMEM;
        json_object_foreach((json_t *)interfaces, name, properties) {
                int r = 0;

                if (strncmp(name, VNICD_INTERFACES, strlen(VNICD_INTERFACES)) == 0)
                        r = decode_add_properties(endpoint, properties);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(endpoint);
        return 0;
}
