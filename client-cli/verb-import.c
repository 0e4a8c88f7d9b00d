/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * "vnicctl import": writes a configuration from the files in which QEMU's bridge helper and lxc say
 * who may use a bridge. Needs neither the service nor the bus.
 *
 * bridge.conf has lines "allow NAME", "deny NAME" and "include FILE", where NAME may be "all". The
 * helper reads it as the user who calls it, so a file speaks only to those who can read it.
 * lxc-usernet has lines "USER TYPE BRIDGE NUMBER", or @GROUP; each number is of one bridge, while a
 * user of vnicd has one for all bridges together: the sum.
 *
 * Each line becomes a comment and what it means to vnicd; one that cannot be carried over becomes a
 * comment, a warning and an exit status. What is written is always taken by the service.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/printable.h"
#include "common/read-file.h"
#include "language.h"
#include "print.h"
#include "verb.h"

#define FILE_SIZE_MAX  ((size_t)1024 * 1024)
#define FILES_MAX      1000 /* files that include each other several times grow without end */
#define WORDS_MAX      5    /* more are not looked at */
#define ENDPOINTS_MAX  4096 /* as vnicd.conf(5) has it */
#define QUEUES_DEFAULT 64   /* likewise */
#define SECTION_SIZE   48   /* of a heading, such as "Group vm" */
#define EVERYONE       "User *"
#define DIGITS         "0123456789"
#define PLAIN          "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-" DIGITS

typedef struct Import {
        FILE *output;
        unsigned n_left_out; /* lines that could not be carried over */
        unsigned n_files;    /* that were read */
        json_t *totals;      /* by section: how many interfaces they may have */
} Import;

typedef struct File {
        const char *path;
        char *text; /* owned */
        size_t size;
        char readers[2][SECTION_SIZE]; /* these can read it, apart from root; "": nobody */
        bool has_unclear_readers; /* others can, but not its owner or group: no section says that */
} File;

typedef struct Line {
        const File *file;
        unsigned number;              /* from 1 */
        const char *words[WORDS_MAX]; /* at least one; "": there are no more */
} Line;

typedef int (*each_line_t)(Import *import, const Line *line); /* not 0: the file ends there */

/* reason: a sentence, marked with N_(): English in the configuration, which may be read on other
 * hosts. Returns 0: the next line may be better. */
__attribute__((format(printf, 3, 4))) static int leave_out(
                Import *import, const Line *line, const char *reason, ...) {
        char written[512], told[512];
        va_list args;

        va_start(args, reason);
        vsnprintf(written, sizeof(written), reason, args);
        va_end(args);
        va_start(args, reason);
        vsnprintf(told, sizeof(told), _(reason), args);
        va_end(args);
        import->n_left_out++;
        fprintf(import->output, "# NOT CARRIED OVER: %s\n", printable(written));
        complain(STATUS_NOT_SUPPORTED, _("%s:%u: Not carried over: %s"), line->file->path,
                        line->number, told);
        return 0;
}

/* Whether anybody has this name. */
static bool find_id(bool group, const char *name, id_t *ret) {
        const struct passwd *user = group ? NULL : getpwnam(name);
        const struct group *entry = group ? getgrnam(name) : NULL;

        if (user || entry)
                *ret = user ? user->pw_uid : entry->gr_gid;
        return user || entry;
}

/* By name, where a heading can hold it and it leads back to the number; a name of digits would be
 * read as one. */
static void name_section(bool group, id_t id, char ret[static SECTION_SIZE]) {
        const struct passwd *user = group ? NULL : getpwuid(id);
        const struct group *entry = group ? getgrgid(id) : NULL;
        const char *word = group ? "Group" : "User";
        const char *name = user ? user->pw_name : entry ? entry->gr_name : "";
        bool is_plain = !name[strspn(name, PLAIN)] && name[strspn(name, DIGITS)];
        int n = snprintf(ret, SECTION_SIZE, "%s %s", word, name);
        id_t again;

        if (!is_plain || n >= SECTION_SIZE || !find_id(group, name, &again) || again != id)
                snprintf(ret, SECTION_SIZE, "%s %u", word, (unsigned)id);
}

/* -EFBIG: too large. -EINVAL: no plain file. -ENOMEM, -errno of open(2) and read(2). */
static int read_file(File *file) {
        _cleanup_close_ int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        if (status.st_mode & S_IROTH) {
                strcpy(file->readers[0], EVERYONE);
                file->has_unclear_readers = (~status.st_mode & (S_IRUSR | S_IRGRP)) != 0;
        } else {
                if (status.st_mode & S_IRUSR && status.st_uid != 0)
                        name_section(false, status.st_uid, file->readers[0]);
                if (status.st_mode & S_IRGRP)
                        name_section(true, status.st_gid, file->readers[1]);
        }
        return read_text(fd, FILE_SIZE_MAX, &file->text, &file->size);
}

/* Quotes every line that is neither empty nor a comment, and gives it to each(). A zero byte ends a
 * line, as it does for the programs whose file it is. What each() returned; -ENOMEM. */
