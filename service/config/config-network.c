/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config-file.h"
#include "config/config-lines.h"

#define SUFFIX ".conf"
#define DIGITS "0123456789"

typedef struct Key Key;

struct Key {
        const char *name;
        int (*take)(NetworkPlan *plan, const Key *key, const ConfigPlace *place, const char *value,
                        Failure *failure);
        size_t member; /* of the plan */
        bool repeatable;
        unsigned min, max;
};

typedef struct Parser {
        NetworkPlan plan;
        bool has_heading;
        unsigned said; /* a bit for each key */
} Parser;

static int take_flag(NetworkPlan *plan, const Key *key, const ConfigPlace *place, const char *value,
                Failure *failure) {
        bool yes = strcmp(value, "yes") == 0;

        if (!yes && strcmp(value, "no") != 0)
                return config_refuse(place, failure, "%s= takes yes or no, not '%s'. Correct it.",
                                key->name, config_word(value).text);
        *(bool *)((char *)plan + key->member) = yes;
        return 0;
}

static int take_number(NetworkPlan *plan, const Key *key, const ConfigPlace *place,
                const char *value, Failure *failure) {
        size_t n = strlen(value);
        unsigned long number = strtoul(value, NULL, 10);

        if (n == 0 || n > 6 || strspn(value, DIGITS) != n || value[0] == '0' || number < key->min ||
                        number > key->max)
                return config_refuse(place, failure,
                                "%s= takes a number from %u to %u in decimal digits, not '%s'. Correct it.",
                                key->name, key->min, key->max, config_word(value).text);
        *(uint32_t *)((char *)plan + key->member) = (uint32_t)number;
        return 0;
}

static int take_kind(NetworkPlan *plan, const Key *key, const ConfigPlace *place, const char *value,
                Failure *failure) {
        if (network_kind_parse(value, &plan->kind) >= 0)
                return 0;
        return config_refuse(place, failure, "%s= takes nat or isolated, not '%s'. Correct it.",
                        key->name, config_word(value).text);
}

static int take_address(NetworkPlan *plan, const Key *key, const ConfigPlace *place,
                const char *value, Failure *failure) {
        int r = network_plan_add_address(plan, value);

        if (r == -EEXIST)
                return config_refuse(place, failure,
                                "%s= gives a second address of the same family. Remove one.",
                                key->name);
        if (r < 0)
                return config_refuse(place, failure,
                                "%s= takes the host's own address on the network with its prefix, such as 10.70.3.1/24 (/8 to /30) or fd70:3::1/64 (/64), not '%s'. Correct it.",
                                key->name, config_word(value).text);
        return 0;
}

static int take_domain(NetworkPlan *plan, const Key *key, const ConfigPlace *place,
                const char *value, Failure *failure) {
        if (!network_domain_is_valid(value))
                return config_refuse(place, failure,
                                "%s= takes at most 32 bytes: labels of a-z, 0-9 and '-' with dots between them. Correct it.",
                                key->name);
        snprintf(plan->domain, sizeof(plan->domain), "%s", value);
        return 0;
}

#define AT(field) offsetof(NetworkPlan, field)

static const Key keys[] = {
        { "Kind", take_kind, 0, false, 0, 0 },
        { "Address", take_address, 0, true, 0, 0 },
        { "Dhcp", take_flag, AT(dhcp), false, 0, 0 },
        { "Mtu", take_number, AT(mtu), false, NETWORK_MTU_MIN, NETWORK_MTU_MAX },
        { "GuestsIsolated", take_flag, AT(guests_isolated), false, 0, 0 },
        { "ReachLan", take_flag, AT(reach_lan), false, 0, 0 },
        { "HostAccess", take_flag, AT(host_access), false, 0, 0 },
        { "GuardAddresses", take_flag, AT(guard_addresses), false, 0, 0 },
        { "PortsMax", take_number, AT(ports_max), false, 1, NETWORK_PORTS_MAX },
        { "PortsPerUser", take_number, AT(ports_per_user), false, 1, NETWORK_PORTS_MAX },
        { "Domain", take_domain, 0, false, 0, 0 },
};

static int take_heading(
                void *userdata, const ConfigPlace *place, const char *heading, Failure *failure) {
        Parser *parser = userdata;

        if (strcmp(heading, "Network") != 0)
                return config_refuse(place, failure,
                                "There is no section [%s]. The file of a network has [Network] alone.",
                                config_word(heading).text);
        if (parser->has_heading)
                return config_refuse(place, failure, "[Network] is there twice. Make it one.");
        parser->has_heading = true;
        return 0;
}

static int take_entry(void *userdata, const ConfigPlace *place, const char *name, const char *value,
                Failure *failure) {
        Parser *parser = userdata;

        for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
                const Key *key = &keys[i];

                if (strcmp(name, key->name) != 0)
                        continue;
                if (!key->repeatable && parser->said & 1U << i)
                        return config_refuse(place, failure, "%s= is there twice. Remove one.",
                                        key->name);
                parser->said |= 1U << i;
                return key->take(&parser->plan, key, place, value, failure);
        }
        return config_refuse(place, failure,
                        "There is no key '%s'. There are Kind, Address, Dhcp, Mtu, GuestsIsolated, ReachLan, HostAccess, GuardAddresses, PortsMax, PortsPerUser and Domain.",
                        config_word(name).text);
}

/* What is wrong with the file as a whole stands in no line of it. */
static int refuse_file(const char *file, Failure *failure, const char *sentence) {
        char shown[CONFIG_SHOWN_SIZE];

        return failure_set(failure, FAILURE_INVALID_CONFIGURATION, EINVAL, "%s: %s",
                        config_show(file, shown, sizeof(shown)), sentence);
}

static int take_name(NetworkPlan *plan, const char *file, const char *name, Failure *failure) {
        size_t n = strlen(name) - strlen(SUFFIX);

        if (n < sizeof(plan->name)) {
                memcpy(plan->name, name, n);
                plan->name[n] = '\0';
                if (network_name_is_valid(plan->name))
                        return 0;
        }
        return refuse_file(file, failure,
                        "A network has the name of its file, and this cannot be one: it has 1 to 15 of a-z, 0-9 and '-', and a letter first. Rename the file.");
}

int config_network_parse(const char *file, const char *name, const char *text, size_t size,
                NetworkPlan *ret, Failure *failure) {
        static const ConfigLinesHandler handler = { take_heading, take_entry };
        Parser parser = { .plan = NETWORK_PLAN_INIT };
        Failure whole = FAILURE_INIT;
        int r;

        r = take_name(&parser.plan, file, name, failure);
        if (r < 0)
                return r;
        r = config_lines_parse(file, text, size, &handler, &parser, failure);
        if (r < 0)
                return r;
        if (!(parser.said & 1))
                return refuse_file(file, failure,
                                "It does not say which kind of network it is. Put Kind=nat or Kind=isolated into [Network].");
        r = network_plan_complete(&parser.plan, &whole);
        if (r < 0)
                return refuse_file(file, failure, whole.text);
        *ret = parser.plan;
        return 0;
}
