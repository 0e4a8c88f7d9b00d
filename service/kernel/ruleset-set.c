/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kernel/ruleset-set.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define ELEMENTS_MAX 65536

void ruleset_set_forget_elements(RulesetSet *set) {
        for (size_t i = 0; i < set->n_elements; i++)
                free(set->elements[i].data);
        set->n_elements = 0;
}

void ruleset_set_free(RulesetSet *set) {
        if (!set)
                return;
        list_unlink(&set->link);
        ruleset_set_forget_elements(set);
        free(set->elements);
        free(set->table);
        free(set->name);
        free(set);
}

RulesetSet *ruleset_set_new(uint8_t family, const char *table, const char *name) {
        RulesetSet *set = calloc(1, sizeof(*set));

        if (!set)
                return NULL;
        list_init(&set->link);
        set->family = family;
        set->table = strdup(table);
        set->name = strdup(name);
        if (!set->table || !set->name) {
                ruleset_set_free(set);
                return NULL;
        }
        return set;
}

static uint32_t number_of(struct nlattr *attribute) {
        return attribute && nla_len(attribute) == sizeof(uint32_t) ? ntohl(nla_get_u32(attribute))
                                                                   : 0;
}

/* Each field of a key begins at a word. */
static size_t in_words(size_t n) {
        return (n + 3) / 4 * 4;
}

static int add_field(RulesetSet *set, size_t size) {
        if (set->n_fields == RULESET_FIELDS_MAX || size > KNOWN_SIZE_MAX)
                return -EPROTO;
        set->fields[set->n_fields++] = size;
        return 0;
}

static int read_fields(RulesetSet *set, struct nlattr *description) {
        struct nlattr *tb[NFTA_SET_DESC_MAX + 1], *field;
        int rest, r = 0;

        if (nla_parse_nested(tb, NFTA_SET_DESC_MAX, description, NULL) < 0)
                return -EPROTO;
        if (!tb[NFTA_SET_DESC_CONCAT])
                return 0;
        nla_for_each_nested(field, tb[NFTA_SET_DESC_CONCAT], rest) {
                struct nlattr *of_field[NFTA_SET_FIELD_MAX + 1];

                if (nla_parse_nested(of_field, NFTA_SET_FIELD_MAX, field, NULL) < 0)
                        return -EPROTO;
                r = add_field(set, number_of(of_field[NFTA_SET_FIELD_LEN]));
                if (r < 0)
                        return r;
        }
        return 0;
}

int ruleset_set_take(RulesetSet *set, const struct nlmsghdr *message) {
        struct nlattr *tb[NFTA_SET_MAX + 1];
        uint32_t flags;
        int r = 0;

        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), tb, NFTA_SET_MAX,
                            NULL) < 0)
                return -EPROTO;
        flags = number_of(tb[NFTA_SET_FLAGS]);
        set->key_size = number_of(tb[NFTA_SET_KEY_LEN]);
        set->is_interval = flags & NFT_SET_INTERVAL;
        set->is_map = flags & NFT_SET_MAP;
        set->is_unsure = flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT | NFT_SET_OBJECT);
        set->n_fields = 0;
        if (set->key_size == 0 || set->key_size > KNOWN_SIZE_MAX)
                return -EPROTO;
        if (set->is_interval && tb[NFTA_SET_DESC])
                r = read_fields(set, tb[NFTA_SET_DESC]);
        return r >= 0 && set->n_fields == 0 ? add_field(set, set->key_size) : r;
}

/* The bytes of a key; the rest is zero. */
static int read_key(const RulesetSet *set, struct nlattr *key, uint8_t ret[static KNOWN_SIZE_MAX]) {
        struct nlattr *tb[NFTA_DATA_MAX + 1];

        memset(ret, 0, KNOWN_SIZE_MAX);
        if (nla_parse_nested(tb, NFTA_DATA_MAX, key, NULL) < 0 || !tb[NFTA_DATA_VALUE] ||
                        (size_t)nla_len(tb[NFTA_DATA_VALUE]) > KNOWN_SIZE_MAX)
                return -EPROTO;
        memcpy(ret, nla_data(tb[NFTA_DATA_VALUE]), (size_t)nla_len(tb[NFTA_DATA_VALUE]));
        return 0;
}

static int copy_data(struct nlattr *from, struct nlattr **ret) {
        *ret = malloc((size_t)nla_total_size(nla_len(from)));
        if (!*ret)
                return -ENOMEM;
        memcpy(*ret, from, (size_t)nla_attr_size(nla_len(from)));
        return 0;
}

static int make_room(RulesetSet *set) {
        const size_t room = set->room > 0 ? 2 * set->room : 16;
        RulesetElement *elements;

        if (set->n_elements < set->room)
                return 0;
        if (set->n_elements >= ELEMENTS_MAX)
                return -E2BIG;
        elements = reallocarray(set->elements, room, sizeof(*elements));
        if (!elements)
                return -ENOMEM;
        set->elements = elements;
        set->room = room;
        return 0;
}

