/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "config/config-file.h"
#include "config/config-network.h"
#include "config/config-parse.h"
#include "config/config-section.h"

#define FILE_NAME   "vnicd.conf"
#define FOLDER_NAME "vnicd.conf.d"
#define NETWORKS    "networks"

typedef struct Definition {
        NetworkPlan plan;
        NetworkHosts hosts;
} Definition;

struct Config {
        Sections sections;
        unsigned n_files;
        Definition *networks;
        size_t n_networks;
        uint64_t digest;
};

DEFINE_CLEANUP(Config, config_free)

static inline void config_names_freep(char ***names) {
        config_names_free(*names);
}

Config *config_free(Config *config) {
        if (!config)
                return NULL;
        sections_done(&config->sections);
        for (size_t i = 0; i < config->n_networks; i++)
                free(config->networks[i].hosts.hosts);
        free(config->networks);
        free(config);
        return NULL;
}

/* FNV-1a; the zero byte separates texts. */
static void digest_text(Config *config, const char *text) {
        do
                config->digest = (config->digest ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
        while (*text++);
}

uint64_t config_digest(const Config *config) {
        return config->digest;
}

/* path is that of the folder. 0: there is no such file. */
static int read_file(Config *config, int folder, const char *path, const char *name,
                char **ret_shown, char **ret, size_t *ret_size, Failure *failure) {
        _cleanup_free_ char *shown = NULL;
        int r;

        if (asprintf(&shown, "%s/%s", path, name) < 0)
                return -ENOMEM;
        r = config_file_read(folder, name, shown, ret, ret_size, failure);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        digest_text(config, shown);
        digest_text(config, *ret);
        *ret_shown = TAKE_PTR(shown);
        return 1;
}

static int load_file(
                Config *config, int folder, const char *path, const char *name, Failure *failure) {
        _cleanup_free_ char *text = NULL, *shown = NULL;
        size_t size;
        int r = read_file(config, folder, path, name, &shown, &text, &size, failure);

        if (r <= 0)
                return r;
        return config_parse(&config->sections, shown, ++config->n_files, text, size, failure);
}

static int load_network(
                Config *config, int folder, const char *path, const char *name, Failure *failure) {
        _cleanup_free_ char *text = NULL, *shown = NULL;
        Definition *networks, *definition;
        size_t size;
        int r = read_file(config, folder, path, name, &shown, &text, &size, failure);

        if (r <= 0)
                return r;
        networks = reallocarray(config->networks, config->n_networks + 1, sizeof(Definition));
        if (!networks)
                return -ENOMEM;
        config->networks = networks;
        definition = &networks[config->n_networks];
        r = config_network_parse(
                        shown, name, text, size, &definition->plan, &definition->hosts, failure);
        if (r >= 0)
                config->n_networks++;
        return r;
}

/* Loads each NAME.conf of the folder, in the order of their names. */
static int load_folder(Config *config, int parent, const char *path, const char *folder_name,
                int (*load)(Config *config, int folder, const char *path, const char *name,
                                Failure *failure),
                Failure *failure) {
        _cleanup_(config_names_freep) char **names = NULL;
        _cleanup_free_ char *shown = NULL;
        _cleanup_close_ int folder = -EBADF;
        int r;

        if (asprintf(&shown, "%s/%s", path, folder_name) < 0)
                return -ENOMEM;
        folder = config_folder_open(parent, folder_name, shown, failure);
        if (folder == -ENOENT)
                return 0;
        if (folder < 0)
                return folder;
        r = config_folder_list(folder, shown, &names, failure);
        for (char **name = names; r >= 0 && *name; name++)
                r = load(config, folder, shown, *name, failure);
        return r;
}

static int compare_networks(const void *a, const void *b) {
        const Definition *x = a, *y = b;

        return strcmp(x->plan.name, y->plan.name);
}

/* Files and networks sort differently: "." comes between "-" and "0". */
static void sort_networks(Config *config) {
        if (config->n_networks > 0)
                qsort(config->networks, config->n_networks, sizeof(Definition), compare_networks);
}

int config_load(Config **ret, const char *directory, Failure *failure) {
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(Config));
        _cleanup_close_ int folder = -EBADF;
        int r;

        if (!config)
                return -ENOMEM;
        config->digest = UINT64_C(0xcbf29ce484222325);
        folder = config_folder_open(AT_FDCWD, directory, directory, failure);
        if (folder < 0 && folder != -ENOENT)
                return folder;
        if (folder >= 0) {
                r = load_file(config, folder, directory, FILE_NAME, failure);
                if (r >= 0)
                        r = load_folder(config, folder, directory, FOLDER_NAME, load_file, failure);
                if (r >= 0)
                        r = load_folder(config, folder, directory, NETWORKS, load_network, failure);
                if (r < 0)
                        return r;
        }
        sort_networks(config);
        *ret = TAKE_PTR(config);
        return 0;
}

