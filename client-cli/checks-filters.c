/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The filters that keep what guests send to bridges and switches themselves from the host. The service
 * makes them when it starts, and says so where it could not.
 */

#include <stdlib.h>

#include "client.h"
#include "findings.h"

void check_filters(Findings *findings, sd_bus *bus) {
        char **warnings = NULL;

        /* check_services() reports a service that does not answer. */
        if (!bus ||
                        sd_bus_get_property_strv(bus, VNICD_NAME, VNICD_PATH, VNICD_MANAGER,
                                        "Warnings", NULL, &warnings) < 0)
                return;
        if (!warnings || !*warnings)
                findings_add(findings, "tap-filters", FINDING_OK, NULL,
                                "The filters of taps stand: nothing that comes by a tap itself "
                                "reaches this host.");
        for (char **warning = warnings; warning && *warning; warning++) {
                findings_add(findings, "tap-filters", FINDING_PROBLEM,
                                "a kernel with CONFIG_NF_TABLES, CONFIG_NF_TABLES_BRIDGE, _INET "
                                "and _ARP; if it has them: systemctl reload vnicd",
                                "%s", *warning);
                free(*warning);
        }
        free(warnings);
}
