/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-network.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config-file.h"
#include "config/config-lines.h"

#define SUFFIX      ".conf"
#define DESCRIPTION "Description"

typedef struct Parser {
        NetworkPlan plan;
        bool has_heading;
        bool said[NETWORK_FIELDS_N];
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
        return config_refuse(place, failure,
                        "There is no key '%s'. There are " NETWORK_FIELDS(KEY) DESCRIPTION
                        " and no others.",
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

int config_network_parse(const char *file, const char *name, const char *text, size_t size,
                NetworkPlan *ret, Failure *failure) {
        static const ConfigLinesHandler handler = { take_heading, take_entry, DESCRIPTION };
        Parser parser = { .plan = NETWORK_PLAN_INIT };
        Failure whole = FAILURE_INIT;
        int r;

        parser.plan.kind = NETWORK_KIND_MAX; /* Kind= is required */
        r = take_name(&parser.plan, file, name, failure);
        if (r < 0)
                return r;
        r = config_lines_parse(file, text, size, &handler, &parser, failure);
        if (r < 0)
                return r;
        if (parser.plan.kind == NETWORK_KIND_MAX)
                return refuse_file(file, failure,
                                "It does not say which kind of network it is. Put Kind=nat or Kind=isolated into [Network].");
        r = network_plan_complete(&parser.plan, &whole);
        if (r < 0)
                return refuse_file(file, failure, whole.text);
        *ret = parser.plan;
        return 0;
}