static const Section *nth_group(const Config *config, const Subject *subject, size_t i) {
        return sections_find(&config->sections, SECTION_GROUP, subject->groups[i]);
}

/* The largest number that is set for any group of the subject. */
static bool find_group_number(
                const Config *config, const Subject *subject, SectionNumber number, unsigned *ret) {
        bool found = false;

        for (size_t i = 0; i < subject->n_groups; i++) {
                const Section *section = nth_group(config, subject, i);

                if (!section || section->numbers[number].file == 0)
                        continue;
                if (!found || section->numbers[number].value > *ret)
                        *ret = section->numbers[number].value;
                found = true;
        }
        return found;
}

typedef struct Least {
        SectionNumber number;
        unsigned value;
} Least;

static void take_less(const Section *section, void *userdata) {
        Least *least = userdata;

        if (section->numbers[least->number].file != 0 &&
                        section->numbers[least->number].value < least->value)
                least->value = section->numbers[least->number].value;
}

/* For a subject whose groups are unknown: the least number of any group, if that is less than
 * value. */
static unsigned least_of_groups(const Config *config, SectionNumber number, unsigned value) {
        Least least = { number, value };

        sections_each_group(&config->sections, take_less, &least);
        return least.value;
}

/* The number in [Limits], or the default. */
static unsigned general_number(const Config *config, SectionNumber number, unsigned value) {
        const Section *limits = sections_find(&config->sections, SECTION_LIMITS, 0);

        return limits && limits->numbers[number].file ? limits->numbers[number].value : value;
}

static unsigned find_number(const Config *config, const Subject *subject, SectionNumber number,
                unsigned value) {
        const Section *user = sections_find(&config->sections, SECTION_USER, subject->uid);

        if (user && user->numbers[number].file)
                return user->numbers[number].value;
        if (subject->groups_unknown)
                return least_of_groups(config, number, general_number(config, number, value));
        if (find_group_number(config, subject, number, &value))
                return value;
        return general_number(config, number, value);
}

Limits config_limits(const Config *config, const Subject *subject) {
        const Limits usual = LIMITS_DEFAULT;

        return (Limits){
                .endpoints = find_number(config, subject, NUMBER_ENDPOINTS, usual.endpoints),
                .queues = find_number(config, subject, NUMBER_QUEUES, usual.queues),
                .creations = find_number(config, subject, NUMBER_CREATIONS, usual.creations),
        };
}

unsigned config_ports_per_bridge(const Config *config) {
        return general_number(config, NUMBER_PORTS_PER_BRIDGE, CONFIG_PORTS_PER_BRIDGE_MAX);
}

bool config_bpdu_guard(const Config *config) {
        const Section *bridges = sections_find(&config->sections, SECTION_BRIDGES, 0);

        return bridges && bridges->switches[SWITCH_BPDU_GUARD].value;
}

bool config_rejoins_bridges(const Config *config) {
        const Section *bridges = sections_find(&config->sections, SECTION_BRIDGES, 0);

        return !bridges || bridges->switches[SWITCH_REJOIN_BRIDGES].file == 0 ||
                        bridges->switches[SWITCH_REJOIN_BRIDGES].value;
}