static int take_element(RulesetSet *set, struct nlattr *attribute) {
        struct nlattr *tb[NFTA_SET_ELEM_MAX + 1];
        RulesetElement *element;
        uint32_t flags;
        int r = make_room(set);

        if (r < 0)
                return r;
        if (nla_parse_nested(tb, NFTA_SET_ELEM_MAX, attribute, NULL) < 0)
                return -EPROTO;
        flags = number_of(tb[NFTA_SET_ELEM_FLAGS]);
        element = &set->elements[set->n_elements];
        *element = (RulesetElement){
                .is_end = flags & NFT_SET_ELEM_INTERVAL_END,
                .is_for_all_others = flags & NFT_SET_ELEM_CATCHALL,
                .is_conditional = tb[NFTA_SET_ELEM_EXPR] || tb[NFTA_SET_ELEM_EXPRESSIONS] ||
                                tb[NFTA_SET_ELEM_TIMEOUT],
        };
        if (!tb[NFTA_SET_ELEM_KEY] && !element->is_for_all_others)
                return -EPROTO;
        if (tb[NFTA_SET_ELEM_KEY])
                r = read_key(set, tb[NFTA_SET_ELEM_KEY], element->first);
        memcpy(element->last, element->first, sizeof(element->last));
        if (r >= 0 && tb[NFTA_SET_ELEM_KEY_END])
                r = read_key(set, tb[NFTA_SET_ELEM_KEY_END], element->last);
        if (r >= 0 && tb[NFTA_SET_ELEM_DATA])
                r = copy_data(tb[NFTA_SET_ELEM_DATA], &element->data);
        if (r >= 0)
                set->n_elements++;
        return r;
}

int ruleset_set_take_elements(RulesetSet *set, const struct nlmsghdr *message) {
        struct nlattr *tb[NFTA_SET_ELEM_LIST_MAX + 1], *element;
        int rest, r = 0;

        if (nlmsg_parse((struct nlmsghdr *)message, sizeof(struct nfgenmsg), tb,
                            NFTA_SET_ELEM_LIST_MAX, NULL) < 0)
                return -EPROTO;
        if (!tb[NFTA_SET_ELEM_LIST_ELEMENTS])
                return 0;
        nla_for_each_nested(element, tb[NFTA_SET_ELEM_LIST_ELEMENTS], rest) {
                r = take_element(set, element);
                if (r < 0)
                        break;
        }
        return r;
}

/* The end of an interval sorts before the beginning of the next one, and an element without a key
 * comes last. */
static int compare_elements(const void *a, const void *b) {
        const RulesetElement *x = a, *y = b;
        int r = (int)x->is_for_all_others - (int)y->is_for_all_others;

        if (r == 0)
                r = memcmp(x->first, y->first, sizeof(x->first));
        return r != 0 ? r : (int)y->is_end - (int)x->is_end;
}

static void decrement(uint8_t *number, size_t n) {
        while (n > 0 && number[n - 1]-- == 0)
                n--;
}

/* The kernel reports an interval as two elements: its first key, and the first key after it. */
static void join_ends(RulesetSet *set) {
        size_t n = 0;

        qsort(set->elements, set->n_elements, sizeof(*set->elements), compare_elements);
        for (size_t i = 0; i < set->n_elements; i++) {
                RulesetElement element = set->elements[i];

                if (element.is_end) {
                        free(element.data);
                        continue;
                }
                if (!element.is_for_all_others && i + 1 < set->n_elements &&
                                !set->elements[i + 1].is_for_all_others) {
                        memcpy(element.last, set->elements[i + 1].first, sizeof(element.last));
                        decrement(element.last, set->key_size);
                } else
                        memset(element.last, 0xff, sizeof(element.last));
                set->elements[n++] = element;
        }
        set->n_elements = n;
}

void ruleset_set_finish(RulesetSet *set) {
        bool has_ends = false;
        size_t words = 0;

        for (size_t i = 0; i < set->n_fields; i++)
                words += in_words(set->fields[i]);
        /* The keys do not have the announced layout. */
        if (set->n_fields > 1 && words != in_words(set->key_size))
                set->is_unsure = true;
        if (!set->is_interval || set->n_fields > 1 || set->n_elements == 0)
                return;
        for (size_t i = 0; i < set->n_elements; i++)
                has_ends = has_ends || set->elements[i].is_end;
        /* A set that uses KEY_END in place of end elements needs no joining. */
        if (has_ends || memcmp(set->elements[0].first, set->elements[0].last, KNOWN_SIZE_MAX) == 0)
                join_ends(set);
}
