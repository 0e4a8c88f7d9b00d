/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "network.h"

#include <errno.h>
#include <string.h>

#include "client-call.h"
#include "decode.h"
#include "endpoint.h"
#include "language.h"

#define NETWORK_PREFIX "/org/vnicd1/network"
#define MANAGE         "org.vnicd1.manage-networks"

/* The object path of a network, as a new string. */
static Status path_of(const char *name, char **ret) {
        int r = sd_bus_path_encode(NETWORK_PREFIX, name, ret);

        return r < 0 ? complain_errno(r, _("Cannot name the object of the network")) : STATUS_OK;
}

Status network_get(Client *client, const char *name, json_t **ret) {
        _cleanup_(json_decrefp) json_t *properties = NULL, *interfaces = NULL;
        _cleanup_free_ char *path = NULL;
        Status status = path_of(name, &path);
        int r;

        if (status == STATUS_OK)
                status = client_get_properties(client, path, VNICD_NETWORK, &properties);
        if (status != STATUS_OK)
                return status;
        interfaces = json_pack("{s:O}", VNICD_NETWORK, properties);
        r = interfaces ? endpoint_from_interfaces(path, interfaces, ret) : -ENOMEM;
        return r < 0 ? complain_errno(r, _("Cannot read the answer of the service")) : STATUS_OK;
}

static const char *name_of(const json_t *network) {
        const char *name = json_string_value(json_object_get(network, "name"));

        return name ? name : "";
}

/* Inserts it in the order of names. */
static int insert(json_t *networks, json_t *network) {
        size_t i = json_array_size(networks);

        while (i > 0 && strcmp(name_of(json_array_get(networks, i - 1)), name_of(network)) > 0)
                i--;
        return json_array_insert(networks, i, network) < 0 ? -ENOMEM : 0;
}

static int collect(const json_t *objects, json_t *networks) {
        const char *path;
        json_t *interfaces;

        json_object_foreach((json_t *)objects, path, interfaces) {
                _cleanup_(json_decrefp) json_t *network = NULL;
                int r;

                if (!json_object_get(interfaces, VNICD_NETWORK))
                        continue;
                r = endpoint_from_interfaces(path, interfaces, &network);
                if (r >= 0)
                        r = insert(networks, network);
                if (r < 0)
                        return r;
        }
        return 0;
}

Status network_get_all(Client *client, json_t **ret) {
        Method method = { VNICD_PATH, DBUS_OBJECTMANAGER, "GetManagedObjects",
                .answer = "a{oa{sa{sv}}}" };
        _cleanup_(json_decrefp) json_t *body = NULL, *networks = json_array();
        Status status = client_call(client, &method, NULL, &body);
        int r;

        if (status != STATUS_OK)
                return status;
        r = collect(json_array_get(body, 0), networks);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        *ret = TAKE_PTR(networks);
        return STATUS_OK;
}

static int append_flag(sd_bus_message *call, const char *key, const OptionSwitch *flag) {
        return flag->given ? sd_bus_message_append(call, "{sv}", key, "b", (int)flag->value) : 0;
}

static int append_number(sd_bus_message *call, const char *key, const OptionNumber *number) {
        return number->given ? sd_bus_message_append(call, "{sv}", key, "u", number->value) : 0;
}

static int append_domain(sd_bus_message *call, const char *key, const char *const *domain) {
        return *domain ? sd_bus_message_append(call, "{sv}", key, "s", *domain) : 0;
}

/* It is an argument of its own. */
static int append_kind(sd_bus_message *call, const char *key, const char *const *kind) {
        return 0;
}

/* There is at most one of each family, so two are enough; the service refuses a third. */
static int append_addresses(sd_bus_message *call, const char *key, const char *const *list) {
        char text[128], *rest = text, *words[4] = { NULL };
        size_t n = 0;

        if (!*list)
                return 0;
        if (strlen(*list) >= sizeof(text))
                return -E2BIG;
        strcpy(text, *list);
        while (n < 3 && rest)
                words[n++] = strsep(&rest, ",");
        if (rest)
                return -E2BIG;
        return sd_bus_message_append(
                        call, "{sv}", key, "as", (unsigned)n, words[0], words[1], words[2]);
}

#define APPEND(type, member, ...)                                                                  \
        if (r >= 0)                                                                                \
                r = append_##type(call, #member, &options->network.member);

static int append_options(sd_bus_message *call, const Options *options) {
        int r = sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "{sv}");

        NETWORK_FIELDS(APPEND)
        return r < 0 ? r : sd_bus_message_close_container(call);
}

Status network_create(Client *client, const Options *options, const char *name) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "CreateNetwork", "o", MANAGE };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        Status status = client_begin(client, &method, &call);
        int r;

        if (status != STATUS_OK)
                return status;
        r = sd_bus_message_append(
                        call, "ss", name, options->network.kind ? options->network.kind : "nat");
        if (r >= 0)
                r = append_options(call, options);
        if (r == -E2BIG)
                return complain(STATUS_USAGE, _("--address takes one IPv4 and one IPv6 address."));
        if (r < 0)
                return client_complain_arguments(r);
        return client_end(client, &method, call, &reply);
}

/* method: without its path. */
static Status call_network(Client *client, const char *name, Method method, json_t **ret) {
        _cleanup_free_ char *path = NULL;
        Status status = path_of(name, &path);

        if (status != STATUS_OK)
                return status;
        method.path = path;
        return client_call(client, &method, NULL, ret);
}

Status network_delete(Client *client, const char *name) {
        const Method method = { NULL, VNICD_NETWORK, "Delete", "", MANAGE };
        _cleanup_(json_decrefp) json_t *body = NULL;

        return call_network(client, name, method, &body);
}

/* Structs arrive as arrays; naming their members makes objects that can be shown. */
static json_t *name_members(const json_t *leases) {
        static const char *const keys[] = { "address", "mac", "name", "expiry" };
        json_t *named = json_array(), *lease;
        size_t i;

        json_array_foreach((json_t *)leases, i, lease) {
                json_t *object = json_object();

                for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
                        json_object_set(object, keys[k], json_array_get(lease, k));
                json_array_append_new(named, object);
        }
        return named;
}

Status network_get_leases(Client *client, const char *name, json_t **ret) {
        const Method method = { NULL, VNICD_NETWORK, "GetLeases", .answer = "a(sssx)" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        Status status = call_network(client, name, method, &body);

        if (status != STATUS_OK)
                return status;
        *ret = name_members(json_array_get(body, 0));
        return *ret ? STATUS_OK : complain(STATUS_FAILURE, _("Out of memory."));
}
