/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the filters that keep frames addressed to bridges and switches themselves away from the
 * host, and those that report which MACs guests use. The service creates them when it starts, and
 * has a warning if it could not.
 */

#include <string.h>

#include "client.h"
#include "common/warning.h"
#include "decode.h"
#include "findings.h"
#include "language.h"

/* Without it guests that use the MAC from CreateTap lose nothing. */
static bool is_note(const json_t *code) {
        const char *word = json_string_value(code);

        return word &&
                        (strcmp(word, WARNING_SOURCES_TAKEN) == 0 ||
                                        strcmp(word, WARNING_SOURCES_UNSUPPORTED) == 0);
}

static void add_warning(Findings *findings, bool note, const char *warning) {
        if (note)
                findings_add(findings, "guest-macs", FINDING_NOTE,
                                _("a kernel with CONFIG_NETFILTER_NETLINK_LOG and CONFIG_NFT_LOG, or another group for the other program; then: systemctl reload vnicd"),
                                "%s", warning);
        else
                findings_add(findings, "tap-filters", FINDING_PROBLEM,
                                _("a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_BRIDGE, _INET and _ARP; if it has them: systemctl reload vnicd"),
                                "%s", warning);
}

/* The properties of the manager. NULL: the service does not answer, which check_services()
 * reports. */
static json_t *get_properties(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *body = NULL;

        if (!bus ||
                        sd_bus_call_method(bus, VNICD_NAME, VNICD_PATH, DBUS_PROPERTIES, "GetAll",
                                        NULL, &reply, "s", VNICD_MANAGER) < 0)
                return NULL;
        return decode_body(reply, &body) < 0 ? NULL : body;
}

void check_filters(Findings *findings, sd_bus *bus) {
        _cleanup_(json_decrefp) json_t *body = get_properties(bus);
        const json_t *properties = json_array_get(body, 0);
        const json_t *warnings = json_object_get(properties, "Warnings");
        const json_t *codes = json_object_get(properties, "WarningCodes");
        const json_t *warning;
        bool stand = true;
        size_t i;

        if (!body)
                return;
        json_array_foreach((json_t *)warnings, i, warning) stand =
                        stand && is_note(json_array_get(codes, i));
        if (stand)
                findings_add(findings, "tap-filters", FINDING_OK, NULL,
                                _("The filters of taps stand: nothing that comes by a tap itself reaches this host."));
        json_array_foreach((json_t *)warnings, i, warning) add_warning(findings,
                        is_note(json_array_get(codes, i)),
                        json_string_value(warning) ? json_string_value(warning) : "?");
}
