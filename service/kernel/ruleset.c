/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/ruleset.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/filter-batch.h"
#include "kernel/netlink.h"

DEFINE_CLEANUP(Ruleset, ruleset_free)

struct Ruleset {
        Netlink *netlink;
        const char *ours;
        RulesetChain *chains; /* by family, table and name */
        size_t n_chains, room;
        size_t *base; /* indices of base chains, by priority */
        size_t n_base;
        List sets; /* RulesetSet.link */
        unsigned walks;
};

static void forget_rules(RulesetChain *chain) {
        for (size_t i = 0; i < chain->n_rules; i++)
                free(chain->rules[i]);
        free(chain->rules);
        chain->rules = NULL;
        chain->n_rules = 0;
}

static void forget_chains(Ruleset *ruleset) {
        for (size_t i = 0; i < ruleset->n_chains; i++) {
                forget_rules(&ruleset->chains[i]);
                free(ruleset->chains[i].table);
                free(ruleset->chains[i].name);
        }
        ruleset->n_chains = 0;
}

Ruleset *ruleset_free(Ruleset *ruleset) {
        if (!ruleset)
                return NULL;
        forget_chains(ruleset);
        LIST_FOREACH_SAFE(&ruleset->sets, node)
                ruleset_set_free(container_of(node, RulesetSet, link));
        netlink_close(ruleset->netlink);
        free(ruleset->chains);
        free(ruleset->base);
        free(ruleset);
        return NULL;
}

static bool is_followed(uint8_t family) {
        return family == NFPROTO_IPV4 || family == NFPROTO_IPV6 || family == NFPROTO_INET;
}

static uint32_t number_of(struct nlattr *attribute) {
        return attribute && nla_len(attribute) == sizeof(uint32_t) ? ntohl(nla_get_u32(attribute))
                                                                   : 0;
}

/* Doubles the room if it is used up. size: bytes of each element. */
static int make_room(void **array, size_t n, size_t *room, size_t size) {
        const size_t wanted = *room > 0 ? 2 * *room : 16;
        void *larger;

        if (n < *room)
                return 0;
        larger = reallocarray(*array, wanted, size);
        if (!larger)
                return -ENOMEM;
        *array = larger;
        *room = wanted;
        return 0;
}

static void read_hook(struct nlattr *hook, RulesetChain *chain) {
        struct nlattr *tb[NFTA_HOOK_MAX + 1];

        if (nla_parse_nested(tb, NFTA_HOOK_MAX, hook, NULL) < 0)
                return;
        chain->is_base = true;
        chain->hook = number_of(tb[NFTA_HOOK_HOOKNUM]);
        chain->priority = (int32_t)number_of(tb[NFTA_HOOK_PRIORITY]);
}

static const struct nla_policy chain_policy[NFTA_CHAIN_MAX + 1] = {
        [NFTA_CHAIN_TABLE] = { .type = NLA_NUL_STRING },
        [NFTA_CHAIN_NAME] = { .type = NLA_NUL_STRING },
        [NFTA_CHAIN_HOOK] = { .type = NLA_NESTED },
        [NFTA_CHAIN_POLICY] = { .type = NLA_U32 },
};

static int take_chain(const struct nlmsghdr *message, void *userdata) {
        const struct nfgenmsg *header = nlmsg_data(message);
        struct nlattr *tb[NFTA_CHAIN_MAX + 1];
        Ruleset *ruleset = userdata;
        RulesetChain *chain;

        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(*header), tb, NFTA_CHAIN_MAX,
                            chain_policy) < 0 ||
                        !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
                return -EPROTO;
        if (!is_followed(header->nfgen_family) ||
                        strncmp(nla_get_string(tb[NFTA_CHAIN_TABLE]), ruleset->ours,
                                        strlen(ruleset->ours)) == 0)
                return 0;
        if (make_room((void **)&ruleset->chains, ruleset->n_chains, &ruleset->room,
                            sizeof(*chain)) < 0)
                return -ENOMEM;
        chain = &ruleset->chains[ruleset->n_chains++];
        *chain = (RulesetChain){
                .family = header->nfgen_family,
                .table = strdup(nla_get_string(tb[NFTA_CHAIN_TABLE])),
                .name = strdup(nla_get_string(tb[NFTA_CHAIN_NAME])),
                .policy_is_drop = tb[NFTA_CHAIN_POLICY] &&
                                number_of(tb[NFTA_CHAIN_POLICY]) == NF_DROP,
        };
        if (tb[NFTA_CHAIN_HOOK])
                read_hook(tb[NFTA_CHAIN_HOOK], chain);
        return chain->table && chain->name ? 0 : -ENOMEM;
}

