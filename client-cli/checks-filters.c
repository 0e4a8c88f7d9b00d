/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the filters that keep frames addressed to bridges and switches themselves away from the
 * host, and those that report which MACs guests use. The service creates them when it starts, and
 * has a warning if it could not.
 */

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "findings.h"
#include "language.h"

/* That is only a note: guests that use the MAC from CreateTap lose nothing. */
static void add_warning(Findings *findings, const char *warning) {
        if (strstr(warning, "nfnetlink_log"))
                findings_add(findings, "guest-macs", FINDING_NOTE,
                                _("a kernel with CONFIG_NETFILTER_NETLINK_LOG and CONFIG_NFT_LOG, or another group for the other program; then: systemctl reload vnicd"),
                                "%s", warning);
        else
                findings_add(findings, "tap-filters", FINDING_PROBLEM,
                                _("a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_BRIDGE, _INET and _ARP; if it has them: systemctl reload vnicd"),
                                "%s", warning);
}

void check_filters(Findings *findings, sd_bus *bus) {
        char **warnings = NULL;
        bool stand = true;

        /* check_services() reports a service that does not answer. */
        if (!bus ||
                        sd_bus_get_property_strv(bus, VNICD_NAME, VNICD_PATH, VNICD_MANAGER,
                                        "Warnings", NULL, &warnings) < 0)
                return;
        for (char **warning = warnings; warning && *warning; warning++)
                stand = stand && strstr(*warning, "nfnetlink_log");
        if (stand)
                findings_add(findings, "tap-filters", FINDING_OK, NULL,
                                _("The filters of taps stand: nothing that comes by a tap itself reaches this host."));
        for (char **warning = warnings; warning && *warning; warning++) {
                add_warning(findings, *warning);
                free(*warning);
        }
        free(warnings);
}
