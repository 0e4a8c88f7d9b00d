/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * NetworkManager and systemd-networkd configure interfaces that appear. Ours are ports of a bridge
 * already, but either may give them addresses or remove them from it. Only a manager that is on the
 * bus is checked. Its files are only read for one question: whether it leaves vnic* alone.
 */

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "findings.h"
#include "language.h"

#define EXAMPLE_NAME "vnic0123abcd"

static const char nm_fix[] = N_(
                "/etc/NetworkManager/conf.d/90-vnicd.conf with the lines [keyfile] and unmanaged-devices+=interface-name:vnic*");
static const char networkd_fix[] = N_(
                "/etc/systemd/network/05-vnicd.network with the lines [Match], Name=vnic*, [Link] and Unmanaged=yes");

/* The relevant content of one of networkd's files. */
typedef struct NetworkFile {
        char section[32];
        bool matches, unmanaged;
} NetworkFile;

/* Strips the newline. False after the last line. */
static bool next_line(FILE *stream, char line[256]) {
        if (!fgets(line, 256, stream))
                return false;
        line[strcspn(line, "\r\n")] = '\0';
        return true;
}

static bool file_has(const char *path, const char *word) {
        FILE *stream = fopen(path, "re");
        char line[256];
        bool found = false;

        while (stream && !found && next_line(stream, line))
                found = line[0] != '#' && strstr(line, word);
        if (stream)
                fclose(stream);
        return found;
}

static bool any_file_has(const char *pattern, const char *word) {
        glob_t files = {};
        bool found = false;

        if (glob(pattern, GLOB_BRACE, NULL, &files) == 0)
                for (size_t i = 0; i < files.gl_pathc && !found; i++)
                        found = file_has(files.gl_pathv[i], word);
        globfree(&files);
        return found;
}

static void check_networkmanager(Findings *findings) {
        if (any_file_has("{/etc,/run,/usr/lib}/NetworkManager/{NetworkManager.conf,conf.d/*.conf}",
                            "interface-name:vnic"))
                findings_add(findings, "networkmanager", FINDING_OK, NULL,
                                _("NetworkManager leaves vnic* alone."));
        else
                findings_add(findings, "networkmanager", FINDING_PROBLEM, _(nm_fix),
                                _("NetworkManager runs and is not told to leave vnic* alone."));
}

/* Patterns separated by blanks; "!" before the first one negates all. */
static bool value_matches(char *value, const char *ours) {
        bool negated = *value == '!', found = false;
        char *rest = value + negated, *word;

        while ((word = strsep(&rest, " ")))
                found = found || fnmatch(word, ours, 0) == 0;
        return found != negated;
}

/* A [Match] for something that a tap does not have (a path, a hardware driver) does not match. */
static bool line_matches(char *key, char *value) {
        if (strcmp(key, "Name") == 0)
                return value_matches(value, EXAMPLE_NAME);
        if (strcmp(key, "Type") == 0)
                return value_matches(value, "ether");
        if (strcmp(key, "Kind") == 0 || strcmp(key, "Driver") == 0)
                return value_matches(value, "tun");
        return false;
}

/* As systemd reads it: 1, yes, y, true, t, on. */
static bool is_yes(const char *value) {
        return *value && (strchr("yYtT1", *value) || strncasecmp(value, "on", 2) == 0);
}

static void read_network_line(char *line, NetworkFile *file) {
        char *value = strchr(line, '=');

        if (*line == '[')
                snprintf(file->section, sizeof(file->section), "%.31s", line);
        if (!value || *line == '#' || *line == ';')
                return;
        *value++ = '\0';
        line[strcspn(line, " \t")] = '\0';
        value += strspn(value, " \t");
        if (strcmp(file->section, "[Match]") == 0)
                file->matches = file->matches && line_matches(line, value);
        if (strcmp(file->section, "[Link]") == 0 && strcmp(line, "Unmanaged") == 0)
                file->unmanaged = is_yes(value);
}

/* An empty file matches nothing; neither does one that is masked by a link to /dev/null. */
static NetworkFile read_network_file(const char *path) {
        NetworkFile file = {};
        FILE *stream = fopen(path, "re");
        char line[256];

        if (!stream)
                return file;
        for (bool first = true; next_line(stream, line); first = false) {
                file.matches = file.matches || first;
                read_network_line(line, &file);
        }
        fclose(stream);
        return file;
}

static const char *base_name(const char *path) {
        return strrchr(path, '/') + 1;
}

/* Whether a file of the same name in an earlier folder overrides it. */
static bool is_hidden(const glob_t *files, size_t which) {
        for (size_t i = 0; i < which; i++)
                if (strcmp(base_name(files->gl_pathv[i]), base_name(files->gl_pathv[which])) == 0)
                        return true;
        return false;
}

/* The file whose name sorts first counts, whatever its folder. */
static const char *deciding_file(const glob_t *files, bool *ret_unmanaged) {
        const char *first = NULL;

        for (size_t i = 0; i < files->gl_pathc; i++) {
                const char *path = files->gl_pathv[i];
                NetworkFile file = read_network_file(path);

                if (!file.matches || is_hidden(files, i))
                        continue;
                if (!first || strcmp(base_name(path), base_name(first)) < 0) {
                        first = path;
                        *ret_unmanaged = file.unmanaged;
                }
        }
        return first;
}

static void check_networkd(Findings *findings) {
        glob_t files = {};
        const char *path = NULL;
        bool unmanaged = false;

        /* In the order of precedence. */
        if (glob("{/etc,/run,/usr/local/lib,/usr/lib,/lib}/systemd/network/*.network", GLOB_BRACE,
                            NULL, &files) == 0)
                path = deciding_file(&files, &unmanaged);
        if (path && !unmanaged)
                findings_add(findings, "networkd", FINDING_PROBLEM, _(networkd_fix),
                                _("systemd-networkd runs, and %s makes it configure vnic*."), path);
        else
                findings_add(findings, "networkd", FINDING_OK, NULL,
                                _("systemd-networkd leaves vnic* alone."));
        globfree(&files);
}

void check_managers(Findings *findings, sd_bus *bus) {
        if (bus_has_name(bus, "org.freedesktop.NetworkManager"))
                check_networkmanager(findings);
        if (bus_has_name(bus, "org.freedesktop.network1"))
                check_networkd(findings);
}
