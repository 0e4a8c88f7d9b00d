/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "networks/network-tag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for any tag, also for one that is too long for an alias. */
#define ROOM (2 * NETWORK_TAG_SIZE)

#define MAGIC "vnicd-net:1"

__attribute__((format(printf, 2, 3))) static void add(
                char text[static ROOM], const char *format, ...) {
        size_t n = strlen(text);
        va_list args;

        va_start(args, format);
        vsnprintf(text + n, ROOM - n, format, args);
        va_end(args);
}

static void add_uplinks(char text[static ROOM], const NetworkUplinks *uplinks) {
        for (size_t i = 0; i < uplinks->n; i++)
                add(text, "%s%d", i == 0 ? " fwd=" : ",", uplinks->ifindexes[i]);
}

static void add_field(char text[static ROOM], const NetworkPlan *plan, const NetworkPlan *usual,
                const NetworkField *field) {
        char buffer[NETWORK_FIELD_SIZE], other[NETWORK_FIELD_SIZE];
        const char *value = field->format(plan, field, buffer);

        if (strcmp(value, field->format(usual, field, other)) == 0)
                return;
        if (strcmp(value, "yes") == 0)
                add(text, " %s", field->word);
        else
                add(text, " %s=%s", field->word, value);
}

static void format_today(const NetworkTag *tag, char text[static ROOM]) {
        const NetworkPlan *plan = &tag->plan;
        NetworkPlan usual = NETWORK_PLAN_INIT;

        usual.kind = plan->kind; /* always written, in front */
        usual.mtu = plan->mtu;   /* never written: the bridge has it */
        snprintf(text, ROOM, MAGIC " kind=%s%s", network_kind_name(plan->kind),
                        tag->kept ? " kept" : "");
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++)
                add_field(text, plan, &usual, &network_fields[i]);
        add(text, "%s%s", plan->v6_left_out ? " ipv6=none" : "",
                        tag->guard_v6 ? " guard-ipv6" : "");
        add_uplinks(text, &tag->uplinks);
}

/* As up to 0.1.0. */
static void format_older(const NetworkTag *tag, char text[static ROOM]) {
        char v4[NETWORK_ADDRESS_SIZE], v6[NETWORK_ADDRESS_SIZE];
        const NetworkPlan *plan = &tag->plan;

        snprintf(text, ROOM,
                        MAGIC
                        " kind=%s life=%s dhcp=%d apart=%d lan=%d host=%d%s%s%s%s ports=%u each=%u domain=%s guard=%d%s",
                        network_kind_name(plan->kind), tag->kept ? "kept" : "config", plan->dhcp,
                        plan->guests_isolated, plan->reach_lan, plan->host_access,
                        plan->v4_prefix > 0 ? " v4=" : "", network_plan_v4(plan, v4),
                        plan->v6_prefix > 0 ? " v6=" : "",
                        plan->v6_left_out ? " v6=none" : network_plan_v6(plan, v6), plan->ports_max,
                        plan->ports_per_user, plan->domain, tag->guard_v6,
                        plan->guard_addresses ? " own" : "");
        add_uplinks(text, &tag->uplinks);
}

const char *network_tag_format(const NetworkTag *tag, char buffer[static NETWORK_TAG_SIZE]) {
        char text[ROOM];

        format_today(tag, text);
        snprintf(buffer, NETWORK_TAG_SIZE, "%.*s", NETWORK_TAG_SIZE - 1, text);
        return buffer;
}

void network_tag_fit_uplinks(const NetworkTag *tag, NetworkUplinks *uplinks) {
        NetworkTag with = *tag;
        char text[ROOM];

        for (;; uplinks->n--) {
                with.uplinks = *uplinks;
                format_today(&with, text);
                if (uplinks->n == 0 || strlen(text) < NETWORK_TAG_SIZE)
                        return;
        }
}

static int take_uplinks(NetworkTag *tag, const char *value) {
        NetworkUplinks *uplinks = &tag->uplinks;
        char *end;

        for (;;) {
                long ifindex = strtol(value, &end, 10);

                if (uplinks->n >= NETWORK_UPLINKS_MAX || ifindex <= 0 || ifindex > INT32_MAX)
                        return -EINVAL;
                uplinks->ifindexes[uplinks->n++] = (int)ifindex;
                if (*end != ',')
                        return 0;
                value = end + 1;
        }
}

