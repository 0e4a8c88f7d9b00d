/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The settings of all users, of one user or of one group: numbers, and rules about bridges. A
 * section is identified by its subject, so parts of it may come from several files. Users and
 * groups are numbers here, and files are only counted.
 */

#include <stdbool.h>
#include <sys/types.h>

/* The largest values that are accepted. */
#define CONFIG_ENDPOINTS_MAX        4096
#define CONFIG_QUEUES_MAX           65536
#define CONFIG_CREATIONS_MAX        100000
#define CONFIG_PORTS_PER_BRIDGE_MAX 1023 /* the kernel's own limit */

typedef enum SectionKind {
        SECTION_LIMITS,  /* [Limits]; id is 0 */
        SECTION_BRIDGES, /* [Bridges]; id is 0 */
        SECTION_ALL,     /* [User *]; id is 0 */
        SECTION_USER,
        SECTION_GROUP,
        SECTION_KIND_MAX,
} SectionKind;

typedef enum SectionNumber {
        NUMBER_ENDPOINTS,
        NUMBER_QUEUES,
        NUMBER_CREATIONS,
        NUMBER_PORTS_PER_BRIDGE,
        NUMBER_MAX,
} SectionNumber;

/* Switches that apply to every bridge. */
typedef enum SectionSwitch {
        SWITCH_BPDU_GUARD,
        SWITCH_REJOIN_BRIDGES,
        SWITCH_MAX,
} SectionSwitch;

/* What a rule says about a bridge. */
typedef enum SectionRule {
        RULE_ALLOW,
        RULE_DENY,
        RULE_ALLOW_LEARNT_MACS,
        RULE_MAX,
} SectionRule;

typedef struct Section {
        SectionKind kind;
        id_t id; /* uid or gid */
        struct {
                unsigned value;
                unsigned file; /* the number of the file that set it; 0: it is not set */
        } numbers[NUMBER_MAX];
        struct {
                bool value;
                unsigned file; /* likewise */
        } switches[SWITCH_MAX];
        void *rules; /* tsearch(3), by the name of the bridge */
} Section;

/* The sections, by kind and id; starts as { NULL }. */
typedef struct Sections {
        void *tree; /* tsearch(3) */
        unsigned n_groups;
} Sections;

void sections_done(Sections *sections);

/* Finds a section, or creates it. NULL: out of memory. */
Section *sections_get(Sections *sections, SectionKind kind, id_t id);

/* Calls show() for the section of each group, in any order. */
void sections_each_group(const Sections *sections,
                void (*show)(const Section *section, void *userdata), void *userdata);

/* NULL: there is no such section. */
const Section *sections_find(const Sections *sections, SectionKind kind, id_t id);

/* name is that of a bridge, "-" or "*". -ENOMEM */
int section_add_rule(Section *section, const char *name, SectionRule rule);

/* Whether the section has such a rule for exactly this name. section may be NULL, which has none.
 */
bool section_has_rule(const Section *section, const char *name, SectionRule rule);
bool section_allows(const Section *section, const char *name);
bool section_denies(const Section *section, const char *name);
