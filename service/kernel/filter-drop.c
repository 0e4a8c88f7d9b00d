/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-drop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_arp.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/mac.h"
#include "kernel/filter-batch.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

/* From linux/netfilter_bridge.h, which conflicts with the C library's headers. */
#define BRIDGE_PRE_ROUTING 0

static const struct {
        uint8_t family;
        uint32_t number;
        const char *chain;
} hooks[FILTER_HOOK_MAX] = {
        [FILTER_BRIDGE_PREROUTING] = { NFPROTO_BRIDGE, BRIDGE_PRE_ROUTING, "prerouting" },
        [FILTER_INET_PREROUTING] = { NFPROTO_INET, NF_INET_PRE_ROUTING, "prerouting" },
        [FILTER_ARP_INPUT] = { NFPROTO_ARP, NF_ARP_IN, "input" },
};

typedef struct Transaction {
        const FilterDrop *drop;
        FilterBatch batch;
} Transaction;

FilterMatch filter_match_group(uint32_t mask, uint32_t group, bool differs) {
        FilterMatch match = { .field = FILTER_IN_GROUP, .differs = differs };

        memcpy(match.mask, &mask, sizeof(mask));
        memcpy(match.value, &group, sizeof(group));
        return match;
}

static struct nl_msg *table_message(const FilterDrop *drop, int type, int flags) {
        return filter_message_new(type, flags, hooks[drop->hook].family);
}

static int put_be32(struct nl_msg *message, int type, uint32_t value) {
        return nla_put_u32(message, type, htonl(value)) < 0 ? -ENOMEM : 0;
}

static int append_table(Transaction *transaction, int type, int flags) {
        _cleanup_message_ struct nl_msg *message = table_message(transaction->drop, type, flags);

        if (!message || nla_put_string(message, NFTA_TABLE_NAME, transaction->drop->table) < 0)
                return -ENOMEM;
        return filter_batch_append(&transaction->batch, message);
}