static bool allows_learnt_macs(const Section *section, const char *bridge) {
        return section_has_rule(section, bridge, RULE_ALLOW_LEARNT_MACS) ||
                        section_has_rule(section, "*", RULE_ALLOW_LEARNT_MACS);
}

bool config_allows_learnt_macs(const Config *config, const Subject *subject, const char *bridge) {
        const Sections *sections = &config->sections;

        if (subject->uid == 0 ||
                        allows_learnt_macs(sections_find(sections, SECTION_ALL, 0), bridge) ||
                        allows_learnt_macs(sections_find(sections, SECTION_USER, subject->uid),
                                        bridge))
                return true;
        if (subject->groups_unknown)
                return false;
        for (size_t i = 0; i < subject->n_groups; i++)
                if (allows_learnt_macs(nth_group(config, subject, i), bridge))
                        return true;
        return false;
}

/* "*" allows every bridge; it denies every bridge, and taps on no bridge too. */
static BridgeAccess section_access(const Section *section, const char *bridge) {
        if (section_denies(section, bridge) || section_denies(section, "*"))
                return BRIDGE_DENIED;
        if (section_allows(section, bridge))
                return BRIDGE_GRANTED;
        if (ifname_is_plain(bridge) && section_allows(section, "*"))
                return BRIDGE_GRANTED;
        return BRIDGE_ASK;
}

static BridgeAccess stronger(BridgeAccess a, BridgeAccess b) {
        return a > b ? a : b;
}

typedef struct Denial {
        const char *bridge;
        bool found;
} Denial;

static void look_for_denial(const Section *section, void *userdata) {
        Denial *denial = userdata;

        if (section_access(section, denial->bridge) == BRIDGE_DENIED)
                denial->found = true;
}

static BridgeAccess access_of_groups(
                const Config *config, const Subject *subject, const char *bridge) {
        BridgeAccess access = BRIDGE_ASK;
        Denial denial = { .bridge = bridge };

        if (subject->groups_unknown) {
                sections_each_group(&config->sections, look_for_denial, &denial);
                return denial.found ? BRIDGE_DENIED : BRIDGE_ASK;
        }
        for (size_t i = 0; i < subject->n_groups; i++)
                access = stronger(access, section_access(nth_group(config, subject, i), bridge));
        return access;
}

BridgeAccess config_bridge_access(
                const Config *config, const Subject *subject, const char *bridge) {
        const Sections *sections = &config->sections;
        BridgeAccess access;

        _Static_assert(BRIDGE_ASK < BRIDGE_GRANTED && BRIDGE_GRANTED < BRIDGE_DENIED, "strength");
        if (subject->uid == 0)
                return BRIDGE_GRANTED;
        access = section_access(sections_find(sections, SECTION_ALL, 0), bridge);
        access = stronger(access,
                        section_access(sections_find(sections, SECTION_USER, subject->uid),
                                        bridge));
        return stronger(access, access_of_groups(config, subject, bridge));
}

bool config_knows_groups(const Config *config) {
        return config->sections.n_groups > 0;
}

static const Definition *find_definition(const Config *config, const char *name) {
        Definition key;

        if (config->n_networks == 0 || !network_name_is_valid(name))
                return NULL;
        strcpy(key.plan.name, name);
        return bsearch(&key, config->networks, config->n_networks, sizeof(Definition),
                        compare_networks);
}

const NetworkPlan *config_network(const Config *config, const char *name) {
        const Definition *definition = find_definition(config, name);

        return definition ? &definition->plan : NULL;
}

const NetworkHosts *config_network_hosts(const Config *config, const char *name) {
        const Definition *definition = find_definition(config, name);

        return definition ? &definition->hosts : NULL;
}

const NetworkPlan *config_network_at(const Config *config, size_t i) {
        return i < config->n_networks ? &config->networks[i].plan : NULL;
}
