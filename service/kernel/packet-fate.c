/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/packet-fate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdio.h>
#include <string.h>

#include "kernel/packet-registers.h"
#include "kernel/packet-xt.h"

/* Deeper than nf_tables allows: only rules that change while they are read can get there. */
#define DEPTH_MAX 32

/* The possible outcomes of a rule or a chain, as a set of bits. */
enum {
        ACCEPTS = 1 << 0, /* the base chain ends */
        DROPS = 1 << 1,
        CONTINUES = 1 << 2, /* with the next rule */
        RETURNS = 1 << 3,   /* to after the jump */
};

#define ANYTHING (ACCEPTS | DROPS)

typedef struct Walk {
        Ruleset *ruleset;
        const Packet *packet;
        unsigned number, depth;
        const RulesetChain *unsure; /* the chain with the first rule that may or may not apply */
        const RulesetChain *drops;  /* the first chain that drops */
} Walk;

/* One rule, as far as it was followed. */
typedef struct Step {
        Walk *walk;
        RulesetChain *chain;
        Registers registers;
        Truth applies;
} Step;

static unsigned follow_chain(Walk *walk, RulesetChain *chain);

static void note_unsure(Walk *walk, const RulesetChain *chain) {
        if (!walk->unsure)
                walk->unsure = chain;
}

static unsigned drop(Step *step) {
        if (!step->walk->drops)
                step->walk->drops = step->chain;
        return DROPS;
}

static unsigned anything(Step *step) {
        note_unsure(step->walk, step->chain);
        return ANYTHING;
}

static uint32_t number_of(struct nlattr *attribute) {
        return attribute && nla_len(attribute) == sizeof(uint32_t) ? ntohl(nla_get_u32(attribute))
                                                                   : 0;
}

static const char *text_of(struct nlattr *attribute) {
        return attribute && memchr(nla_data(attribute), '\0', (size_t)nla_len(attribute))
                        ? nla_get_string(attribute)
                        : "";
}

/* The possible outcomes of the chain that the rule leads to. */
static unsigned follow_jump(Step *step, const char *name, bool comes_back) {
        Walk *walk = step->walk;
        RulesetChain *to = ruleset_find_chain(
                        walk->ruleset, step->chain->family, step->chain->table, name);
        unsigned found;

        if (!to || walk->depth >= DEPTH_MAX)
                return anything(step) | CONTINUES;
        walk->depth++;
        found = follow_chain(walk, to);
        walk->depth--;
        if (found & RETURNS)
                found = (found & ~(unsigned)RETURNS) | (comes_back ? CONTINUES : RETURNS);
        return found;
}

static unsigned follow_verdict(Step *step, struct nlattr *verdict) {
        struct nlattr *tb[NFTA_VERDICT_MAX + 1];
        int code;

        if (nla_parse_nested(tb, NFTA_VERDICT_MAX, verdict, NULL) < 0 || !tb[NFTA_VERDICT_CODE])
                return anything(step);
        code = (int)number_of(tb[NFTA_VERDICT_CODE]);
        switch (code) {
        case NF_ACCEPT:
                return ACCEPTS;
        case NF_DROP:
                return drop(step);
        case NFT_CONTINUE:
        case NFT_BREAK:
                return CONTINUES;
        case NFT_RETURN:
                return RETURNS;
        case NFT_JUMP:
        case NFT_GOTO:
                return follow_jump(step, text_of(tb[NFTA_VERDICT_CHAIN]), code == NFT_JUMP);
        default: /* to a program of the host, say */
                return anything(step);
        }
}

/* NULL: it is a value, or none. */
static struct nlattr *verdict_of(struct nlattr *data) {
        struct nlattr *tb[NFTA_DATA_MAX + 1];

        return data && nla_parse_nested(tb, NFTA_DATA_MAX, data, NULL) >= 0 ? tb[NFTA_DATA_VERDICT]
                                                                            : NULL;
}

static Truth key_is_in(const Registers *registers, size_t offset, const RulesetSet *set,
                const RulesetElement *element) {
        Truth truth = TRUTH_YES;
        size_t at = 0;

        for (size_t i = 0; i < set->n_fields && truth != TRUTH_NO; i++) {
                truth = truth_and(truth,
                                known_is_within(&registers->bytes, offset + at, element->first + at,
                                                element->last + at, set->fields[i]));
                at += (set->fields[i] + 3) / 4 * 4;
        }
        /* A single key, as opposed to a range, can be compared bit by bit, which decides more. */
        if (truth == TRUTH_MAYBE &&
                        memcmp(element->first, element->last, sizeof(element->first)) == 0)
                truth = known_equals(&registers->bytes, offset, element->first, set->key_size);
        return element->is_conditional ? truth_and(truth, TRUTH_MAYBE) : truth;
}

