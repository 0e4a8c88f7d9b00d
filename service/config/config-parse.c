/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "config/config-file.h"
#include "config/config-lines.h"
#include "config/config-names.h"

#define BLANKS " \t"
#define DIGITS "0123456789"

typedef struct Parser {
        Sections *sections;
        Section *section; /* of the last heading */
        unsigned file;    /* its number, from 1 */
} Parser;

static const struct {
        const char *key;
        unsigned min, max;
} number_keys[NUMBER_MAX] = {
        [NUMBER_ENDPOINTS] = { "Endpoints", 0, CONFIG_ENDPOINTS_MAX },
        [NUMBER_QUEUES] = { "Queues", 0, CONFIG_QUEUES_MAX },
        [NUMBER_CREATIONS] = { "Creations", 0, CONFIG_CREATIONS_MAX },
        [NUMBER_PORTS_PER_BRIDGE] = { "PortsPerBridge", 1, CONFIG_PORTS_PER_BRIDGE_MAX },
};

static const char *const switch_keys[SWITCH_MAX] = {
        [SWITCH_BPDU_GUARD] = "BpduGuard",
        [SWITCH_REJOIN_BRIDGES] = "RejoinBridges",
};

static const char *const rule_keys[RULE_MAX] = {
        [RULE_ALLOW] = "AllowBridges",
        [RULE_DENY] = "DenyBridges",
        [RULE_ALLOW_LEARNT_MACS] = "AllowLearntMacs",
};

static int refuse_id(const ConfigPlace *place, Failure *failure, int error, const char *what,
                const char *name) {
        if (error == -ENOMEM)
                return -ENOMEM;
        if (error == -ENOENT)
                return config_refuse(place, failure,
                                "There is no %s '%s'. Correct the name, or remove the section.",
                                what, config_word(name).text);
        if (error == -EINVAL)
                return config_refuse(place, failure,
                                "'%s' is no number of a %s: they go from 0 to 4294967294, with no zeros before them. Correct it.",
                                config_word(name).text, what);
        return config_refuse(place, failure,
                        "The system cannot tell who the %s '%s' is (%s). Try again, or use the number.",
                        what, config_word(name).text, strerrordesc_np(-error));
}

static int open_section(Parser *parser, SectionKind kind, id_t id) {
        parser->section = sections_get(parser->sections, kind, id);
        return parser->section ? 0 : -ENOMEM;
}

static int open_user(Parser *parser, const ConfigPlace *place, const char *name, Failure *failure) {
        uid_t uid;
        int r;

        if (strcmp(name, "*") == 0)
                return open_section(parser, SECTION_ALL, 0);
        r = config_find_user(name, &uid);
        if (r < 0)
                return refuse_id(place, failure, r, "user", name);
        if (uid == 0)
                return config_refuse(
                                place, failure, "Root is bound by no section. Remove this one.");
        return open_section(parser, SECTION_USER, uid);
}

static int open_group(
                Parser *parser, const ConfigPlace *place, const char *name, Failure *failure) {
        gid_t gid;
        int r;

        if (strcmp(name, "*") == 0)
                return config_refuse(place, failure,
                                "There is no section for all groups. Use [Limits] or [User *].");
        r = config_find_group(name, &gid);
        if (r < 0)
                return refuse_id(place, failure, r, "group", name);
        return open_section(parser, SECTION_GROUP, gid);
}

/* "alice" from "User alice"; NULL if the heading has another first word. */
static const char *name_after(const char *heading, const char *word) {
        size_t n = strlen(word);

        if (strncmp(heading, word, n) != 0 || heading[n] != ' ')
                return NULL;
        heading += n + 1;
        return *heading && !strpbrk(heading, BLANKS) ? heading : NULL;
}

static int take_heading(
                void *userdata, const ConfigPlace *place, const char *heading, Failure *failure) {
        const char *user = name_after(heading, "User"), *group = name_after(heading, "Group");
        Parser *parser = userdata;

        if (user)
                return open_user(parser, place, user, failure);
        if (group)
                return open_group(parser, place, group, failure);
        if (strcmp(heading, "Limits") == 0)
                return open_section(parser, SECTION_LIMITS, 0);
        if (strcmp(heading, "Bridges") == 0)
                return open_section(parser, SECTION_BRIDGES, 0);
        return config_refuse(place, failure,
                        "There is no section [%s]. There are [Limits], [Bridges], [User NAME], [User *] and [Group NAME].",
                        config_word(heading).text);
}

static bool parse_number(const char *text, unsigned min, unsigned max, unsigned *ret) {
        size_t n = strlen(text);
        unsigned long value;

        if (n == 0 || n > 9 || strspn(text, DIGITS) != n || (text[0] == '0' && n > 1))
                return false;
        value = strtoul(text, NULL, 10);
        if (value < min || value > max)
                return false;
        *ret = (unsigned)value;
        return true;
}

