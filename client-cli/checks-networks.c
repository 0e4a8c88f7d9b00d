/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks the networks that vnicd owns: whether one is defined, whether the program that gives its
 * guests addresses is installed, whether the host resolves their names, and what the service itself
 * warns about (a filter of others that drops forwarded packets, a unit that did not start).
 */

#include <glob.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "decode.h"
#include "findings.h"
#include "language.h"
#include "network.h"

#define DEFINITIONS "/etc/vnicd/networks/*.conf"
#define DNSMASQ     "/usr/sbin/dnsmasq"
#define RESOLVED    "org.freedesktop.resolve1"

static size_t count_definitions(void) {
        glob_t found = {};
        size_t n = glob(DEFINITIONS, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

        globfree(&found);
        return n;
}

/* The warnings end with what to do; the documentation has more. */
static void check_network(Findings *findings, const json_t *network) {
        const char *name = json_string_value(json_object_get(network, "Name"));
        const json_t *warnings = json_object_get(network, "Warnings");
        json_t *warning;
        size_t i;

        if (!name)
                return;
        if (json_array_size(warnings) == 0)
                findings_add(findings, "network", FINDING_OK, NULL, _("The network %s is up."),
                                name);
        json_array_foreach((json_t *)warnings, i, warning) findings_add(findings, "network",
                        FINDING_PROBLEM,
                        _("docs/networks.md of vnicd says more about firewalls and services"),
                        "%s: %s", name,
                        json_string_value(warning) ? json_string_value(warning) : "?");
        findings_undecided(findings, name, json_object_get(network, "UndecidedFilters"));
}

/* Whether resolved asks the network for names of its domain. false: also if that cannot be told. */
static bool is_registered(sd_bus *bus, const char *name, const char *domain) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *link = NULL, *domains = NULL;
        const char *path, *told;
        int routes_only;

        if (sd_bus_call_method(bus, RESOLVED, "/org/freedesktop/resolve1", RESOLVED ".Manager",
                            "GetLink", NULL, &link, "i", (int)if_nametoindex(name)) < 0 ||
                        sd_bus_message_read(link, "o", &path) < 0 ||
                        sd_bus_get_property(bus, RESOLVED, path, RESOLVED ".Link", "Domains", NULL,
                                        &domains, "a(sb)") < 0 ||
                        sd_bus_message_enter_container(domains, SD_BUS_TYPE_ARRAY, "(sb)") < 0)
                return false;
        while (sd_bus_message_read(domains, "(sb)", &told, &routes_only) > 0)
                if (strcmp(told, domain) == 0)
                        return true;
        return false;
}

/* Not for a network that somebody has created: its domain is of their choice. */
static void check_names(Findings *findings, sd_bus *bus, const json_t *network) {
        const char *name = json_string_value(json_object_get(network, "Name"));
        const char *domain = json_string_value(json_object_get(network, "Domain"));
        const char *address =
                        json_string_value(json_array_get(json_object_get(network, "Addresses"), 0));
        _cleanup_free_ char *fix = NULL;

        if (!name || !domain || !address || json_is_true(json_object_get(network, "Kept")) ||
                        !bus_has_name(bus, RESOLVED))
                return;
        if (is_registered(bus, name, domain)) {
                findings_add(findings, "names", FINDING_OK, NULL,
                                _("The host resolves the names of guests of %s (*.%s)."), name,
                                domain);
                return;
        }
        if (asprintf(&fix, "resolvectl default-route %s no; resolvectl domain %s '~%s'; resolvectl dns %s %.*s",
                            name, name, domain, name, (int)strcspn(address, "/"), address) < 0)
                fix = NULL;
        findings_add(findings, "names", FINDING_NOTE, fix,
                        _("The host does not resolve the names of guests of %s (*.%s): systemd-resolved was not told who serves them."),
                        name, domain);
}

static size_t check_those_that_are_up(Findings *findings, sd_bus *bus) {
        /* {path: {interface: {property: value}}} */
        _cleanup_(json_decrefp) json_t *body =
                        findings_ask(bus, DBUS_OBJECTMANAGER, "GetManagedObjects");
        const char *path;
        json_t *interfaces;
        size_t n = 0;

        json_object_foreach(json_array_get(body, 0), path, interfaces) {
                const json_t *network = json_object_get(interfaces, VNICD_NETWORK);

                if (!network)
                        continue;
                check_network(findings, network);
                check_names(findings, bus, network);
                n++;
        }
        return n;
}

void check_networks(Findings *findings, sd_bus *bus) {
        size_t n = check_those_that_are_up(findings, bus) + count_definitions();

        if (n == 0)
                findings_add(findings, "networks", FINDING_NOTE,
                                _("install vnicd-networks, or: vnicctl network create NAME"),
                                _("There is no network of vnicd's own: guests need a bridge of the host."));
        else if (access(DNSMASQ, X_OK) < 0)
                findings_add(findings, "dnsmasq", FINDING_PROBLEM,
                                _("apt install vnicd-networks, which brings it"),
                                _("There is no /usr/sbin/dnsmasq: guests of vnicd's networks get no addresses."));
        else
                findings_add(findings, "dnsmasq", FINDING_OK, NULL,
                                _("/usr/sbin/dnsmasq is there to give guests their addresses."));
}