static int take_lines(Import *import, const File *file, each_line_t each) {
        const char *next = file->text, *end = next + file->size;
        Line line = { .file = file };
        int r = 0;

        while (next < end && r == 0) {
                const char *newline = memchr(next, '\n', (size_t)(end - next));
                const size_t n = (size_t)((newline ? newline : end) - next);
                _cleanup_free_ char *text = strndup(next, n), *quoted = NULL;
                char *rest = text;

                next += n + 1;
                for (char *at = text; text && (at = strpbrk(at, "\t\r\v\f"));)
                        *at = ' ';
                if (!text || asprintf(&quoted, "%s:%u: %s", file->path, ++line.number, text) < 0)
                        return -ENOMEM;
                for (size_t i = 0; i < WORDS_MAX; i++)
                        if (!(line.words[i] = strtok_r(rest, " ", &rest)))
                                line.words[i] = "";
                if (*line.words[0] == '\0' || *line.words[0] == '#')
                        continue;
                if (import)
                        fprintf(import->output, "# %s\n", printable(quoted));
                r = each(import, &line);
        }
        return r;
}

static int take_bridge_conf_line(Import *import, const Line *line);

/* by: the line that leads to it. It speaks to those who can read both files. */
static int take_bridge_conf(Import *import, File *file, const Line *by) {
        const File *outer = by->file;
        const bool for_all = strcmp(file->readers[0], EVERYONE) == 0;
        const bool as_outer = strcmp(outer->readers[0], EVERYONE) == 0 ||
                        memcmp(file->readers, outer->readers, sizeof(file->readers)) == 0;

        if (file->has_unclear_readers || !(for_all || as_outer))
                return leave_out(
                                import, by, N_("Who can read this file is not one user or group."));
        if (for_all)
                memcpy(file->readers, outer->readers, sizeof(file->readers));
        return take_lines(import, file, take_bridge_conf_line);
}

static int take_include(Import *import, const Line *line, const char *path) {
        File file = { .path = path };
        int r;

        if (path[0] != '/')
                return leave_out(import, line,
                                N_("It does not begin with '/', so which file it is depends on where QEMU is started."));
        if (++import->n_files > FILES_MAX)
                return leave_out(import, line, N_("Too many files include each other."));
        r = read_file(&file);
        if (r >= 0)
                r = take_bridge_conf(import, &file, line);
        else if (r != -ENOMEM)
                r = leave_out(import, line, N_("The file cannot be read (%s)."),
                                strerrordesc_np(-r));
        free(file.text);
        return r;
}

/* QEMU, too, ignores all that follows the second word. */
static int take_bridge_conf_line(Import *import, const Line *line) {
        const char *word = line->words[0], *name = line->words[1];
        const bool allow = strcmp(word, "allow") == 0, deny = strcmp(word, "deny") == 0;
        const char(*readers)[SECTION_SIZE] = line->file->readers;

        if (*name == '\0')
                return leave_out(import, line,
                                N_("A word is missing; QEMU itself refuses the whole file for that."));
        if (strcmp(word, "include") == 0)
                return take_include(import, line, name);
        if (!allow && !deny)
                return leave_out(import, line,
                                N_("It begins with none of allow, deny and include; QEMU itself refuses the whole file for that."));
        if (!ifname_is_plain(name))
                return leave_out(import, line, N_("vnicd has no bridge of such a name."));
        for (size_t i = 0; i < 2; i++)
                if (*readers[i])
                        fprintf(import->output, "[%s]\n%s=%s\n", readers[i],
                                        allow ? "AllowBridges" : "DenyBridges",
                                        strcmp(name, "all") == 0 ? "*" : name);
        return 0;
}

