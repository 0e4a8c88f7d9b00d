/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/filter-digest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "kernel/filter-batch.h"

#define _cleanup_message_ _cleanup_(nlmsg_freep)

/* Enough for the chains and sets of any table of ours. If somebody else adds more, their number
 * still changes the digest. */
#define NAMES_MAX 64
#define NAME_SIZE NFT_NAME_MAXLEN

#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* A set of attributes to be hashed: bit N is attribute N. */
#define BIT(attribute) (UINT64_C(1) << (attribute))

#define TABLE_ATTRIBUTES (BIT(NFTA_TABLE_FLAGS) | BIT(NFTA_TABLE_USE))
#define CHAIN_ATTRIBUTES                                                                           \
        (BIT(NFTA_CHAIN_NAME) | BIT(NFTA_CHAIN_HOOK) | BIT(NFTA_CHAIN_POLICY) |                    \
                        BIT(NFTA_CHAIN_USE) | BIT(NFTA_CHAIN_TYPE) | BIT(NFTA_CHAIN_FLAGS))
#define RULE_ATTRIBUTES (BIT(NFTA_RULE_CHAIN) | BIT(NFTA_RULE_EXPRESSIONS))
#define SET_ATTRIBUTES                                                                             \
        (BIT(NFTA_SET_NAME) | BIT(NFTA_SET_FLAGS) | BIT(NFTA_SET_KEY_TYPE) |                       \
                        BIT(NFTA_SET_KEY_LEN) | BIT(NFTA_SET_DATA_TYPE) | BIT(NFTA_SET_DATA_LEN) | \
                        BIT(NFTA_SET_POLICY) | BIT(NFTA_SET_DESC) | BIT(NFTA_SET_TIMEOUT) |        \
                        BIT(NFTA_SET_GC_INTERVAL) | BIT(NFTA_SET_OBJ_TYPE) | BIT(NFTA_SET_EXPR) |  \
                        BIT(NFTA_SET_EXPRESSIONS))
#define ELEMENT_ATTRIBUTES                                                                         \
        (BIT(NFTA_SET_ELEM_KEY) | BIT(NFTA_SET_ELEM_KEY_END) | BIT(NFTA_SET_ELEM_DATA) |           \
                        BIT(NFTA_SET_ELEM_FLAGS) | BIT(NFTA_SET_ELEM_OBJREF))

typedef struct Names {
        size_t n;
        char names[NAMES_MAX][NAME_SIZE];
} Names;

/* A digest in progress. */
typedef struct Digest {
        Netlink *netlink;
        const FilterTable *table;
        uint64_t hash;
        bool interrupted;
        Names chains; /* those that have rules */
        Names sets;   /* those whose elements count */
} Digest;

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ bytes[i]) * FNV_PRIME;
        return hash;
}

/* The type and length are hashed as well, so that what follows cannot pass for a part of it. */
static uint64_t hash_attribute(uint64_t hash, const struct nlattr *attribute) {
        const uint32_t frame[] = { (uint32_t)nla_type(attribute), (uint32_t)nla_len(attribute) };

        hash = hash_bytes(hash, frame, sizeof(frame));
        return hash_bytes(hash, nla_data(attribute), (size_t)nla_len(attribute));
}

static uint64_t hash_attributes(
                uint64_t hash, const struct nlattr *first, int left, uint64_t which) {
        const struct nlattr *attribute;

        for (attribute = first; nla_ok(attribute, left); attribute = nla_next(attribute, &left))
                if (nla_type(attribute) < 64 && BIT(nla_type(attribute)) & which)
                        hash = hash_attribute(hash, attribute);
        return hash;
}

static void add_message(Digest *digest, const struct nlmsghdr *message, uint64_t which) {
        const int size = (int)sizeof(struct nfgenmsg);

        digest->hash = hash_attributes(digest->hash, nlmsg_attrdata(message, size),
                        nlmsg_attrlen(message, size), which);
}

static const struct nlattr *find(const struct nlmsghdr *message, int type) {
        return nlmsg_find_attr((struct nlmsghdr *)message, sizeof(struct nfgenmsg), type);
}

/* The rules of one chain arrive one after another, so comparing with the last name suffices. */
static void remember(Names *names, const struct nlattr *name) {
        if (!name || (names->n > 0 && nla_strcmp(name, names->names[names->n - 1]) == 0) ||
                        names->n == NAMES_MAX)
                return;
        (void)nla_strlcpy(names->names[names->n++], name, NAME_SIZE);
}