static int compare_chains(const void *a, const void *b) {
        const RulesetChain *x = a, *y = b;
        int r = (x->family > y->family) - (x->family < y->family);

        if (r == 0)
                r = strcmp(x->table, y->table);
        return r != 0 ? r : strcmp(x->name, y->name);
}

static int read_chains(Ruleset *ruleset, Failure *failure) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        filter_message_new(NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC);
        int r;

        if (!message)
                return -ENOMEM;
        forget_chains(ruleset);
        r = netlink_call(ruleset->netlink, message, take_chain, ruleset, "list the packet filters",
                        failure);
        /* This is what a kernel without netfilter, or without nf_tables, returns. */
        return r == -EPROTONOSUPPORT || r == -EINVAL ? -EOPNOTSUPP : r;
}

static int list_base_chains(Ruleset *ruleset) {
        ruleset->base = calloc(ruleset->n_chains + 1, sizeof(*ruleset->base));
        if (!ruleset->base)
                return -ENOMEM;
        for (size_t i = 0; i < ruleset->n_chains; i++) {
                size_t to = ruleset->n_base;

                if (!ruleset->chains[i].is_base)
                        continue;
                for (; to > 0 &&
                                ruleset->chains[ruleset->base[to - 1]].priority >
                                                ruleset->chains[i].priority;
                                to--)
                        ruleset->base[to] = ruleset->base[to - 1];
                ruleset->base[to] = i;
                ruleset->n_base++;
        }
        return 0;
}

int ruleset_read(Ruleset **ret, const char *ours, Failure *failure) {
        _cleanup_(ruleset_freep) Ruleset *ruleset = calloc(1, sizeof(Ruleset));
        int r;

        if (!ruleset)
                return -ENOMEM;
        list_init(&ruleset->sets);
        ruleset->ours = ours;
        r = netlink_open(&ruleset->netlink, NETLINK_NETFILTER);
        if (r < 0)
                return r == -EPROTONOSUPPORT ? -EOPNOTSUPP : r;
        r = -EINTR;
        UNTIL_DUMP_IS_WHOLE(r)
                r = read_chains(ruleset, failure);
        if (r < 0)
                return r;
        if (ruleset->n_chains > 0)
                qsort(ruleset->chains, ruleset->n_chains, sizeof(*ruleset->chains), compare_chains);
        r = list_base_chains(ruleset);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(ruleset);
        return 0;
}

RulesetChain *ruleset_base_chain(const Ruleset *ruleset, size_t index) {
        return index < ruleset->n_base ? &ruleset->chains[ruleset->base[index]] : NULL;
}

unsigned ruleset_next_walk(Ruleset *ruleset) {
        return ++ruleset->walks;
}

/* The rules of one chain, while they are read. */
typedef struct Reading {
        RulesetChain *chain;
        size_t room;
} Reading;

/* The kernel restricts the dump to this chain; kernels that cannot are older than anything that
 * runs here. */
static int take_rule(const struct nlmsghdr *message, void *userdata) {
        struct nlattr *tb[NFTA_RULE_MAX + 1];
        Reading *reading = userdata;
        RulesetChain *chain = reading->chain;
        struct nlattr *copy;

        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX,
                            NULL) < 0)
                return -EPROTO;
        if (!tb[NFTA_RULE_EXPRESSIONS])
                return 0;
        if (make_room((void **)&chain->rules, chain->n_rules, &reading->room,
                            sizeof(*chain->rules)) < 0)
                return -ENOMEM;
        copy = malloc((size_t)nla_total_size(nla_len(tb[NFTA_RULE_EXPRESSIONS])));
        if (!copy)
                return -ENOMEM;
        memcpy(copy, tb[NFTA_RULE_EXPRESSIONS],
                        (size_t)nla_attr_size(nla_len(tb[NFTA_RULE_EXPRESSIONS])));
        chain->rules[chain->n_rules++] = copy;
        return 0;
}

