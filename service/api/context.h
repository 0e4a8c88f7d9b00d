/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the interfaces on the bus share: the parts of the service, the paths of its objects, and
 * what the configuration says. It stands below the interfaces, and calls none of them; api/service
 * puts them together.
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

/* Each byte of the name may take three. */
#define NETWORK_PATH_SIZE (sizeof(NETWORK_PREFIX) + 1 + 3 * IFNAMSIZ)

/* The network that a tap is on whose caller names none. */
#define DEFAULT_NETWORK "vnicbr0"

typedef struct NetworkUnits NetworkUnits;
typedef struct Reload Reload;

typedef struct Service {
        sd_bus *bus;
        Config *config; /* in force; never NULL, good until the loop runs on */
        Reload *reload;
        Audit *audit;
        Access *access;
        Manager *manager;
        Networks *networks; /* the manager's */
        NetworkUnits *network_units;
        FdReplies *fd_replies;
        sd_event_source *hangup;
} Service;

/* In a handler whose userdata is the object that the call is made on: the service. To be asked for
 * first: of what sd-bus sends from within a handler the handler is its own. */
Service *service_here(sd_bus *bus);

/* What a uid may have. Only of the caller the groups are known. */
Limits service_limits(const Service *service, const Subject *caller, uid_t uid);

/* And a user about whom nothing is said. */
Limits service_limits_of_all(const Service *service);

/* The network that a tap is on whose caller names none; NULL: there is none. */
const char *service_default_network(const Service *service);

/* Whether there is an object of that path, or a part of the tree that leads to some. */
bool service_has_object(const Service *service, const char *path);

/* The object path of an endpoint, which never changes, into buffer, which it returns. */
const char *endpoint_path(const Endpoint *endpoint, char buffer[static ENDPOINT_PATH_SIZE]);

/* For the registrations of the endpoint's interfaces: their handlers get the living Endpoint. */
int endpoint_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error);

/* What a call on an endpoint is about. */
AccessRequest request_of_endpoint(const Endpoint *endpoint);

/* The object path of the network of that name, into buffer, which it returns. */
const char *network_path(const char *name, char buffer[static NETWORK_PATH_SIZE]);

/* Whether the path is one that a network could have. */
bool network_is_path(const char *path);

/* The network whose object has that path. NULL: none. */
Network *network_at(const Service *service, const char *path);
