/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the interfaces on the bus share, and the questions each of their handlers begins with. One
 * file per interface registers itself here; what the model tells goes out as signals from here.
 */

#include "access/authorization.h"
#include "access/caller.h"
#include "bus/fd-replies.h"
#include "common/bus-error.h"
#include "taps/manager.h"

#define SERVICE_NAME    "org.vnicd1"
#define SERVICE_PATH    "/org/vnicd1"
#define ENDPOINT_PREFIX "/org/vnicd1/endpoint"

#define ENDPOINT_PATH_SIZE (sizeof(ENDPOINT_PREFIX) + IFNAMSIZ)

typedef struct Audit Audit;
typedef struct NetworkUnits NetworkUnits;
typedef struct Reload Reload;

typedef struct Service {
        sd_bus *bus;
        Reload *reload;
        Audit *audit;
        Manager *manager;
        NetworkUnits *network_units;
        Authority *authority;
        sd_bus_slot *gate;
        sd_event_source *drain;
        bool refused; /* the last message ended in the gate's filter */
        Callers *callers;
        FdReplies *fd_replies;
        sd_event_source *hangup;
        bool misses_groups; /* it was said that the bus does not tell them */
} Service;

/* Puts everything on the bus but does not ask for the name yet. InvalidConfiguration (-EINVAL);
 * -errno of sd-bus and of the model. */
int service_new(Service **ret, sd_event *event, sd_bus *bus, Failure *failure);

/* Before the bus is closed: who still waits is told. Takes NULL. Returns NULL. */
Service *service_free(Service *service);

/* The first thing a handler does: who calls? Good until the handler returns. -EACCES with
 * AccessDenied. */
int service_subject(Service *service, sd_bus_message *call, Subject *ret, Failure *failure);

/* The object path of an endpoint, which never changes, into buffer, which it returns. */
const char *endpoint_path(const Endpoint *endpoint, char buffer[static ENDPOINT_PATH_SIZE]);

/* The network that a tap is on whose caller names none; NULL: there is none. */
const char *service_default_network(const Service *service);

/* Whether there is an object of that path, or a part of the tree that leads to some. */
bool service_has_object(const Service *service, const char *path);

/* In a handler whose userdata is the object that the call is made on: the service. To be asked for
 * first: of what sd-bus sends from within a handler the handler is its own. */
Service *service_here(sd_bus *bus);

/* Registrations, called once by service_new(). -errno of sd-bus. */
int manager_interface_register(Service *service);
int endpoint_interface_register(Service *service);
int tap_interface_register(Service *service);
int network_interface_register(Service *service);

/* For the registrations of the endpoint's interfaces: their handlers get the living Endpoint. */
int endpoint_find(sd_bus *bus, const char *path, const char *interface, void *userdata,
                void **ret_found, sd_bus_error *error);

/* Signals, from the model. */
void endpoint_emit_changes(Service *service, const Endpoint *endpoint, unsigned changes);
void tap_emit_offloads(Service *service, const Endpoint *endpoint);
void manager_emit_facts(Service *service);
void manager_emit_limits(Service *service);
void manager_emit_default(Service *service);
void manager_emit_removed(Service *service, const Endpoint *endpoint);

/* An array of strings, ended by NULL, as an argument or property of type "as". */
int append_names(sd_bus_message *message, const char *const *names);

/* A message argument "ah" made of the queues, which stay the caller's. */
int append_queues(sd_bus_message *message, const FdSet *queues);

/* A message argument "h" made of the one queue, which stays the caller's. */
int append_queue(sd_bus_message *message, const FdSet *queues);
