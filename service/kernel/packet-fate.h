/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the filters of others would do with a packet: it is followed through their base chains,
 * jumps and gotos. A rule about something that is not known of the packet may or may not apply, and
 * both cases are followed; so "dropped" means that the packet is dropped whatever those rules say.
 */

#include "kernel/packet.h"
#include "kernel/ruleset.h"

typedef enum FateOutcome {
        FATE_ACCEPTED,
        FATE_UNDECIDED, /* it depends on what is not known here */
        FATE_DROPPED,   /* or rejected */
        FATE_OUTCOME_MAX,
} FateOutcome;

#define FATE_CHAIN_SIZE 160

typedef struct Fate {
        FateOutcome outcome;
        /* The chain that drops it, or the one with the first rule that depends on what is not
         * known, as "FAMILY TABLE CHAIN"; "": accepted. */
        char chain[FATE_CHAIN_SIZE];
} Fate;

Fate packet_fate(Ruleset *ruleset, const Packet *packet);