static int dump_rules(Ruleset *ruleset, RulesetChain *chain) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        filter_message_new(NFT_MSG_GETRULE, NLM_F_DUMP, chain->family);
        Reading reading = { .chain = chain };

        forget_rules(chain);
        if (!message || nla_put_string(message, NFTA_RULE_TABLE, chain->table) < 0 ||
                        nla_put_string(message, NFTA_RULE_CHAIN, chain->name) < 0)
                return -ENOMEM;
        return netlink_call(ruleset->netlink, message, take_rule, &reading,
                        "list the rules of a packet filter", NULL);
}

int ruleset_read_rules(Ruleset *ruleset, RulesetChain *chain) {
        int r = -EINTR;

        if (chain->is_read)
                return 0;
        UNTIL_DUMP_IS_WHOLE(r)
                r = dump_rules(ruleset, chain);
        chain->is_read = r >= 0;
        return r;
}

RulesetChain *ruleset_find_chain(
                Ruleset *ruleset, uint8_t family, const char *table, const char *name) {
        const RulesetChain key = { .family = family, .table = (char *)table, .name = (char *)name };

        return ruleset->n_chains == 0 ? NULL
                                      : bsearch(&key, ruleset->chains, ruleset->n_chains,
                                                        sizeof(*ruleset->chains), compare_chains);
}

static int take_set(const struct nlmsghdr *message, void *userdata) {
        return ruleset_set_take(userdata, message);
}

static int take_elements(const struct nlmsghdr *message, void *userdata) {
        return ruleset_set_take_elements(userdata, message);
}

static int ask_for_set(Ruleset *ruleset, RulesetSet *set) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        filter_message_new(NFT_MSG_GETSET, 0, set->family);

        if (!message || nla_put_string(message, NFTA_SET_TABLE, set->table) < 0 ||
                        nla_put_string(message, NFTA_SET_NAME, set->name) < 0)
                return -ENOMEM;
        return netlink_call(ruleset->netlink, message, take_set, set,
                        "look at a set of a packet filter", NULL);
}

static int ask_for_elements(Ruleset *ruleset, RulesetSet *set) {
        _cleanup_(nlmsg_freep) struct nl_msg *message =
                        filter_message_new(NFT_MSG_GETSETELEM, NLM_F_DUMP, set->family);

        ruleset_set_forget_elements(set);
        if (!message || nla_put_string(message, NFTA_SET_ELEM_LIST_TABLE, set->table) < 0 ||
                        nla_put_string(message, NFTA_SET_ELEM_LIST_SET, set->name) < 0)
                return -ENOMEM;
        return netlink_call(ruleset->netlink, message, take_elements, set,
                        "list the elements of a set of a packet filter", NULL);
}

static int read_set(Ruleset *ruleset, RulesetSet *set) {
        int r = ask_for_set(ruleset, set);

        if (r < 0 || set->is_unsure)
                return r;
        r = -EINTR;
        UNTIL_DUMP_IS_WHOLE(r)
                r = ask_for_elements(ruleset, set);
        /* There are more elements than we read. */
        if (r == -E2BIG) {
                set->is_unsure = true;
                return 0;
        }
        if (r >= 0)
                ruleset_set_finish(set);
        return r;
}

const RulesetSet *ruleset_find_set(
                Ruleset *ruleset, uint8_t family, const char *table, const char *name) {
        RulesetSet *set;

        LIST_FOREACH(&ruleset->sets, node) {
                set = container_of(node, RulesetSet, link);
                if (set->family == family && strcmp(set->name, name) == 0 &&
                                strcmp(set->table, table) == 0)
                        return set;
        }
        set = ruleset_set_new(family, table, name);
        if (!set)
                return NULL;
        if (read_set(ruleset, set) < 0) {
                ruleset_set_free(set);
                return NULL;
        }
        list_append(&ruleset->sets, &set->link);
        return set;
}
