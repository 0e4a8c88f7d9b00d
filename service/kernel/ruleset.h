/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The packet filters of others, as nf_tables has them: chains, rules, sets. The list of chains is
 * read at once; the rules of a chain and the elements of a set are read on demand, so that the cost
 * of a ruleset of ten thousand chains depends only on what is visited. May be used in one thread at
 * a time, and not in the loop: it has a socket of its own.
 *
 * It is a snapshot of something that may be changing: what is missing when it is requested is
 * reported as missing, and whoever follows changes looks again.
 *
 * Sources: linux/netfilter/nf_tables.h, net/netfilter/nf_tables_api.c.
 */

#include <netlink/attr.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/failure.h"
#include "kernel/ruleset-set.h"

typedef struct Ruleset Ruleset;

/* A chain of the family ip, ip6 or inet. */
typedef struct RulesetChain {
        uint8_t family; /* NFPROTO_* */
        char *table, *name;
        bool is_base;     /* a hook calls it: then these are valid */
        uint32_t hook;    /* NF_INET_* */
        int32_t priority; /* the lowest runs first */
        bool policy_is_drop;
        struct nlattr **rules; /* NFTA_RULE_EXPRESSIONS of each; NULL: not read yet */
        size_t n_rules;
        bool is_read;
        /* For kernel/packet-fate: the outcome, and in which walk it was found. */
        unsigned walk, found;
} RulesetChain;

/* Tables whose name begins with the string ours are skipped. -EOPNOTSUPP: the kernel has no
 * nf_tables. -ENOMEM, -errno of the kernel. */
int ruleset_read(Ruleset **ret, const char *ours, Failure *failure);
Ruleset *ruleset_free(Ruleset *ruleset);

/* Base chains, in the order in which a packet meets them; NULL after the last one. */
RulesetChain *ruleset_base_chain(const Ruleset *ruleset, size_t index);

/* A number that no earlier walk has had. */
unsigned ruleset_next_walk(Ruleset *ruleset);

/* NULL: there is none. */
RulesetChain *ruleset_find_chain(
                Ruleset *ruleset, uint8_t family, const char *table, const char *name);

/* Reads the rules of the chain unless that was done. -errno */
int ruleset_read_rules(Ruleset *ruleset, RulesetChain *chain);

/* NULL: there is none, or it cannot be read. */
const RulesetSet *ruleset_find_set(
                Ruleset *ruleset, uint8_t family, const char *table, const char *name);