static int on_table(const struct nlmsghdr *message, void *userdata) {
        add_message(userdata, message, TABLE_ATTRIBUTES);
        return 0;
}

static int on_chain(const struct nlmsghdr *message, void *userdata) {
        add_message(userdata, message, CHAIN_ATTRIBUTES);
        return 0;
}

static int on_rule(const struct nlmsghdr *message, void *userdata) {
        Digest *digest = userdata;

        add_message(digest, message, RULE_ATTRIBUTES);
        remember(&digest->chains, find(message, NFTA_RULE_CHAIN));
        return 0;
}

/* Packets fill a dynamic set, and elements with a timeout come and go: neither counts. */
static int on_set(const struct nlmsghdr *message, void *userdata) {
        const struct nlattr *flags = find(message, NFTA_SET_FLAGS);
        Digest *digest = userdata;

        add_message(digest, message, SET_ATTRIBUTES);
        if (!flags || nla_len(flags) < (int)sizeof(uint32_t) ||
                        !(ntohl(nla_get_u32(flags)) & (NFT_SET_EVAL | NFT_SET_TIMEOUT)))
                remember(&digest->sets, find(message, NFTA_SET_NAME));
        return 0;
}

/* The order in which the kernel lists elements differs each time a set is created, so the hash must
 * not depend on it. */
static int on_elements(const struct nlmsghdr *message, void *userdata) {
        const struct nlattr *elements = find(message, NFTA_SET_ELEM_LIST_ELEMENTS);
        Digest *digest = userdata;
        struct nlattr *element;
        int left;

        if (!elements)
                return 0;
        nla_for_each_nested(element, elements, left) {
                digest->hash += hash_attributes(
                                FNV_BASIS, nla_data(element), nla_len(element), ELEMENT_ATTRIBUTES);
        }
        return 0;
}

/* What is asked for, and the attributes that hold the names. */
typedef struct Question {
        int type, flags;
        int table, name; /* attributes; name: 0: none */
        netlink_each_t each;
} Question;

static int ask(Digest *digest, const Question *question, const char *name) {
        _cleanup_message_ struct nl_msg *message = filter_message_new(
                        question->type, question->flags, (uint8_t)digest->table->family);
        int r;

        if (!message || nla_put_string(message, question->table, digest->table->name) < 0 ||
                        (name && nla_put_string(message, question->name, name) < 0))
                return -ENOMEM;
        r = netlink_call(
                        digest->netlink, message, question->each, digest, "look at a filter", NULL);
        if (r != -EINTR)
                return r;
        digest->interrupted = true;
        return 0;
}

static int ask_for_each(Digest *digest, const Question *question, const Names *names) {
        int r = 0;

        for (size_t i = 0; i < names->n && r >= 0; i++) {
                digest->hash = hash_bytes(digest->hash, names->names[i], strlen(names->names[i]));
                r = ask(digest, question, names->names[i]);
        }
        return r;
}

/* The kernel cannot restrict a dump of chains to one table, so they are requested one by one. A
 * chain without a rule shows in the table's number of chains. */
static int ask_for_all(Digest *digest) {
        static const Question table = { NFT_MSG_GETTABLE, 0, NFTA_TABLE_NAME, 0, on_table },
                              rules = { NFT_MSG_GETRULE, NLM_F_DUMP, NFTA_RULE_TABLE, 0, on_rule },
                              chain = { NFT_MSG_GETCHAIN, 0, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
                                      on_chain },
                              sets = { NFT_MSG_GETSET, NLM_F_DUMP, NFTA_SET_TABLE, 0, on_set },
                              elements = { NFT_MSG_GETSETELEM, NLM_F_DUMP, NFTA_SET_ELEM_LIST_TABLE,
                                      NFTA_SET_ELEM_LIST_SET, on_elements };
        int r = ask(digest, &table, NULL);

        if (r >= 0)
                r = ask(digest, &rules, NULL);
        if (r >= 0)
                r = ask_for_each(digest, &chain, &digest->chains);
        if (r >= 0)
                r = ask(digest, &sets, NULL);
        return r < 0 ? r : ask_for_each(digest, &elements, &digest->sets);
}

int filter_digest(Netlink *netlink, const FilterTable *table, uint64_t *ret) {
        Digest digest = { .netlink = netlink, .table = table, .hash = FNV_BASIS };
        int r = ask_for_all(&digest);

        *ret = 0;
        if (r < 0)
                return r;
        *ret = digest.hash != 0 ? digest.hash : 1;
        return digest.interrupted ? -EINTR : 0;
}