/* The words of older tags that have other names today. */
static const char *const older_words[][2] = {
        { "apart", "guests-isolated" },
        { "lan", "reach-lan" },
        { "host", "host-access" },
        { "own", "guard-addresses" },
        { "ports", "ports-max" },
        { "each", "ports-per-user" },
        { "v4", "address" },
        { "v6", "address" },
};

static const NetworkField *find_field(const char *word) {
        for (size_t i = 0; i < sizeof(older_words) / sizeof(*older_words); i++)
                if (strcmp(word, older_words[i][0]) == 0)
                        word = older_words[i][1];
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++)
                if (strcmp(word, network_fields[i].word) == 0)
                        return &network_fields[i];
        return NULL;
}

/* In older tags the values of flags are 0 and 1. */
static int take_value(NetworkPlan *plan, const NetworkField *field, const char *value) {
        int r = field->set(plan, field, value);

        if (r < 0 && strcmp(value, "0") == 0)
                return field->set(plan, field, "no");
        if (r < 0 && strcmp(value, "1") == 0)
                return field->set(plan, field, "yes");
        return r;
}

static int take_field(NetworkPlan *plan, const char *word, char *values) {
        const NetworkField *field = find_field(word);
        char *value;
        int r = field ? 0 : -EINVAL;

        while (r >= 0 && (value = strsep(&values, ",")))
                r = take_value(plan, field, value);
        return r;
}

/* Words that are not fields are handled here. */
static int take_word(NetworkTag *tag, char *word) {
        char *value = strchr(word, '=');

        if (value)
                *value++ = '\0';
        else
                value = word + strlen(word);
        if (strcmp(word, "fwd") == 0)
                return take_uplinks(tag, value);
        if (strcmp(word, "kept") == 0)
                tag->kept = true;
        else if (strcmp(word, "life") == 0)
                tag->kept = strcmp(value, "kept") == 0;
        else if (strcmp(word, "guard-ipv6") == 0)
                tag->guard_v6 = true;
        else if (strcmp(word, "guard") == 0)
                tag->guard_v6 = *value == '1';
        else if ((strcmp(word, "ipv6") == 0 || strcmp(word, "v6") == 0) &&
                        strcmp(value, "none") == 0)
                tag->plan.v6_left_out = true;
        else
                return take_field(&tag->plan, word, *value ? value : (char[]){ "yes" });
        return 0;
}

/* Scans loosely, then formats the result again and compares it with the text, byte by byte. */
int network_tag_parse(const char *text, const char *name, uint32_t mtu, NetworkTag *ret) {
        char copy[NETWORK_TAG_SIZE], today[ROOM], older[ROOM], *rest = NULL, *word;
        NetworkTag tag = { .plan = NETWORK_PLAN_INIT };
        NetworkPlan complete;

        if (strnlen(text, sizeof(copy)) == sizeof(copy) || !network_name_is_valid(name))
                return -EINVAL;
        strcpy(tag.plan.name, name);
        tag.plan.mtu = mtu;
        strcpy(copy, text);
        word = strtok_r(copy, " ", &rest);
        if (!word || strcmp(word, MAGIC) != 0)
                return -EINVAL;
        while ((word = strtok_r(NULL, " ", &rest)))
                if (take_word(&tag, word) < 0)
                        return -EINVAL;
        format_today(&tag, today);
        format_older(&tag, older);
        complete = tag.plan;
        if ((strcmp(text, today) != 0 && strcmp(text, older) != 0) || *tag.plan.domain == '\0' ||
                        network_plan_complete(&complete, NULL) < 0)
                return -EINVAL;
        *ret = tag;
        return 0;
}

int network_tag_of_link(const LinkInfo *link, NetworkTag *ret) {
        if (strcmp(link->kind, "bridge") != 0 || link->group != NETWORK_GROUP)
                return -ENOMSG;
        if (*link->alias == '\0')
                return -EBADMSG;
        return network_tag_parse(link->alias, link->name, link->mtu, ret) < 0 ? -ENOMSG : 0;
}
