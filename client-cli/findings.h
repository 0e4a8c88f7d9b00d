/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What "vnicctl doctor" has found: one entry for each check, in order. Each file checks-*.c covers
 * one area of the host.
 */

#include <jansson.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "status.h"

typedef enum FindingState {
        FINDING_OK,
        FINDING_NOTE,    /* works, but worse than it could */
        FINDING_PROBLEM, /* something will not work */
        FINDING_STATE_MAX,
} FindingState;

typedef struct Findings {
        json_t *entries; /* array of objects: check, state, text, cure (the fix; null if none is
                            needed) */
        bool problem;    /* one of them is a problem */
} Findings;

/* Adds an entry. fix may be NULL; control characters are removed from the text. If memory runs out,
 * only this entry is lost. */
void findings_add(Findings *findings, const char *check, FindingState state, const char *fix,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Adds a note for each chain (a string) of a firewall for which vnicd cannot tell whether it drops
 * the traffic of the named bridge or network. */
void findings_undecided(Findings *findings, const char *name, const json_t *chains);

Status findings_print(const Findings *findings, bool json);

/* /dev/net/tun and /dev/vhost-net. */
void check_devices(Findings *findings);

/* Each bridge of this network namespace: its MAC address, and what br_netfilter lets filters do
 * with its frames. */
void check_bridges(Findings *findings, sd_bus *bus);

/* Finds what the service itself reports as missing on this host: its filters of taps. */
void check_filters(Findings *findings, sd_bus *bus);

/* The networks that vnicd owns, and the program that gives their guests addresses. */
void check_networks(Findings *findings, sd_bus *bus);

/* What NetworkManager and systemd-networkd would do with our interfaces, if they run. */
void check_managers(Findings *findings, sd_bus *bus);

/* The bus (NULL: connection_open() failed with this error), polkit, vnicd, and the authentication
 * agent. */
void check_services(Findings *findings, sd_bus *bus, int error);

/* Whether the name has an owner on the bus now. */
bool bus_has_name(sd_bus *bus, const char *name);

/* Calls a method of the service without arguments and returns its answer. NULL: the service does
 * not answer, which another check reports. */
json_t *findings_ask(sd_bus *bus, const char *interface, const char *method);
