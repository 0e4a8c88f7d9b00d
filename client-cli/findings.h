/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What "vnicctl doctor" has found: one entry for each thing it looked at, in that order. Each file
 * checks-*.c knows one region of the host.
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
        json_t *entries; /* array of objects: check, state, text, cure (null if none is needed) */
        bool problem;    /* one of them is */
} Findings;

/* Adds one. cure may be NULL; the text is cleaned of control characters. Out of memory the
 * entry is lost, and with it nothing else. */
void findings_add(Findings *findings, const char *check, FindingState state, const char *cure,
                const char *format, ...) __attribute__((format(printf, 5, 6)));

/* The chains (strings) of firewalls of which vnicd cannot tell whether they are in the way of what
 * is named. */
void findings_undecided(Findings *findings, const char *name, const json_t *chains);

Status findings_print(const Findings *findings, bool json);

/* /dev/net/tun and /dev/vhost-net. */
void check_devices(Findings *findings);

/* Each bridge of this network namespace: its MAC address, and what br_netfilter lets filters do
 * with its frames. */
void check_bridges(Findings *findings, sd_bus *bus);

/* What the service itself says that it cannot keep on this host: its filters of taps. */
void check_filters(Findings *findings, sd_bus *bus);

/* The networks that vnicd owns, and who gives their guests addresses. */
void check_networks(Findings *findings, sd_bus *bus);

/* What NetworkManager and systemd-networkd would do with our interfaces, if they run. */
void check_managers(Findings *findings, sd_bus *bus);

/* The bus (NULL: none could be reached, for this error of connection_open()), polkit, vnicd, and
 * who could ask for a password. */
void check_services(Findings *findings, sd_bus *bus, int error);

/* Whether somebody on the bus has the name now. */
bool bus_has_name(sd_bus *bus, const char *name);

/* Calls a method of the service without arguments and gives its answer. NULL: the service does not
 * answer, which another check tells. */
json_t *findings_ask(sd_bus *bus, const char *interface, const char *method);