/* A lookup in progress. */
typedef struct Lookup {
        struct nlattr *to; /* the register that gets what is found; NULL: none */
        unsigned found;    /* what the verdicts lead to */
        size_t n_values;
        bool has_verdict;
} Lookup;

static void take_found(Step *step, Lookup *lookup, const RulesetElement *element) {
        struct nlattr *verdict = verdict_of(element->data);

        if (verdict) {
                lookup->has_verdict = true;
                lookup->found |= follow_verdict(step, verdict);
        } else if (lookup->to && lookup->n_values++ == 0)
                registers_load_data(&step->registers, lookup->to, element->data);
        else if (lookup->to)
                registers_load_data(&step->registers, lookup->to, NULL);
}

/* Whether the key is in the set, and which values or verdicts it maps to. */
static Truth look_up(Step *step, const RulesetSet *set, struct nlattr *key, Lookup *lookup) {
        const Registers registers = step->registers;
        const size_t offset = registers_offset(key);
        Truth truth = TRUTH_NO;

        for (size_t i = 0; i < set->n_elements && truth != TRUTH_YES; i++) {
                const RulesetElement *element = &set->elements[i];
                Truth one;

                if (element->is_for_all_others)
                        continue;
                one = key_is_in(&registers, offset, set, element);
                if (one != TRUTH_NO)
                        take_found(step, lookup, element);
                truth = one > truth ? one : truth;
        }
        for (size_t i = 0; i < set->n_elements && truth != TRUTH_YES; i++) {
                if (!set->elements[i].is_for_all_others)
                        continue;
                take_found(step, lookup, &set->elements[i]);
                truth = set->elements[i].is_conditional ? TRUTH_MAYBE : TRUTH_YES;
        }
        return truth;
}

