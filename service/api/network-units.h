/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The services of networks: writes their configuration, and has systemd start, stop and reload
 * them. Nothing blocks on that; if something goes wrong, the network has a warning.
 */

#include <systemd/sd-bus.h>

#include "config/network-plan.h"

typedef struct NetworkUnits NetworkUnits;

/* changed() is called in the loop when the warning of the network of that name changes. -ENOMEM */
typedef void (*network_units_changed_t)(const char *name, void *userdata);
int network_units_new(
                NetworkUnits **ret, sd_bus *bus, network_units_changed_t changed, void *userdata);

/* The services keep running. Takes NULL. Returns NULL. */
NetworkUnits *network_units_free(NetworkUnits *units);

/* Starts the network's service; does no harm if it runs already. */
void network_units_start(NetworkUnits *units, const NetworkPlan *plan);

void network_units_stop(NetworkUnits *units, const NetworkPlan *plan);

/* Has the service read the addresses of hosts again: of those that it has read already it forgets
 * none without that. done() is called when that is over, however it ended. false: there is nothing
 * to reload, and it is not called. */
typedef void (*network_units_reloaded_t)(const char *name, void *userdata);
bool network_units_reload(NetworkUnits *units, const char *name, network_units_reloaded_t done,
                void *userdata);

/* Calls found() for each network for which there is a folder of hosts, also an old one. -errno */
int network_units_find_hosts(const NetworkUnits *units,
                void (*found)(const char *name, void *userdata), void *userdata);

#define NETWORK_UNITS_PATH_SIZE 256

/* The folder in which dnsmasq finds the addresses of the hosts of the network of that name; opened,
 * it exists. All of these may be called in a thread. -errno */
const char *network_units_hosts(const NetworkUnits *units, const char *name,
                char buffer[static NETWORK_UNITS_PATH_SIZE]);
int network_units_open_hosts(const NetworkUnits *units, const char *name);

/* Removes the folder, which has to be empty. */
int network_units_remove_hosts(const NetworkUnits *units, const char *name);

/* Writes a file there that appears at once and whole. */
int network_units_write(int folder, const char *file, const char *text);

/* What went wrong, and what to do; NULL: all is well. */
const char *network_units_warning(const NetworkUnits *units, const char *name);
