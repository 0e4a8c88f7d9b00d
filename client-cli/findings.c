/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "findings.h"

/*
 * Collects and prints findings, and calls the service on behalf of the checks; checks nothing
 * itself.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "common/cleanup.h"
#include "decode.h"
#include "language.h"
#include "print.h"
#include "text.h"

static const char *const words[FINDING_STATE_MAX] = {
        [FINDING_OK] = N_("ok"),
        [FINDING_NOTE] = N_("note"),
        [FINDING_PROBLEM] = N_("problem"),
};

void findings_add(Findings *findings, const char *check, FindingState state, const char *fix,
                const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list args;
        json_t *entry;
        int r;

        va_start(args, format);
        r = vasprintf(&text, format, args);
        va_end(args);
        if (state == FINDING_PROBLEM)
                findings->problem = true;
        if (r < 0) {
                text = NULL;
                return;
        }
        entry = json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "state", words[state], "text",
                        text_clean(text), "cure", fix);
        if (entry)
                json_array_append_new(findings->entries, entry);
}

void findings_undecided(Findings *findings, const char *name, const json_t *chains) {
        const json_t *chain;
        size_t i;

        json_array_foreach((json_t *)chains, i, chain) {
                const char *text = json_string_value(chain) ? json_string_value(chain) : "?";
                _cleanup_free_ char *fix = NULL;

                if (asprintf(&fix, _("look at it: nft list chain %s"), text) < 0)
                        fix = NULL;
                findings_add(findings, "undecided-filter", FINDING_NOTE, fix,
                                _("%s: Whether the chain \"%s\" of another firewall lets its guests through is not decided by what vnicd can tell of their packets."),
                                name, text);
        }
}

Status findings_print(const Findings *findings, bool json) {
        const json_t *entry;
        size_t i;

        if (json)
                return print_json(findings->entries);
        json_array_foreach(findings->entries, i, entry) {
                const char *fix = json_string_value(json_object_get(entry, "cure"));

                printf("%-9s%-16s%s\n", _(json_string_value(json_object_get(entry, "state"))),
                                json_string_value(json_object_get(entry, "check")),
                                json_string_value(json_object_get(entry, "text")));
                if (fix)
                        printf("%25s-> %s\n", "", fix);
        }
        return print_flush();
}

json_t *findings_ask(sd_bus *bus, const char *interface, const char *method) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *body = NULL;

        if (!bus ||
                        sd_bus_call_method(bus, VNICD_NAME, VNICD_PATH, interface, method, NULL,
                                        &reply, "") < 0)
                return NULL;
        return decode_body(reply, &body) < 0 ? NULL : body;
}