/* Returns the outcomes if the rule ends here; 0: it goes on, if step->applies. */
static unsigned follow_lookup(Step *step, struct nlattr *data) {
        struct nlattr *tb[NFTA_LOOKUP_MAX + 1];
        const RulesetSet *set;
        Lookup lookup = { .found = 0 };
        Truth truth;

        if (!data || nla_parse_nested(tb, NFTA_LOOKUP_MAX, data, NULL) < 0)
                return anything(step) | CONTINUES;
        lookup.to = tb[NFTA_LOOKUP_DREG];
        set = ruleset_find_set(step->walk->ruleset, step->chain->family, step->chain->table,
                        text_of(tb[NFTA_LOOKUP_SET]));
        if (!set || set->is_unsure) {
                if (lookup.to)
                        return anything(step) | CONTINUES;
                step->applies = truth_and(step->applies, TRUTH_MAYBE);
                return 0;
        }
        truth = look_up(step, set, tb[NFTA_LOOKUP_SREG], &lookup);
        if (number_of(tb[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV)
                truth = truth_not(truth);
        step->applies = truth_and(step->applies, truth);
        if (!lookup.has_verdict)
                return 0;
        if (truth != TRUTH_YES)
                note_unsure(step->walk, step->chain);
        return lookup.found | (truth == TRUTH_YES ? 0 : CONTINUES);
}

static unsigned follow_target(Step *step, struct nlattr *data) {
        struct nlattr *tb[NFTA_TARGET_MAX + 1];

        if (!data || nla_parse_nested(tb, NFTA_TARGET_MAX, data, NULL) < 0)
                return anything(step) | CONTINUES;
        switch (packet_xt_target(text_of(tb[NFTA_TARGET_NAME]))) {
        case PACKET_XT_CONTINUES:
                return 0;
        case PACKET_XT_ACCEPTS:
                return ACCEPTS;
        case PACKET_XT_DROPS:
                return drop(step);
        case PACKET_XT_UNKNOWN:
        case PACKET_XT_TARGET_MAX:
                break;
        }
        return anything(step) | CONTINUES;
}

static bool is_one_of(const char *name, const char *const *names) {
        for (; *names; names++)
                if (strcmp(name, *names) == 0)
                        return true;
        return false;
}

/* As follow_lookup(). */
static unsigned follow_expression(Step *step, struct nlattr *expression) {
        static const char *const accept[] = { "masq", "nat", "redir", NULL };
        static const char *const elsewhere[] = { "fwd", "queue", "synproxy", "tproxy", NULL };
        struct nlattr *tb[NFTA_EXPR_MAX + 1], *of_data[NFTA_IMMEDIATE_MAX + 1];
        const char *name;

        if (nla_parse_nested(tb, NFTA_EXPR_MAX, expression, NULL) < 0)
                return anything(step) | CONTINUES;
        name = text_of(tb[NFTA_EXPR_NAME]);
        if (strcmp(name, "lookup") == 0)
                return follow_lookup(step, tb[NFTA_EXPR_DATA]);
        if (strcmp(name, "target") == 0)
                return follow_target(step, tb[NFTA_EXPR_DATA]);
        if (strcmp(name, "reject") == 0)
                return drop(step);
        if (is_one_of(name, accept))
                return ACCEPTS;
        if (is_one_of(name, elsewhere))
                return anything(step);
        if (strcmp(name, "immediate") == 0 && tb[NFTA_EXPR_DATA] &&
                        nla_parse_nested(of_data, NFTA_IMMEDIATE_MAX, tb[NFTA_EXPR_DATA], NULL) >=
                                        0 &&
                        verdict_of(of_data[NFTA_IMMEDIATE_DATA]))
                return follow_verdict(step, verdict_of(of_data[NFTA_IMMEDIATE_DATA]));
        step->applies = truth_and(step->applies,
                        registers_step(&step->registers, step->walk->packet, name,
                                        tb[NFTA_EXPR_DATA]));
        return 0;
}

/* A rule that may or may not apply is noted if it would make a difference; it never counts as the
 * rule that drops. */
static unsigned follow_rule(Walk *walk, RulesetChain *chain, struct nlattr *rule) {
        Step step = { .walk = walk, .chain = chain, .applies = TRUTH_YES };
        const RulesetChain *unsure = walk->unsure, *drops = walk->drops;
        struct nlattr *expression;
        unsigned found = 0;
        int rest;

        nla_for_each_nested(expression, rule, rest) {
                found = follow_expression(&step, expression);
                if (found != 0 || step.applies == TRUTH_NO)
                        break;
        }
        if (step.applies == TRUTH_NO || found == 0)
                return CONTINUES;
        if (step.applies == TRUTH_YES)
                return found;
        if (found != CONTINUES && !unsure)
                walk->unsure = chain;
        walk->drops = drops;
        return found | CONTINUES;
}

static unsigned follow_rules(Walk *walk, RulesetChain *chain) {
        unsigned found = 0;

        for (size_t i = 0; i < chain->n_rules; i++) {
                const unsigned one = follow_rule(walk, chain, chain->rules[i]);

                found |= one & ~(unsigned)CONTINUES;
                if (!(one & CONTINUES))
                        return found;
        }
        return found | RETURNS;
}

/* A chain's outcome is computed once in each walk: no rule that is followed here changes what is
 * known of the packet. */
static unsigned follow_chain(Walk *walk, RulesetChain *chain) {
        if (chain->walk == walk->number)
                return chain->found;
        if (ruleset_read_rules(walk->ruleset, chain) < 0) {
                note_unsure(walk, chain);
                return ANYTHING | RETURNS;
        }
        chain->found = follow_rules(walk, chain);
        chain->walk = walk->number;
        return chain->found;
}

static const char *family_name(uint8_t family) {
        return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV6 ? "ip6" : "ip";
}

static bool sees(const RulesetChain *chain, const Packet *packet) {
        const uint8_t family = packet->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
        const uint32_t hook = packet->hook == PACKET_INPUT ? NF_INET_LOCAL_IN : NF_INET_FORWARD;

        return chain->hook == hook && (chain->family == NFPROTO_INET || chain->family == family);
}

/* Keeps *fate if an earlier chain has decided more. */
static void add_base_chain(Walk *walk, RulesetChain *chain, Fate *fate) {
        unsigned found = follow_chain(walk, chain);
        const RulesetChain *named = NULL;

        if (found & RETURNS) {
                if (chain->policy_is_drop && !walk->drops)
                        walk->drops = chain;
                found |= chain->policy_is_drop ? DROPS : ACCEPTS;
        }
        if (!(found & DROPS))
                return;
        if (!(found & ACCEPTS)) {
                fate->outcome = FATE_DROPPED;
                named = walk->drops ? walk->drops : chain;
        } else if (fate->outcome == FATE_ACCEPTED) {
                fate->outcome = FATE_UNDECIDED;
                named = walk->unsure ? walk->unsure : chain;
        }
        if (named)
                snprintf(fate->chain, sizeof(fate->chain), "%s %s %s", family_name(named->family),
                                named->table, named->name);
}

Fate packet_fate(Ruleset *ruleset, const Packet *packet) {
        Fate fate = { .outcome = FATE_ACCEPTED };
        RulesetChain *chain;

        for (size_t i = 0; fate.outcome != FATE_DROPPED; i++) {
                Walk walk = { .ruleset = ruleset, .packet = packet };

                chain = ruleset_base_chain(ruleset, i);
                if (!chain)
                        break;
                if (!sees(chain, packet))
                        continue;
                walk.number = ruleset_next_walk(ruleset);
                add_base_chain(&walk, chain, &fate);
        }
        return fate;
}
