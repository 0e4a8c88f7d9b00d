/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The configuration for the dnsmasq(8) of a network, which gives addresses and answers DNS queries.
 * Pure text, from a plan and nothing else; others write it, and start the service.
 *
 * The first line says to vnicd-network-forward(8) which kind of network it is.
 */

#include <stdbool.h>
#include <stddef.h>

#include "config/network-plan.h"

#define NETWORK_LEASES_DIRECTORY "/run/vnicd-network"
#define NETWORK_UNIT_PREFIX      "vnicd-network@"
#define NETWORK_UNIT_SIZE        64

/* How long a lease lasts: a guest that sleeps no longer keeps its address; a shorter time would
 * make it renew often. */
#define NETWORK_LEASE_SECONDS 3600

/* A network on which the host is not to be reached has no service. */
bool network_service_is_needed(const NetworkPlan *plan);

/* How many guests can have an IPv4 address. */
size_t network_service_room(const NetworkPlan *plan);

/* Writes the unit of a network's service to buffer, and returns that. No name needs an escape: the
 * unit takes it by %i. */
const char *network_service_unit(const char *name, char buffer[static NETWORK_UNIT_SIZE]);

/* Gives the whole configuration; the caller frees it. hosts is the folder with the addresses that
 * guests are to get, one in each file, which dnsmasq notices when it appears. host_name is the
 * host's own, by which guests find it besides "host"; if it is no DNS label it is left out.
 * -EINVAL: the plan's name or domain is invalid. -ENOMEM. */
int network_service_config(
                const NetworkPlan *plan, const char *host_name, const char *hosts, char **ret);

/* The name of such a file, which is the first line in it. */
#define NETWORK_HOST_LINE_SIZE (MAC_TEXT_SIZE + INET_ADDRSTRLEN + NETWORK_HOST_NAME_SIZE)

const char *network_service_host(
                const NetworkHost *host, char buffer[static NETWORK_HOST_LINE_SIZE]);

/* What is in the file of that name. */
#define NETWORK_HOST_FILE_SIZE (2 * NETWORK_HOST_LINE_SIZE)

const char *network_service_host_file(const char *line, char buffer[static NETWORK_HOST_FILE_SIZE]);
