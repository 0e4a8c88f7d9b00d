/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"

Service *service_here(sd_bus *bus) {
        return sd_bus_slot_get_userdata(sd_bus_get_current_slot(bus));
}

Limits service_limits(const Service *service, const Subject *caller, uid_t uid) {
        const Subject other = { .uid = uid };

        return config_limits(service->config, caller->uid == uid ? caller : &other);
}

Limits service_limits_of_all(const Service *service) {
        const Subject nobody = { .uid = (uid_t)-1 };

        return config_limits(service->config, &nobody);
}

const char *service_default_network(const Service *service) {
        const Network *network = networks_find(service->networks, DEFAULT_NETWORK);
        const bool defined = config_network(service->config, DEFAULT_NETWORK);

        return defined || (network && !network_is_ending(network)) ? DEFAULT_NETWORK : NULL;
}

const char *endpoint_path(const Endpoint *endpoint, char buffer[static ENDPOINT_PATH_SIZE]) {
        char name[IFNAMSIZ];

        snprintf(buffer, ENDPOINT_PATH_SIZE, ENDPOINT_PREFIX "/%s",
                        ifname_of_nonce(endpoint->tag.nonce, name));
        return buffer;
}

/* NULL: there is none. */
static Endpoint *endpoint_at(const Service *service, const char *path) {
        const char *name = path + strlen(ENDPOINT_PREFIX "/");
        uint32_t nonce;

        if (strncmp(path, ENDPOINT_PREFIX "/", strlen(ENDPOINT_PREFIX "/")) != 0)
                return NULL;
        return ifname_parse_nonce(name, &nonce) < 0 ? NULL : manager_find(service->manager, nonce);
}

int endpoint_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error) {
        *ret_found = endpoint_at(userdata, path);
        return *ret_found != NULL;
}

AccessRequest request_of_endpoint(const Endpoint *endpoint) {
        return (AccessRequest){
                .endpoint = endpoint->tag.nonce,
                .creator = endpoint->creator,
                .owner = endpoint->tag.uid,
                .persistent = endpoint->tag.persistent,
                .generation = endpoint->tag.nonce,
        };
}

const char *network_path(const char *name, char buffer[static NETWORK_PATH_SIZE]) {
        _cleanup_free_ char *path = NULL;

        snprintf(buffer, NETWORK_PATH_SIZE, "%s",
                        sd_bus_path_encode(NETWORK_PREFIX, name, &path) < 0 ? NETWORK_PREFIX
                                                                            : path);
        return buffer;
}

bool network_is_path(const char *path) {
        return strncmp(path, NETWORK_PREFIX "/", strlen(NETWORK_PREFIX "/")) == 0;
}

Network *network_at(const Service *service, const char *path) {
        _cleanup_free_ char *name = NULL;
        Network *network;

        if (sd_bus_path_decode(path, NETWORK_PREFIX, &name) <= 0)
                return NULL;
        network = networks_find(service->networks, name);
        return network && network->state == NETWORK_LIVE ? network : NULL;
}

bool service_has_object(const Service *service, const char *path) {
        static const char *const tree[] = { "/", "/org", SERVICE_PATH, ENDPOINT_PREFIX,
                NETWORK_PREFIX };

        for (size_t i = 0; i < sizeof(tree) / sizeof(*tree); i++)
                if (strcmp(tree[i], path) == 0)
                        return true;
        return endpoint_at(service, path) || network_at(service, path);
}