static int take_lxc_usernet_line(Import *import, const Line *line) {
        const bool group = line->words[0][0] == '@';
        const char *name = line->words[0] + group, *bridge = line->words[2];
        char section[SECTION_SIZE];
        json_int_t number;
        id_t id;

        if (!*line->words[3] || *line->words[4])
                return leave_out(import, line, N_("There are not four words in it."));
        if (strcmp(line->words[1], "veth") != 0)
                return leave_out(import, line, N_("Only the type veth has a like in vnicd."));
        if (strcmp(bridge, "none") == 0)
                return leave_out(import, line,
                                N_("It is about interfaces on no bridge, which is 'AllowBridges=-' in vnicd; write that if a tap that reaches the host itself is meant."));
        if (!ifname_is_plain(bridge))
                return leave_out(import, line, N_("vnicd has no bridge of such a name."));
        if (line->words[3][strspn(line->words[3], DIGITS)] != '\0')
                return leave_out(import, line, N_("The last word is no number."));
        if (!find_id(group, name, &id))
                return leave_out(import, line,
                                group ? N_("There is no group '%s' here.")
                                      : N_("There is no user '%s' here."),
                                name);
        number = strtoll(line->words[3], NULL, 10);
        if (!group && id == 0)
                fputs("# Root is not asked, and not held to such numbers.\n", import->output);
        else if (number == 0)
                fputs("# None are allowed, so there is nothing to carry over.\n", import->output);
        else {
                name_section(group, id, section);
                fprintf(import->output, "[%s]\nAllowBridges=%s\n", section, bridge);
                number = number < ENDPOINTS_MAX ? number : ENDPOINTS_MAX;
                number += json_integer_value(json_object_get(import->totals, section));
                number = number < ENDPOINTS_MAX ? number : ENDPOINTS_MAX;
                if (json_object_set_new(import->totals, section, json_integer(number)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Ends at the first line that says something: 1 if it is one of bridge.conf, 2 if of lxc-usernet.
 * -EINVAL: neither. */
static int judge_line(Import *import, const Line *line) {
        const char *word = line->words[0];
        const bool rule = strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0 ||
                        strcmp(word, "include") == 0;

        if (*line->words[3] && !*line->words[4] && (!rule || strcmp(line->words[1], "veth") == 0))
                return 2;
        return rule ? 1 : -EINVAL;
}

/* format: as the option says; NULL: as the text looks. */
static Status import_file(Import *import, const char *path, const char *format) {
        const File everyone = { .path = path, .readers = { EVERYONE } };
        File file = { .path = path };
        int r = read_file(&file);

        if (r < 0)
                return complain(STATUS_FAILURE, _("import: Cannot read %s: %s."), path,
                                strerror(-r));
        import->n_files++;
        fputc('\n', import->output);
        r = format ? 1 + (*format == 'l') : take_lines(NULL, &file, judge_line);
        if (r == 2)
                r = take_lines(import, &file, take_lxc_usernet_line);
        else if (r >= 0)
                r = take_bridge_conf(import, &file, &(Line){ .file = &everyone, .number = 1 });
        free(file.text);
        if (r == -EINVAL)
                return complain(STATUS_USAGE,
                                _("import: %s looks like neither bridge.conf nor lxc-usernet. If it is one, say so with --format."),
                                path);
        return r < 0 ? complain_errno(r, _("Cannot import the file")) : STATUS_OK;
}

/* The sums are known at the end only. Each endpoint has at least one queue. */
static Status import_files(Import *import, const Options *options) {
        static const char *const usual[] = { "/etc/qemu/bridge.conf", "/etc/qemu-kvm/bridge.conf",
                "/etc/lxc/lxc-usernet", NULL };
        const char *format = options->format, *section;
        const bool named = options->n_arguments > 0;
        const char *const *path = named ? (const char *const *)options->arguments : usual;
        Status status = STATUS_OK;
        json_t *total;

        if (format && strcmp(format, "bridge.conf") != 0 && strcmp(format, "lxc-usernet") != 0)
                return complain(STATUS_USAGE,
                                _("import: --format takes bridge.conf or lxc-usernet, not '%s'."),
                                format);
        for (; *path && status == STATUS_OK; path++)
                if (named || access(*path, F_OK) == 0)
                        status = import_file(import, *path, format);
        if (json_object_size(import->totals) > 0)
                fputs("\n# How many: there for each bridge, here for all of them together. A user's own number\n# goes before those of their groups, and of several groups the largest one counts.\n",
                                import->output);
        json_object_foreach(import->totals, section, total) {
                const int sum = (int)json_integer_value(total);

                fprintf(import->output, "[%s]\nEndpoints=%d\n", section, sum);
                if (sum > QUEUES_DEFAULT)
                        fprintf(import->output, "Queues=%d\n", sum);
        }
        if (status == STATUS_OK && import->n_files == 0)
                return complain(STATUS_FAILURE,
                                _("import: There is none of /etc/qemu/bridge.conf, /etc/qemu-kvm/bridge.conf and /etc/lxc/lxc-usernet. Name the file to import."));
        return status;
}

Status verb_import(const Options *options) {
        _cleanup_(json_decrefp) json_t *totals = json_object();
        _cleanup_free_ char *text = NULL;
        size_t size;
        Import import = { .output = open_memstream(&text, &size), .totals = totals };
        Status status;

        if (!import.output)
                return complain_errno(errno, _("Cannot prepare the output"));
        fputs("# Made by vnicctl import. Look it over before you use it; vnicd.conf(5) explains it.\n"
              "#\n"
              "# What is allowed here needs no question. What is not named here is not refused, as\n"
              "# it was by the programs whose files these were: then polkit is asked, which by\n"
              "# itself asks for the password of an administrator. What is denied here is denied.\n"
              "# A bridge.conf is about those who can read it, except for root, who is not asked.\n",
                        import.output);
        status = import_files(&import, options);
        if (fclose(import.output) != 0)
                return complain_errno(errno, _("Cannot prepare the output"));
        if (status != STATUS_OK)
                return status; /* nothing is printed: half a configuration is none */
        fputs(text, stdout);
        status = print_flush();
        if (status == STATUS_OK && import.n_left_out > 0)
                status = complain(STATUS_NOT_SUPPORTED,
                                ngettext("import: %u line is not carried over; see above.",
                                                "import: %u lines are not carried over; see above.",
                                                import.n_left_out),
                                import.n_left_out);
        return status;
}
