/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The connection to vnicd: calls it, lets polkit ask for authentication if that is wanted, and
 * reports errors to the user.
 */

#include <systemd/sd-bus.h>

#include "common/cleanup.h"
#include "options.h"
#include "status.h"

#define VNICD_NAME         "org.vnicd1"
#define VNICD_PATH         "/org/vnicd1"
#define VNICD_MANAGER      "org.vnicd1.Manager"
#define VNICD_ENDPOINT     "org.vnicd1.Endpoint"
#define VNICD_TAP          "org.vnicd1.Tap"
#define VNICD_INTERFACES   "org.vnicd1." /* their common prefix */
#define DBUS_PROPERTIES    "org.freedesktop.DBus.Properties"
#define DBUS_OBJECTMANAGER "org.freedesktop.DBus.ObjectManager"

typedef struct Client Client;

/* A method of the service. */
typedef struct Method {
        const char *path, *interface, *member;
        const char *answer; /* signature of its reply; any other reply is an error */
        const char *action; /* the polkit action that it may need; NULL: none */
} Method;

/* Connects to the system bus. Only the options ask, no_ask and no_agent count: polkit may ask if
 * --ask was given, or in a terminal; there the text agent is started with the first method that has
 * an action. */
Status client_open(const Options *options, Client **ret);

/* Also ends the text agent. Takes NULL. Returns NULL. */
Client *client_free(Client *client);
DEFINE_CLEANUP(Client, client_free)

/* Borrowed from the client. */
sd_bus *client_bus(Client *client);

/* The two halves of a call; client_end() returns the reply undecoded. client_complain_arguments()
 * reports a failure to append arguments in between. */
Status client_begin(Client *client, const Method *method, sd_bus_message **ret);
Status client_end(Client *client, const Method *method, sd_bus_message *call, sd_bus_message **ret);
Status client_complain_arguments(int error);
