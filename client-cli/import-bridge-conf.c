/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-bridge-conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import-file.h"
#include "import-heading.h"
#include "import-line.h"
#include "kernel/ifname.h"
#include "util/cleanup.h"

#define DEPTH_MAX 8
#define FILES_MAX 1000 /* files that include each other several times grow without end */

typedef struct BridgeConf {
        Import *import;
        const ImportReaders *readers; /* to whom the file speaks */
        unsigned depth;
        unsigned *n_files; /* of all files together */
} BridgeConf;

static void write_rule(Import *import, ImportHeading heading, const char *key, const char *name) {
        fprintf(import->output, "%s\n%s=%s\n", heading.text, key,
                        strcmp(name, "all") == 0 ? "*" : name);
}

static void take_rule(const BridgeConf *conf, const ImportLine *line, const char *key) {
        const ImportReaders *readers = conf->readers;
        const char *name = line->words[1];

        if (!ifname_is_plain(name)) {
                import_leave_out(conf->import, line, "vnicd has no bridge of such a name.");
                return;
        }
        if (readers->everyone)
                write_rule(conf->import, import_heading_all(), key, name);
        if (readers->user)
                write_rule(conf->import, import_heading_of_id(false, readers->uid), key, name);
        if (readers->group)
                write_rule(conf->import, import_heading_of_id(true, readers->gid), key, name);
        if (!readers->everyone && !readers->user && !readers->group)
                import_comment(conf->import,
                                "Only root can read that file, and root is not asked.");
}

static bool readers_are_equal(const ImportReaders *a, const ImportReaders *b) {
        return a->everyone == b->everyone && a->user == b->user && a->group == b->group &&
                        (!a->user || a->uid == b->uid) && (!a->group || a->gid == b->gid);
}

/* Who reads both. -ENOTSUP: no section can say who that is. */
static int intersect(const ImportReaders *a, const ImportReaders *b, ImportReaders *ret) {
        if (a->unclear || b->unclear)
                return -ENOTSUP;
        if (a->everyone || readers_are_equal(a, b))
                *ret = *b;
        else if (b->everyone)
                *ret = *a;
        else
                return -ENOTSUP;
        return 0;
}

static void describe(Import *import, const ImportReaders *readers) {
        if (readers->user)
                import_comment(import, "That file is read by one user: it is about %s.",
                                import_heading_of_id(false, readers->uid).text);
        if (readers->group)
                import_comment(import, "That file is read by one group: it is about %s.",
                                import_heading_of_id(true, readers->gid).text);
}

static int take_line(const ImportLine *line, void *userdata);

static void leave_out_file(Import *import, const ImportLine *line, int error) {
        if (error == -ENOTSUP)
                import_leave_out(import, line, "Who can read this file is not one user or group.");
        else
                import_leave_out(import, line, "The file cannot be read (%s).",
                                strerrordesc_np(-error));
}

/* path: a file that the line includes. */
static int take_include(const BridgeConf *conf, const ImportLine *line, const char *path) {
        BridgeConf inner = { conf->import, NULL, conf->depth + 1, conf->n_files };
        _cleanup_free_ char *text = NULL;
        ImportReaders readers, both;
        size_t size;
        int r;

        if (path[0] != '/') {
                import_leave_out(conf->import, line,
                                "It does not begin with '/', so which file it is depends on where "
                                "QEMU is started.");
                return 0;
        }
        if (inner.depth > DEPTH_MAX || ++*conf->n_files > FILES_MAX) {
                import_leave_out(conf->import, line, "Too many files include each other.");
                return 0;
        }
        r = import_file_read(path, &text, &size, &readers);
        if (r >= 0)
                r = intersect(conf->readers, &readers, &both);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                leave_out_file(conf->import, line, r);
                return 0;
        }
        describe(conf->import, &both);
        inner.readers = &both;
        return import_each_line(path, text, size, take_line, &inner);
}

/* What follows the second word is not looked at by QEMU either. */
static int take_line(const ImportLine *line, void *userdata) {
        const BridgeConf *conf = userdata;
        const char *word = line->words[0];

        import_quote(conf->import, line);
        if (line->n_words < 2)
                import_leave_out(conf->import, line,
                                "A word is missing; QEMU itself refuses the whole file for that.");
        else if (strcmp(word, "allow") == 0)
                take_rule(conf, line, "AllowBridges");
        else if (strcmp(word, "deny") == 0)
                take_rule(conf, line, "DenyBridges");
        else if (strcmp(word, "include") == 0)
                return take_include(conf, line, line->words[1]);
        else
                import_leave_out(conf->import, line,
                                "It begins with none of allow, deny and include; QEMU itself "
                                "refuses the whole file for that.");
        return 0;
}

int import_bridge_conf(Import *import, const char *path, const ImportReaders *readers,
                const char *text, size_t size) {
        const ImportLine whole = { .file = path, .number = 1 };
        unsigned n_files = 0;
        BridgeConf conf = { import, readers, 0, &n_files };

        if (readers->unclear) {
                leave_out_file(import, &whole, -ENOTSUP);
                return 0;
        }
        describe(import, readers);
        return import_each_line(path, text, size, take_line, &conf);
}