static int take_number(const Parser *parser, const ConfigPlace *place, SectionNumber number,
                const char *value, Failure *failure) {
        const char *key = number_keys[number].key;
        unsigned min = number_keys[number].min, max = number_keys[number].max, parsed;
        Section *section = parser->section;

        if (section->kind == SECTION_ALL || section->kind == SECTION_BRIDGES)
                return config_refuse(place, failure, "%s takes no numbers. Put %s= into [Limits].",
                                section->kind == SECTION_ALL ? "[User *]" : "[Bridges]", key);
        if (number == NUMBER_PORTS_PER_BRIDGE && section->kind != SECTION_LIMITS)
                return config_refuse(place, failure,
                                "%s= is about the bridge, not about a user. Put it into [Limits].",
                                key);
        if (section->numbers[number].file == parser->file)
                return config_refuse(place, failure,
                                "%s= is there twice in this section of this file. Remove one.",
                                key);
        if (!parse_number(value, min, max, &parsed))
                return config_refuse(place, failure,
                                "%s= takes a number from %u to %u in decimal digits, not '%s'. Correct it.",
                                key, min, max, config_word(value).text);
        section->numbers[number].value = parsed;
        section->numbers[number].file = parser->file;
        return 0;
}

static int take_switch(const Parser *parser, const ConfigPlace *place, SectionSwitch number,
                const char *value, Failure *failure) {
        const char *key = switch_keys[number];
        Section *section = parser->section;
        bool yes = strcmp(value, "yes") == 0;

        if (section->kind != SECTION_BRIDGES)
                return config_refuse(place, failure,
                                "%s= is about every bridge. Put it into [Bridges].", key);
        if (section->switches[number].file == parser->file)
                return config_refuse(place, failure,
                                "%s= is there twice in this section of this file. Remove one.",
                                key);
        if (!yes && strcmp(value, "no") != 0)
                return config_refuse(place, failure, "%s= takes yes or no, not '%s'. Correct it.",
                                key, config_word(value).text);
        section->switches[number].value = yes;
        section->switches[number].file = parser->file;
        return 0;
}

static int take_bridge(Section *section, const ConfigPlace *place, const char *name,
                SectionRule rule, Failure *failure) {
        if (rule == RULE_ALLOW_LEARNT_MACS && strcmp(name, "-") == 0)
                return config_refuse(place, failure,
                                "'-' is a tap on no bridge, where nobody learns a MAC. Name a bridge in %s=, or '*' for all.",
                                rule_keys[rule]);
        if (strcmp(name, "-") != 0 && strcmp(name, "*") != 0 && !ifname_is_plain(name))
                return config_refuse(place, failure,
                                "'%s' cannot be the name of a bridge. Give names of 1 to 15 bytes with blanks between them, '-' for no bridge, or '*' for all.",
                                config_word(name).text);
        return section_add_rule(section, name, rule);
}

static int take_bridges(const Parser *parser, const ConfigPlace *place, SectionRule rule,
                const char *value, Failure *failure) {
        const char *key = rule_keys[rule];
        _cleanup_free_ char *copy = strdup(value);
        char *rest = NULL, *name;
        int r = 0;

        if (parser->section->kind == SECTION_LIMITS || parser->section->kind == SECTION_BRIDGES)
                return config_refuse(place, failure,
                                "%s. Put %s= into [User *], which is about every user.",
                                parser->section->kind == SECTION_LIMITS
                                                ? "[Limits] takes numbers only"
                                                : "[Bridges] is about no user",
                                key);
        if (!copy)
                return -ENOMEM;
        name = strtok_r(copy, BLANKS, &rest);
        if (!name)
                return config_refuse(place, failure,
                                "%s= names no bridge. Name one, or remove the line.", key);
        for (; name && r >= 0; name = strtok_r(NULL, BLANKS, &rest))
                r = take_bridge(parser->section, place, name, rule, failure);
        return r;
}

static int take_entry(void *userdata, const ConfigPlace *place, const char *key, const char *value,
                Failure *failure) {
        const Parser *parser = userdata;

        for (SectionNumber number = 0; number < NUMBER_MAX; number++)
                if (strcmp(key, number_keys[number].key) == 0)
                        return take_number(parser, place, number, value, failure);
        for (SectionSwitch number = 0; number < SWITCH_MAX; number++)
                if (strcmp(key, switch_keys[number]) == 0)
                        return take_switch(parser, place, number, value, failure);
        for (SectionRule rule = 0; rule < RULE_MAX; rule++)
                if (strcmp(key, rule_keys[rule]) == 0)
                        return take_bridges(parser, place, rule, value, failure);
        return config_refuse(place, failure,
                        "There is no key '%s'. There are Endpoints, Queues, Creations, PortsPerBridge, AllowBridges, DenyBridges, AllowLearntMacs, BpduGuard and RejoinBridges.",
                        config_word(key).text);
}

int config_parse(Sections *sections, const char *name, unsigned number, const char *text,
                size_t size, Failure *failure) {
        static const ConfigLinesHandler handler = { take_heading, take_entry };
        Parser parser = { .sections = sections, .file = number };

        return config_lines_parse(name, text, size, &handler, &parser, failure);
}
