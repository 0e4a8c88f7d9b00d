/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl explain": why the caller may or may not use a bridge, and the file that would change it.
 * The answer and its reason come from the service; the D-Bus contract says which polkit action
 * decides. Creates nothing and asks nobody.
 */

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "client-call.h"
#include "decode.h"
#include "language.h"
#include "print.h"
#include "text.h"
#include "verb.h"

#define RULE_FOLDER "/etc/polkit-1/rules.d/"

static Status ask_service(Client *client, const char *bridge, json_t **ret) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "CanCreateTap", .answer = "ss" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        Status status;
        int r;

        status = client_begin(client, &method, &call);
        if (status != STATUS_OK)
                return status;
        r = sd_bus_message_append(call, "sbba{sv}", bridge, 1, 0, 0);
        if (r < 0)
                return client_complain_arguments(r);
        status = client_end(client, &method, call, &reply);
        if (status != STATUS_OK)
                return status;
        r = decode_body(reply, ret);
        return r < 0 ? complain_errno(r, _("Cannot read the answer of the service")) : STATUS_OK;
}

/* A bridge of the host and a network that vnicd owns have different actions. NULL if there is
 * neither. */
static const char *action_for(const json_t *bridges, const char *bridge) {
        json_t *entry;
        size_t i;

        if (strcmp(bridge, "") == 0)
                return "org.vnicd1.use-network";
        if (strcmp(bridge, "-") == 0)
                return "org.vnicd1.use-bridge";
        json_array_foreach((json_t *)bridges, i, entry) {
                const char *name = json_string_value(json_object_get(entry, "name"));
                const char *kind = json_string_value(json_object_get(entry, "kind"));

                if (name && kind && strcmp(name, bridge) == 0)
                        return strcmp(kind, "bridge") == 0 ? "org.vnicd1.use-bridge"
                                                           : "org.vnicd1.use-network";
        }
        return NULL;
}

static Status find_action(
                Client *client, const char *bridge, const json_t *answer, const char **ret) {
        Method method = { VNICD_PATH, VNICD_MANAGER, "ListBridges", .answer = "aa{sv}" };
        _cleanup_(json_decrefp) json_t *body = NULL;
        const char *action;
        Status status;

        status = client_call(client, &method, NULL, &body);
        if (status != STATUS_OK)
                return status;
        action = action_for(json_array_get(body, 0), bridge);
        if (!action)
                return complain(STATUS_NOT_FOUND, "%s",
                                json_string_value(json_array_get(answer, 1)));
        *ret = action;
        return STATUS_OK;
}

/* Quotes a string for JavaScript, of which JSON is a subset here. */
static char *quote(const char *text) {
        _cleanup_(json_decrefp) json_t *value = json_string(text);

        return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
}

static char *write_rule(const char *action, const char *bridge) {
        const struct passwd *user = getpwuid(getuid());
        _cleanup_free_ char *name = quote(user ? user->pw_name : "?"), *quoted = quote(bridge);
        char *rule;

        if (!name || !quoted)
                return NULL;
        if (asprintf(&rule,
                            "polkit.addRule(function (action, subject) {\n"
                            "    if (action.id == \"%s\" &&\n"
                            "        action.lookup(\"bridge\") == %s &&\n"
                            "        subject.user == %s) {\n"
                            "        return polkit.Result.YES;\n"
                            "    }\n"
                            "});\n",
                            action, quoted, name) < 0)
                return NULL;
        return rule;
}

/* The rule is null if no rule is missing. */
static int build(const char *bridge, const json_t *answer, const char *action, json_t **ret) {
        const char *word = json_string_value(json_array_get(answer, 0));
        bool wanted = word && (strcmp(word, "challenge") == 0 || strcmp(word, "no") == 0);
        _cleanup_free_ char *rule = wanted ? write_rule(action, bridge) : NULL;
        json_t *object;

        if (wanted && !rule)
                return -ENOMEM;
        object = json_pack("{s:s, s:O, s:O, s:s, s:s?, s:s?}", "bridge", bridge, "answer",
                        json_array_get(answer, 0), "reason", json_array_get(answer, 1), "action",
                        action, "rule_file", wanted ? RULE_FOLDER "40-vnicd.rules" : NULL, "rule",
                        rule);
        if (!object)
                return -EINVAL;
        *ret = object;
        return 0;
}

static const char *get(const json_t *object, const char *key) {
        return json_string_value(json_object_get(object, key));
}

static Status print_text(const json_t *object) {
        bool no = strcmp(get(object, "answer"), "no") == 0;

        printf("%s: %s\n%s\n", get(object, "bridge"), get(object, "answer"), get(object, "reason"));
        if (get(object, "rule"))
                printf(_("\nThe action of polkit is %s. What would allow it without a question is,\n"
                         "written by an administrator, the file %s:\n\n%s"),
                                get(object, "action"), get(object, "rule_file"),
                                get(object, "rule"));
        if (no)
                puts(_("\nSomething says no by now: another rule, which counts if its file sorts first,\n"
                       "or the configuration of vnicd, which is asked before polkit."));
        return print_flush();
}

/* Resolves "" to the name of the default network, which polkit gets. properties: owns the name. */
static Status resolve(Client *client, const char **bridge, json_t **properties) {
        const char *name;
        Status status;

        if (strcmp(*bridge, "") != 0)
                return STATUS_OK;
        status = client_get_properties(client, VNICD_PATH, VNICD_MANAGER, properties);
        if (status != STATUS_OK)
                return status;
        name = get(*properties, "DefaultBridge");
        if (name)
                *bridge = name;
        return STATUS_OK;
}

Status verb_explain(const Options *options) {
        _cleanup_(client_freep) Client *client = NULL;
        _cleanup_(json_decrefp) json_t *answer = NULL, *object = NULL, *properties = NULL;
        const char *bridge = options->arguments[0], *action = NULL;
        Status status;
        int r;

        status = client_open(options, &client);
        if (status != STATUS_OK)
                return status;
        status = resolve(client, &bridge, &properties);
        if (status != STATUS_OK)
                return status;
        status = ask_service(client, bridge, &answer);
        if (status != STATUS_OK)
                return status;
        status = find_action(client, bridge, answer, &action);
        if (status != STATUS_OK)
                return status;
        r = build(bridge, answer, action, &object);
        if (r < 0)
                return complain_errno(r, _("Cannot read the answer of the service"));
        return options->json ? print_json(object) : print_text(object);
}
