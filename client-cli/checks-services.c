/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the services that have to be on the bus: vnicd and polkit; the bus starts either on
 * demand. Polkit does not reveal which agents have registered, so only the one that a terminal
 * would use is checked.
 */

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "client.h"
#include "connection.h"
#include "findings.h"
#include "language.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"

bool bus_has_name(sd_bus *bus, const char *name) {
        return bus && sd_bus_get_name_creds(bus, name, 0, NULL) >= 0;
}

static void check_name(Findings *findings, sd_bus *bus, const char *check, const char *name,
                const char *path, const char *fix) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(
                        bus, name, path, "org.freedesktop.DBus.Peer", "Ping", &error, NULL, "");

        if (r < 0)
                findings_add(findings, check, FINDING_PROBLEM, fix,
                                _("%s does not answer on the bus: %s"), name,
                                error.message ? error.message : strerror(-r));
        else
                findings_add(findings, check, FINDING_OK, NULL, _("%s answers."), name);
}

static bool in_path(const char *program) {
        const char *folders = getenv("PATH");
        _cleanup_free_ char *path = strdup(folders ? folders : "/usr/bin:/bin");
        char *rest = path, *folder;

        while (rest && (folder = strsep(&rest, ":"))) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s/%s", folder, program) < 0)
                        file = NULL;
                else if (access(file, X_OK) == 0)
                        return true;
        }
        return false;
}

static void check_agent(Findings *findings) {
        _cleanup_free_ char *session = NULL;

        if (!in_path("pkttyagent"))
                findings_add(findings, "agent", FINDING_NOTE, _("install polkitd, which brings it"),
                                _("There is no pkttyagent: in a terminal nobody can be asked for a password."));
        else if (sd_pid_get_session(0, &session) < 0)
                findings_add(findings, "agent", FINDING_NOTE,
                                _("a polkit rule that needs no authentication: vnicctl explain BRIDGE"),
                                _("There is no login session here: only vnicctl can ask for a password, in a terminal."));
        else
                findings_add(findings, "agent", FINDING_OK, NULL,
                                _("In a terminal, and by the agent of a desktop, somebody can be asked for a password."));
}

void check_services(Findings *findings, sd_bus *bus, int error) {
        if (!bus) {
                _cleanup_free_ char *sentence = connection_explain(error);

                findings_add(findings, "bus", FINDING_PROBLEM, _("systemctl status dbus"), "%s",
                                sentence ? sentence : _("Cannot connect to the system bus."));
                return;
        }
        check_name(findings, bus, "polkit", POLKIT_NAME, POLKIT_PATH,
                        _("apt install polkitd, or what your distribution calls it; without it everything is refused to all but root"));
        check_name(findings, bus, "vnicd", VNICD_NAME, VNICD_PATH,
                        _("systemctl status vnicd; after an installation: systemctl reload dbus"));
        check_agent(findings);
}
