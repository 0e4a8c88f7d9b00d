/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-network.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config-file.h"
#include "config/config-lines.h"

#define SUFFIX      ".conf"
#define DESCRIPTION "Description"
#define HOST        "Host"

typedef struct Parser {
        NetworkPlan plan;
        bool has_heading;
        bool said[NETWORK_FIELDS_N];
        NetworkHosts hosts;
        unsigned *lines; /* of the hosts */
} Parser;

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

static int take_value(Parser *parser, const NetworkField *field, const ConfigPlace *place,
                const char *value, Failure *failure) {
        bool *said = &parser->said[field - network_fields];
        int r;

        if (*said && !field->may_repeat)
                return config_refuse(place, failure, "%s= is there twice. Remove one.", field->key);
        *said = true;
        r = field->set(&parser->plan, field, value);
        if (r == -EEXIST)
                return config_refuse(place, failure,
                                "%s= gives a second address of the same family. Remove one.",
                                field->key);
        if (r < 0)
                return config_refuse(place, failure, "%s= takes %s, not '%s'. Correct it.",
                                field->key, field->takes, config_word(value).text);
        return 0;
}

static int take_host(
                Parser *parser, const ConfigPlace *place, const char *value, Failure *failure) {
        NetworkHosts *hosts = &parser->hosts;
        const char *wrong;

        if (hosts->n >= NETWORK_HOSTS_MAX)
                return config_refuse(place, failure, "There are more than %u lines Host=.",
                                NETWORK_HOSTS_MAX);
        if (!hosts->hosts) {
                hosts->hosts = calloc(NETWORK_HOSTS_MAX, sizeof(*hosts->hosts));
                parser->lines = calloc(NETWORK_HOSTS_MAX, sizeof(*parser->lines));
        }
        if (!hosts->hosts || !parser->lines)
                return -ENOMEM;
        wrong = network_host_parse(value, &hosts->hosts[hosts->n]);
        if (wrong)
                return config_refuse(place, failure, "Host= cannot be '%s': %s. Correct it.",
                                config_word(value).text, wrong);
        parser->lines[hosts->n++] = place->line;
        return 0;
}

/* It has this in common with an earlier one; NULL: nothing. */
static const char *find_repetition(const NetworkHosts *hosts, size_t i) {
        const NetworkHost *host = &hosts->hosts[i];

        for (size_t j = 0; j < i; j++) {
                const NetworkHost *other = &hosts->hosts[j];

                if (mac_equal(&host->mac, &other->mac))
                        return "MAC";
                if (host->address.s_addr == other->address.s_addr)
                        return "address";
                if (*host->name && strcmp(host->name, other->name) == 0)
                        return "name";
        }
        return NULL;
}

/* Only when the whole file is read, it is known which network they are for. */
static int check_hosts(const Parser *parser, const char *file, Failure *failure) {
        const NetworkPlan *plan = &parser->plan;

        for (size_t i = 0; i < parser->hosts.n; i++) {
                const ConfigPlace place = { file, parser->lines[i] };
                const struct in_addr address = parser->hosts.hosts[i].address;
                const char *repeated = find_repetition(&parser->hosts, i);

                if (plan->v4_prefix == 0 || !plan->dhcp)
                        return config_refuse(&place, failure,
                                        "Host= needs Dhcp=yes and an Address= for IPv4, to which its address belongs. Add one.");
                if (!network_plan_has_room_at(plan, address) || address.s_addr == plan->v4.s_addr)
                        return config_refuse(&place, failure,
                                        "Host= has an address that no guest of the network can have. Take another of the subnet of Address=.");
                if (repeated)
                        return config_refuse(&place, failure,
                                        "Host= has the same %s as a line before it. Change one.",
                                        repeated);
        }
        return 0;
}

static int take_description(
                Parser *parser, const ConfigPlace *place, const char *value, Failure *failure) {
        NetworkPlan *plan = &parser->plan;

        if (*plan->description)
                return config_refuse(place, failure, "Description= is there twice. Remove one.");
        if (!network_description_is_valid(value))
                return config_refuse(place, failure,
                                "Description= takes 1 to 80 bytes of printable UTF-8, not '%s'. Correct it.",
                                config_word(value).text);
        snprintf(plan->description, sizeof(plan->description), "%s", value);
        return 0;
}

#define KEY(type, member, key, ...) key ", "

static int take_entry(void *userdata, const ConfigPlace *place, const char *name, const char *value,
                Failure *failure) {
        for (size_t i = 0; i < NETWORK_FIELDS_N; i++)
                if (strcmp(name, network_fields[i].key) == 0)
                        return take_value(userdata, &network_fields[i], place, value, failure);
        if (strcmp(name, DESCRIPTION) == 0)
                return take_description(userdata, place, value, failure);
        if (strcmp(name, HOST) == 0)
                return take_host(userdata, place, value, failure);
        return config_refuse(place, failure,
                        "There is no key '%s'. There are " NETWORK_FIELDS(KEY) DESCRIPTION
                        ", " HOST " and no others.",
                        config_word(name).text);
}

/* For errors that belong to no single line. */
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

static int parse(
                Parser *parser, const char *file, const char *text, size_t size, Failure *failure) {
        static const ConfigLinesHandler handler = { take_heading, take_entry, DESCRIPTION };
        Failure whole = FAILURE_INIT;
        int r = config_lines_parse(file, text, size, &handler, parser, failure);

        if (r < 0)
                return r;
        if (parser->plan.kind == NETWORK_KIND_MAX)
                return refuse_file(file, failure,
                                "It does not say which kind of network it is. Put Kind=nat or Kind=isolated into [Network].");
        r = network_plan_complete(&parser->plan, &whole);
        if (r < 0)
                return refuse_file(file, failure, whole.text);
        return check_hosts(parser, file, failure);
}

int config_network_parse(const char *file, const char *name, const char *text, size_t size,
                NetworkPlan *ret, NetworkHosts *ret_hosts, Failure *failure) {
        Parser parser = { .plan = NETWORK_PLAN_INIT };
        int r;

        parser.plan.kind = NETWORK_KIND_MAX; /* Kind= is required */
        r = take_name(&parser.plan, file, name, failure);
        if (r >= 0)
                r = parse(&parser, file, text, size, failure);
        free(parser.lines);
        if (r < 0) {
                free(parser.hosts.hosts);
                return r;
        }
        *ret = parser.plan;
        *ret_hosts = parser.hosts;
        return 0;
}
