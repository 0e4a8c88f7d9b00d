/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-section.h"

#include <errno.h>
#include <net/if.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

typedef struct Rule {
        char name[IFNAMSIZ];
        bool is[RULE_MAX];
} Rule;

static int compare_rules(const void *a, const void *b) {
        const Rule *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static int compare_sections(const void *a, const void *b) {
        const Section *x = a, *y = b;

        if (x->kind != y->kind)
                return x->kind < y->kind ? -1 : 1;
        return x->id < y->id ? -1 : x->id > y->id;
}

static void free_section(void *data) {
        Section *section = data;

        tdestroy(section->rules, free);
        free(section);
}

void sections_done(Sections *sections) {
        tdestroy(sections->tree, free_section);
        *sections = (Sections){ NULL };
}

const Section *sections_find(const Sections *sections, SectionKind kind, id_t id) {
        const Section key = { .kind = kind, .id = id };
        Section *const *found = tfind(&key, &sections->tree, compare_sections);

        return found ? *found : NULL;
}

typedef struct Walk {
        void (*show)(const Section *section, void *userdata);
        void *userdata;
} Walk;

static void visit(const void *node, VISIT when, void *data) {
        const Section *section = *(Section *const *)node;
        const Walk *walk = data;

        /* A node with children is visited three times. */
        if ((when == postorder || when == leaf) && section->kind == SECTION_GROUP)
                walk->show(section, walk->userdata);
}

void sections_each_group(const Sections *sections,
                void (*show)(const Section *section, void *userdata), void *userdata) {
        Walk walk = { show, userdata };

        twalk_r(sections->tree, visit, &walk);
}

Section *sections_get(Sections *sections, SectionKind kind, id_t id) {
        const Section key = { .kind = kind, .id = id };
        Section **found = tfind(&key, &sections->tree, compare_sections);
        Section *section;

        if (found)
                return *found;
        section = malloc(sizeof(Section));
        if (!section)
                return NULL;
        *section = key;
        if (!tsearch(section, &sections->tree, compare_sections)) {
                free(section);
                return NULL;
        }
        if (kind == SECTION_GROUP)
                sections->n_groups++;
        return section;
}

/* No interface has a name that does not fit. */
static bool fill_key(const char *name, Rule *ret) {
        if (strnlen(name, IFNAMSIZ) == IFNAMSIZ)
                return false;
        *ret = (Rule){ .is = { false } };
        strcpy(ret->name, name);
        return true;
}

static Rule *find_rule(const Section *section, const char *name) {
        Rule key, **found;

        if (!section || !fill_key(name, &key))
                return NULL;
        found = tfind(&key, &section->rules, compare_rules);
        return found ? *found : NULL;
}

static Rule *make_rule(Section *section, const char *name) {
        _cleanup_free_ Rule *rule = malloc(sizeof(Rule));

        if (!rule || !fill_key(name, rule) || !tsearch(rule, &section->rules, compare_rules))
                return NULL;
        return TAKE_PTR(rule);
}

int section_add_rule(Section *section, const char *name, SectionRule rule) {
        Rule *found = find_rule(section, name);

        if (!found)
                found = make_rule(section, name);
        if (!found)
                return -ENOMEM;
        found->is[rule] = true;
        return 0;
}

bool section_has_rule(const Section *section, const char *name, SectionRule rule) {
        const Rule *found = find_rule(section, name);

        return found && found->is[rule];
}

bool section_allows(const Section *section, const char *name) {
        return section_has_rule(section, name, RULE_ALLOW);
}

bool section_denies(const Section *section, const char *name) {
        return section_has_rule(section, name, RULE_DENY);
}
