/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The services of networks: what each is told is written where it looks, and systemd is asked to
 * start or stop it. Nothing waits for that; what went wrong is a warning of the network.
 */

#include <systemd/sd-bus.h>

#include "config/network-plan.h"

typedef struct NetworkUnits NetworkUnits;

/* changed(): called in the loop when the warning of the network of that name is another. -ENOMEM */
typedef void (*network_units_changed_t)(const char *name, void *userdata);
int network_units_new(
                NetworkUnits **ret, sd_bus *bus, network_units_changed_t changed, void *userdata);

/* Services go on. Takes NULL. Returns NULL. */
NetworkUnits *network_units_free(NetworkUnits *units);

/* Also for one that is started already. */
void network_units_start(NetworkUnits *units, const NetworkPlan *plan);

void network_units_stop(NetworkUnits *units, const NetworkPlan *plan);

/* What went wrong, and what to do; NULL: nothing. */
const char *network_units_warning(const NetworkUnits *units, const char *name);
