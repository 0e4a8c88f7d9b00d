/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl list": the endpoints of the caller, or of everybody. Endpoints are no secret (sysfs
 * shows them to everybody); the default is a matter of convenience.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client-call.h"
#include "common/cleanup.h"
#include "endpoint.h"
#include "language.h"
#include "print.h"
#include "verb.h"

static const Column columns[] = {
        { "INTERFACE", "interface" },
        { "BRIDGE", "bridge" },
        { "OWNER", "owner" },
        { "LABEL", "label" },
        { "GUEST-MAC", "guest_mac" },
        { "MTU", "mtu" },
        { "QUEUES", "queues" },
        { "STATE", "state" },
        { "KEPT", "kept" },
        { "ADDRESSES", "wide_addresses" },
        { "WARNINGS", "n_warnings" },
};

static bool is_set(const json_t *endpoint, const char *key) {
        return json_is_true(json_object_get(endpoint, key));
}

static bool is_wanted(const Options *options, const json_t *endpoint) {
        const json_t *owner = json_object_get(endpoint, "owner");

        if (!json_is_integer(owner))
                return false; /* not an endpoint but some other object */
        return options->all || getuid() == 0 || json_integer_value(owner) == (json_int_t)getuid();
}

static int compare(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of the object, sorted and borrowed from it. NULL: out of memory. */
static const char **sorted_keys(json_t *objects) {
        const char **keys = calloc(json_object_size(objects) + 1, sizeof(*keys));
        const char *key;
        json_t *value;
        size_t n = 0;

        if (!keys)
                return NULL;
        json_object_foreach(objects, key, value) keys[n++] = key;
        qsort(keys, n, sizeof(*keys), compare);
        return keys;
}

static int collect(const Options *options, json_t *objects, json_t *endpoints) {
        _cleanup_free_ const char **paths = sorted_keys(objects);

        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; paths[i]; i++) {
                const json_t *interfaces = json_object_get(objects, paths[i]);
                _cleanup_(json_decrefp) json_t *endpoint = NULL;
                int r = endpoint_from_interfaces(paths[i], interfaces, &endpoint);

                if (r < 0)
                        return r;
                if (is_wanted(options, endpoint) && json_array_append(endpoints, endpoint) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* The table leaves out those that are of no use beyond the bridge; "show" prints all. */
static void choose_addresses(json_t *endpoints) {
        json_t *endpoint, *address;
        size_t i, k;

        json_array_foreach(endpoints, i, endpoint) {
                json_t *wide = json_array();

                json_array_foreach(json_object_get(endpoint, "addresses"), k, address) {
                        if (strncmp(json_string_value(address), "fe80:", strlen("fe80:")) != 0)
                                json_array_append(wide, address);
                }
                json_object_set_new(endpoint, "wide_addresses", wide);
        }
}

/* The table has this for what "show" prints: of warnings their number, and how long it is kept
 * without a queue. */
static void add_cells(json_t *endpoints) {
        json_t *endpoint;
        size_t i;

        json_array_foreach(endpoints, i, endpoint) {
                size_t n = json_array_size(json_object_get(endpoint, "warnings"));

                json_object_set_new(endpoint, "n_warnings",
                                n > 0 ? json_integer((json_int_t)n) : json_null());
                json_object_set_new(endpoint, "kept",
                                is_set(endpoint, "until_logout") ? json_string("until-logout")
                                                : is_set(endpoint, "persistent") ? json_true()
                                                                                 : json_null());
        }
}

Status verb_list(const Options *options) {
        Method method = { VNICD_PATH, DBUS_OBJECTMANAGER, "GetManagedObjects",
                .answer = "a{oa{sa{sv}}}" };
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *body = NULL, *endpoints = json_array();
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = client_call(client, &method, NULL, &body);
        if (status != STATUS_OK)
                return status;
        r = collect(options, json_array_get(body, 0), endpoints);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        if (options->json)
                return print_json(endpoints);
        choose_addresses(endpoints);
        add_cells(endpoints);
        return print_rows(endpoints, columns, sizeof(columns) / sizeof(columns[0]));
}
