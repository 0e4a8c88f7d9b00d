/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the service of a network is told: the configuration of its dnsmasq(8), which gives addresses
 * and answers for names. Pure text, from a plan and nothing else; who writes it where, and who
 * starts the service, is others' business.
 *
 * The first line says to vnicd-network-forward(8) which kind of network it is.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/network-plan.h"

#define NETWORK_LEASES_DIRECTORY "/run/vnicd-network"
#define NETWORK_UNIT_PREFIX      "vnicd-network@"
#define NETWORK_UNIT_SIZE        64

/* How long an address is a guest's: as long as it may sleep and still find it; a shorter time would
 * have it ask often. */
#define NETWORK_LEASE_SECONDS 3600

/* A network on which the host is not to be reached has no service. */
bool network_service_is_needed(const NetworkPlan *plan);

/* How many guests can have an IPv4 address. */
size_t network_service_room(const NetworkPlan *plan);

/* The unit of a network's service, into buffer, which it returns. No name needs an escape: the unit
 * takes it by %i. */
const char *network_service_unit(const char *name, char buffer[static NETWORK_UNIT_SIZE]);

/* The whole configuration; the caller frees it. host_name is the host's own, by which guests find
 * it besides "host"; one that is no label of a DNS name is left out. -EINVAL: the plan has a name
 * or a domain that cannot be. -ENOMEM. */
int network_service_config(const NetworkPlan *plan, const char *host_name, char **ret);
