/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One set of a Ruleset: from the kernel's messages to elements that can be compared. */

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "kernel/known.h"

/* A range of keys, inclusive, as nf_tables compares them. */
typedef struct RulesetElement {
        uint8_t first[KNOWN_SIZE_MAX], last[KNOWN_SIZE_MAX];
        struct nlattr *data;    /* NFTA_SET_ELEM_DATA; NULL: none */
        bool is_end;            /* the end of an interval, while the set is read */
        bool is_for_all_others; /* it has no key */
        bool is_conditional;    /* not only its key decides */
} RulesetElement;

#define RULESET_FIELDS_MAX 16

typedef struct RulesetSet {
        List link;
        uint8_t family;
        char *table, *name;
        size_t key_size;
        size_t fields[RULESET_FIELDS_MAX],
                        n_fields; /* bytes of each; one after another in the key */
        RulesetElement *elements;
        size_t n_elements, room;
        bool is_unsure; /* packets change it, or it has more elements than are read */
        bool is_interval, is_map;
} RulesetSet;

/* Empty. NULL: out of memory. */
RulesetSet *ruleset_set_new(uint8_t family, const char *table, const char *name);
void ruleset_set_free(RulesetSet *set);

/* The answer to NFT_MSG_GETSET: what its keys are like. -EPROTO: malformed. */
int ruleset_set_take(RulesetSet *set, const struct nlmsghdr *message);

/* The answers to NFT_MSG_GETSETELEM. -E2BIG: there are too many. -EPROTO, -ENOMEM */
int ruleset_set_take_elements(RulesetSet *set, const struct nlmsghdr *message);
void ruleset_set_forget_elements(RulesetSet *set);

/* Call when all elements have been taken. */
void ruleset_set_finish(RulesetSet *set);
