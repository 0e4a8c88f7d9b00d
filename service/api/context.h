/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the bus interfaces share: the parts of the service, the paths of its objects, and what the
 * configuration says. It is below the interfaces and calls none of them; api/service puts them
 * together.
 */

#include "access/access.h"
#include "bus/fd-replies.h"
#include "common/bus-error.h"
#include "config/config.h"
#include "networks/firewall-watch.h"
#include "networks/networks.h"
#include "taps/manager.h"

#define SERVICE_NAME    "org.vnicd1"
#define SERVICE_PATH    "/org/vnicd1"
#define ENDPOINT_PREFIX "/org/vnicd1/endpoint"
#define NETWORK_PREFIX  "/org/vnicd1/network"

#define ENDPOINT_PATH_SIZE (sizeof(ENDPOINT_PREFIX) + IFNAMSIZ)

/* Each byte of the name may be escaped as three. */
#define NETWORK_PATH_SIZE (sizeof(NETWORK_PREFIX) + 1 + 3 * IFNAMSIZ)

/* The network of a tap for which the caller names none. */
#define DEFAULT_NETWORK "vnicbr0"

typedef struct NetworkUnits NetworkUnits;
typedef struct Reload Reload;
typedef struct FixedAddresses FixedAddresses;
typedef struct ResolvedNames ResolvedNames;
typedef struct Logins Logins;

typedef struct Service {
        sd_bus *bus;
        Config *config; /* in force; never NULL, valid until the loop continues */
        Reload *reload;
        Users *users;
        Access *access;
        Manager *manager;
        Networks *networks; /* the manager's */
        NetworkUnits *network_units;
        FixedAddresses *fixed_addresses;
        ResolvedNames *resolved_names;
        FdReplies *fd_replies;
        Logins *logins; /* NULL: the service is starting or stopping */
        sd_event_source *hangup;
} Service;

/* The service, in a handler whose userdata is the object of the call. Call it before anything else:
 * once sd-bus runs a getter for something sent from within the handler, the current slot is the
 * getter's. */
Service *service_here(sd_bus *bus);

/* The limits of a uid. Only the caller's groups are known. */
Limits service_limits(const Service *service, const Subject *caller, uid_t uid);

/* The limits of a user whom the configuration does not mention. */
Limits service_limits_of_all(const Service *service);

/* The network of a tap for which the caller names none; NULL: there is none. */
const char *service_default_network(const Service *service);

/* Whether the path is that of an object, or of a node above one. */
bool service_has_object(const Service *service, const char *path);

/* Writes the object path of an endpoint, which never changes, into buffer, which it returns. */
const char *endpoint_path(const Endpoint *endpoint, char buffer[static ENDPOINT_PATH_SIZE]);

/* Finds the object for the endpoint's interfaces: their handlers get the Endpoint. */
int endpoint_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error);

/* What a call on an endpoint is about. */
AccessRequest request_of_endpoint(const Endpoint *endpoint);

/* Writes the object path of the network of that name into buffer, which it returns. */
const char *network_path(const char *name, char buffer[static NETWORK_PATH_SIZE]);

/* Whether the path is one that a network could have. */
bool network_is_path(const char *path);

/* The network with that object path. NULL: none. */
Network *network_at(const Service *service, const char *path);