static int append_chain(Transaction *transaction) {
        const FilterDrop *drop = transaction->drop;
        _cleanup_message_ struct nl_msg *message =
                        table_message(drop, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
        struct nlattr *hook;

        if (!message || nla_put_string(message, NFTA_CHAIN_TABLE, drop->table) < 0 ||
                        nla_put_string(message, NFTA_CHAIN_NAME, hooks[drop->hook].chain) < 0 ||
                        nla_put_string(message, NFTA_CHAIN_TYPE, "filter") < 0 ||
                        put_be32(message, NFTA_CHAIN_POLICY, NF_ACCEPT) < 0)
                return -ENOMEM;
        hook = nla_nest_start(message, NFTA_CHAIN_HOOK);
        if (!hook || put_be32(message, NFTA_HOOK_HOOKNUM, hooks[drop->hook].number) < 0 ||
                        put_be32(message, NFTA_HOOK_PRIORITY, (uint32_t)drop->priority) < 0)
                return -ENOMEM;
        nla_nest_end(message, hook);
        return filter_batch_append(&transaction->batch, message);
}

/* An expression is open between begin_expression() and end_expression(): its attributes go in
 * between. */
typedef struct Expression {
        struct nlattr *element, *data;
} Expression;

static int begin_expression(struct nl_msg *message, const char *name, Expression *ret) {
        ret->element = nla_nest_start(message, NFTA_LIST_ELEM);
        if (!ret->element || nla_put_string(message, NFTA_EXPR_NAME, name) < 0)
                return -ENOMEM;
        ret->data = nla_nest_start(message, NFTA_EXPR_DATA);
        return ret->data ? 0 : -ENOMEM;
}

static void end_expression(struct nl_msg *message, Expression *expression) {
        nla_nest_end(message, expression->data);
        nla_nest_end(message, expression->element);
}

static int put_value(struct nl_msg *message, int type, const void *value, size_t size) {
        struct nlattr *nest = nla_nest_start(message, type);

        if (!nest || nla_put(message, NFTA_DATA_VALUE, (int)size, value) < 0)
                return -ENOMEM;
        nla_nest_end(message, nest);
        return 0;
}

static size_t size_of(FilterField field) {
        return field == FILTER_IN_GROUP ? sizeof(uint32_t) : sizeof(Mac);
}

/* All expressions work on the first register. */
static int put_load(struct nl_msg *message, FilterField field) {
        const bool is_group = field == FILTER_IN_GROUP;
        Expression expression;

        if (begin_expression(message, is_group ? "meta" : "payload", &expression) < 0)
                return -ENOMEM;
        if (is_group &&
                        (put_be32(message, NFTA_META_KEY, NFT_META_IIFGROUP) < 0 ||
                                        put_be32(message, NFTA_META_DREG, NFT_REG_1) < 0))
                return -ENOMEM;
        if (!is_group &&
                        (put_be32(message, NFTA_PAYLOAD_DREG, NFT_REG_1) < 0 ||
                                        put_be32(message, NFTA_PAYLOAD_BASE,
                                                        NFT_PAYLOAD_LL_HEADER) < 0 ||
                                        put_be32(message, NFTA_PAYLOAD_OFFSET, 0) < 0 ||
                                        put_be32(message, NFTA_PAYLOAD_LEN, sizeof(Mac)) < 0))
                return -ENOMEM;
        end_expression(message, &expression);
        return 0;
}

static int put_mask(struct nl_msg *message, const FilterMatch *match) {
        static const uint8_t zero[FILTER_VALUE_SIZE];
        const size_t size = size_of(match->field);
        Expression expression;

        if (begin_expression(message, "bitwise", &expression) < 0 ||
                        put_be32(message, NFTA_BITWISE_SREG, NFT_REG_1) < 0 ||
                        put_be32(message, NFTA_BITWISE_DREG, NFT_REG_1) < 0 ||
                        put_be32(message, NFTA_BITWISE_LEN, (uint32_t)size) < 0 ||
                        put_value(message, NFTA_BITWISE_MASK, match->mask, size) < 0 ||
                        put_value(message, NFTA_BITWISE_XOR, zero, size) < 0)
                return -ENOMEM;
        end_expression(message, &expression);
        return 0;
}

static int put_comparison(struct nl_msg *message, const FilterMatch *match) {
        Expression expression;

        if (begin_expression(message, "cmp", &expression) < 0 ||
                        put_be32(message, NFTA_CMP_SREG, NFT_REG_1) < 0 ||
                        put_be32(message, NFTA_CMP_OP, match->differs ? NFT_CMP_NEQ : NFT_CMP_EQ) <
                                        0 ||
                        put_value(message, NFTA_CMP_DATA, match->value, size_of(match->field)) < 0)
                return -ENOMEM;
        end_expression(message, &expression);
        return 0;
}

static int put_drop(struct nl_msg *message) {
        struct nlattr *data, *verdict;
        Expression expression;

        if (begin_expression(message, "immediate", &expression) < 0 ||
                        put_be32(message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT) < 0)
                return -ENOMEM;
        data = nla_nest_start(message, NFTA_IMMEDIATE_DATA);
        verdict = data ? nla_nest_start(message, NFTA_DATA_VERDICT) : NULL;
        if (!verdict || put_be32(message, NFTA_VERDICT_CODE, NF_DROP) < 0)
                return -ENOMEM;
        nla_nest_end(message, verdict);
        nla_nest_end(message, data);
        end_expression(message, &expression);
        return 0;
}

static int put_expressions(struct nl_msg *message, const FilterDropRule *rule) {
        struct nlattr *expressions = nla_nest_start(message, NFTA_RULE_EXPRESSIONS);

        if (!expressions)
                return -ENOMEM;
        for (size_t i = 0; i < rule->n_matches; i++)
                if (put_load(message, rule->matches[i].field) < 0 ||
                                put_mask(message, &rule->matches[i]) < 0 ||
                                put_comparison(message, &rule->matches[i]) < 0)
                        return -ENOMEM;
        if (put_drop(message) < 0)
                return -ENOMEM;
        nla_nest_end(message, expressions);
        return 0;
}

/* The last rule is the last message of the transaction that changes anything, so it asks for an
 * acknowledgement. */
static int append_rule(Transaction *transaction, const FilterDropRule *rule) {
        const FilterDrop *drop = transaction->drop;
        _cleanup_message_ struct nl_msg *message = table_message(
                        drop, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK);

        if (!message || nla_put_string(message, NFTA_RULE_TABLE, drop->table) < 0 ||
                        nla_put_string(message, NFTA_RULE_CHAIN, hooks[drop->hook].chain) < 0 ||
                        put_expressions(message, rule) < 0)
                return -ENOMEM;
        return filter_batch_append(&transaction->batch, message);
}

/* The first message makes sure that the table exists, so that the second can delete it. */
static int fill(Transaction *transaction) {
        int r = append_table(transaction, NFT_MSG_NEWTABLE, NLM_F_CREATE);

        if (r >= 0)
                r = append_table(transaction, NFT_MSG_DELTABLE, 0);
        if (r >= 0)
                r = append_table(transaction, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
        if (r >= 0)
                r = append_chain(transaction);
        for (size_t i = 0; r >= 0 && i < transaction->drop->n_rules; i++)
                r = append_rule(transaction, &transaction->drop->rules[i]);
        return r;
}

/* Errors by which the kernel reports a feature it was built without. */
static bool is_missing(int r) {
        return r == -EOPNOTSUPP || r == -ENOENT || r == -EAFNOSUPPORT || r == -EPROTONOSUPPORT ||
                        r == -EINVAL;
}

int filter_drop_install(Netlink *netlink, const FilterDrop *drop, Failure *failure) {
        Transaction transaction = { .drop = drop };
        int r = fill(&transaction);

        if (r < 0)
                return r;
        r = filter_batch_commit(&transaction.batch, netlink);
        if (is_missing(r))
                return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                "This kernel has no nf_tables for the filters of taps (%s).",
                                strerror(-r));
        return r < 0 ? failure_kernel(failure, -r, "set the filters of taps", NULL) : 0;
}
