/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The packet filters of a network, as text for kernel/filter: pure, and from checked values only.
 * Each network has two tables of its own, with one name:
 *
 *  table bridge vnicd-NAME   what a guest may send at all: it is asked at the port, before the
 *                            bridge sees the frame, for every tap by the group that it was
 *                            given while it was down. So it stands before the first frame of
 *                            each, and no tap costs a rule.
 *  table inet vnicd-NAME     what of it may reach the host, and what goes out and comes back.
 *
 * The text makes both, and is run together with the removal of what was there, if anything was, in
 * one transaction. With guard_addresses the first holds whose address is whose, which the kernel
 * learns from what guests send: a replacement begins anew with that. Neither br_netfilter nor a
 * rule for each tap is needed.
 *
 * A port also tells vnicd which source MACs its guest uses, before the port's lock drops those that
 * it does not know: by the tap's group (networks/group) each frame's, or those not heard lately.
 * Limits for each port bound what that costs.
 */

#include <stdio.h>

#include "config/network-plan.h"
#include "networks/network-tag.h"

/* The names of all our tables begin with this. */
#define NETWORK_TABLE_PREFIX "vnicd-"

/* For the name of a network's tables. */
#define NETWORK_TABLE_SIZE 32

/* The group of nfnetlink_log to which the first of them reports source MACs. It is fixed, so that
 * it can be documented: "vn" as a number. */
#define SOURCE_LOG_GROUP 0x766eU

/* Both tables of the network whose bridge has that ifindex and MAC; the caller frees the text.
 * -ENOMEM */
int network_filter_rules(const NetworkPlan *plan, int bridge, const Mac *mac, char **ret);

/* Deletes both, even if they do not exist; the caller frees the text. -ENOMEM */
int network_filter_removal(const char *name, char **ret);

/* Closes a stream of open_memstream(3), whose text is *text, and passes the text on to *ret.
 * -ENOMEM */
int network_filter_finish(FILE *file, char **text, char **ret);
