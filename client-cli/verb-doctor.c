/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl doctor": checks the host for known problems, and says how to fix them. Changes nothing,
 * asks nobody, and works even if the service or the bus does not.
 */

#include "common/cleanup.h"
#include "connection.h"
#include "findings.h"
#include "language.h"
#include "verb.h"

Status verb_doctor(const Options *options) {
        _cleanup_(json_decrefp) json_t *entries = json_array();
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        Findings findings = { .entries = entries };
        int error = connection_open(&bus);
        Status status;

        if (options->json)
                language_be_english();
        check_devices(&findings);
        check_bridges(&findings, bus);
        check_services(&findings, bus, error);
        check_filters(&findings, bus);
        check_networks(&findings, bus);
        check_managers(&findings, bus);
        status = findings_print(&findings, options->json);
        return status == STATUS_OK && findings.problem ? STATUS_FAILURE : status;
}
