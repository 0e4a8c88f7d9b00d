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
 * Each line becomes a comment and what it means to vnicd; a line that cannot be carried over
 * becomes a comment, a warning and an exit status. What is written is always a configuration that
 * the service takes.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/ifname.h"
#include "common/read-file.h"
#include "print.h"
#include "verb.h"

#define FILE_SIZE_MAX ((size_t)1024 * 1024)
#define WORDS_MAX     5 /* more are not looked at */
#define DEPTH_MAX     8
#define FILES_MAX     1000 /* files that include each other several times grow without end */
#define NAME_SIZE     33

/* As vnicd.conf(5) has them. */
#define ENDPOINTS_MAX  4096
#define QUEUES_DEFAULT 64

#define DIGITS "0123456789"
#define PLAIN  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-" DIGITS

static const char unclear_readers[] = "Who can read this file is not one user or group.";

/* A section of the configuration is about everyone, a user or a group. */
typedef struct Subject {
        enum {
                EVERYONE,
                USER,
                GROUP
        } kind;
        id_t id;
} Subject;

/* How many interfaces they may have. */
typedef struct Total {
        Subject of;
        unsigned sum;
} Total;

typedef struct Import {
        FILE *output, *warnings;
        unsigned n_left_out; /* lines that could not be carried over */
        unsigned n_files;
        Total *totals;
        size_t n_totals;
} Import;

/* These can read a file, apart from root. */
typedef struct Readers {
        Subject subjects[2];
        size_t n;
        bool unclear; /* others can, but not its owner or group */
} Readers;

typedef struct File {
        const char *path;
        char *text; /* owned */
        size_t size;
        Readers readers;
        unsigned depth; /* of files that include the next */
} File;

typedef struct Line {
        const File *file;
        const char *name, *text; /* of the file, and of the line: fit to be printed */
        unsigned number;         /* from 1 */
        char *words[WORDS_MAX];
        size_t n_words; /* at least 1 */
} Line;

/* 0, or what ends the file. */
typedef int (*each_line_t)(Import *import, const Line *line);

/* For a comment, and for a terminal. In place. */
static char *make_plain(char *text) {
        for (char *at = text; *at; at++)
                if (*at < ' ' || *at > '~')
                        *at = *at == '\t' ? ' ' : '?';
        return text;
}

/* reason: a sentence. Returns 0: the next line may be better. */
__attribute__((format(printf, 3, 4))) static int leave_out(
                Import *import, const Line *line, const char *reason, ...) {
        char sentence[512];
        va_list args;

        va_start(args, reason);
        vsnprintf(sentence, sizeof(sentence), reason, args);
        va_end(args);
        import->n_left_out++;
        fprintf(import->output, "# NOT CARRIED OVER: %s\n", make_plain(sentence));
        fprintf(import->warnings, "vnicctl: %s:%u: Not carried over: %s\n", line->name,
                        line->number, sentence);
        return 0;
}

/* -ENOENT: nobody has this name. */
static int find_subject(bool group, const char *name, Subject *ret) {
        const struct passwd *user = group ? NULL : getpwnam(name);
        const struct group *entry = group ? getgrnam(name) : NULL;

        if (!user && !entry)
                return -ENOENT;
        *ret = (Subject){ group ? GROUP : USER, entry ? entry->gr_gid : user->pw_uid };
        return 0;
}

/* By name, where a heading can hold it and it leads back to the number; a name of digits would be
 * read as one. */
static void write_heading(FILE *stream, Subject subject) {
        const struct passwd *user = subject.kind == USER ? getpwuid(subject.id) : NULL;
        const struct group *entry = subject.kind == GROUP ? getgrgid(subject.id) : NULL;
        const char *word = subject.kind == GROUP ? "Group" : "User";
        char name[NAME_SIZE] = "";
        Subject again;
        int n = snprintf(name, sizeof(name), "%s",
                        entry                  ? entry->gr_name
                                        : user ? user->pw_name
                                               : "");

        if (subject.kind == EVERYONE)
                fputs("[User *]", stream);
        else if (n < NAME_SIZE && (int)strspn(name, PLAIN) == n && (int)strspn(name, DIGITS) < n &&
                        find_subject(subject.kind == GROUP, name, &again) == 0 &&
                        again.id == subject.id)
                fprintf(stream, "[%s %s]", word, name);
        else
                fprintf(stream, "[%s %u]", word, (unsigned)subject.id);
}

static void write_setting(FILE *stream, Subject subject, const char *key, const char *value) {
        write_heading(stream, subject);
        fprintf(stream, "\n%s=%s\n", key, value);
}

/* -EFBIG: too large. -EINVAL: no plain file. -ENOMEM, -errno of open(2) and read(2). */
static int read_file(File *file) {
        _cleanup_close_ int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        Readers *readers = &file->readers;
        struct stat status;

        if (fd < 0 || fstat(fd, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EINVAL;
        if (status.st_mode & S_IROTH) {
                readers->subjects[readers->n++] = (Subject){ EVERYONE, 0 };
                readers->unclear = (~status.st_mode & (S_IRUSR | S_IRGRP)) != 0;
        } else {
                if (status.st_mode & S_IRUSR && status.st_uid != 0)
                        readers->subjects[readers->n++] = (Subject){ USER, status.st_uid };
                if (status.st_mode & S_IRGRP)
                        readers->subjects[readers->n++] = (Subject){ GROUP, status.st_gid };
        }
        return read_text(fd, FILE_SIZE_MAX, &file->text, &file->size);
}

/* A zero byte ends a line, as it does for the programs whose file it is. */
static int take_line(Import *import, Line *line, const char *start, size_t n, each_line_t each) {
        _cleanup_free_ char *text = strndup(start, n), *words = strndup(start, n);
        char *rest = words, *word;

        if (!text || !words)
                return -ENOMEM;
        line->text = make_plain(text);
        line->n_words = 0;
        while (line->n_words < WORDS_MAX && (word = strtok_r(rest, " \t\r\v\f", &rest)))
                line->words[line->n_words++] = word;
        return line->n_words == 0 || line->words[0][0] == '#' ? 0 : each(import, line);
}

/* Every line that is neither empty nor a comment. What each() returned; -ENOMEM. */
static int take_lines(Import *import, const File *file, each_line_t each) {
        const char *next = file->text, *end = next + file->size;
        char name[PATH_MAX];
        Line line = { .file = file, .name = name };
        int r = 0;

        snprintf(name, sizeof(name), "%s", file->path);
        make_plain(name);
        while (next < end && r == 0) {
                const char *newline = memchr(next, '\n', (size_t)(end - next));
                size_t n = (size_t)((newline ? newline : end) - next);

                line.number++;
                r = take_line(import, &line, next, n, each);
                next += n + 1;
        }
        return r;
}

static void quote(FILE *stream, const Line *line) {
        fprintf(stream, "# %s:%u: %s\n", line->name, line->number, line->text);
}

static int take_rule(Import *import, const Line *line, const char *key) {
        const char *name = line->words[1];
        const Readers *readers = &line->file->readers;

        if (!ifname_is_plain(name))
                return leave_out(import, line, "vnicd has no bridge of such a name.");
        for (size_t i = 0; i < readers->n; i++)
                write_setting(import->output, readers->subjects[i], key,
                                strcmp(name, "all") == 0 ? "*" : name);
        if (readers->n == 0)
                fputs("# Only root can read that file, and root is not asked.\n", import->output);
        return 0;
}

static bool is_for_everyone(const Readers *readers) {
        return readers->n == 1 && readers->subjects[0].kind == EVERYONE;
}

/* Leaves those who can read both files. -ENOTSUP: no section can say who that is. */
static int intersect(Readers *readers, const Readers *outer) {
        const bool are_equal = memcmp(readers, outer, sizeof(*readers)) == 0;

        if (readers->unclear || !(are_equal || is_for_everyone(readers) || is_for_everyone(outer)))
                return -ENOTSUP;
        if (is_for_everyone(readers))
                *readers = *outer;
        return 0;
}

static int take_bridge_conf_line(Import *import, const Line *line);

static int take_bridge_conf(Import *import, const File *file) {
        const Readers *readers = &file->readers;

        for (size_t i = 0; i < readers->n && !is_for_everyone(readers); i++) {
                fprintf(import->output, "# That file is read by one %s: it is about ",
                                readers->subjects[i].kind == USER ? "user" : "group");
                write_heading(import->output, readers->subjects[i]);
                fputs(".\n", import->output);
        }
        return take_lines(import, file, take_bridge_conf_line);
}

static int take_include(Import *import, const Line *line, const char *path) {
        File file = { .path = path, .depth = line->file->depth + 1 };
        int r;

        if (path[0] != '/')
                return leave_out(import, line,
                                "It does not begin with '/', so which file it is depends on where QEMU is started.");
        if (file.depth > DEPTH_MAX || ++import->n_files > FILES_MAX)
                return leave_out(import, line, "Too many files include each other.");
        r = read_file(&file);
        if (r >= 0)
                r = intersect(&file.readers, &line->file->readers);
        if (r >= 0)
                r = take_bridge_conf(import, &file);
        else if (r == -ENOTSUP)
                r = leave_out(import, line, unclear_readers);
        else if (r != -ENOMEM)
                r = leave_out(import, line, "The file cannot be read (%s).", strerrordesc_np(-r));
        free(file.text);
        return r;
}

/* QEMU, too, ignores all that follows the second word. */
static int take_bridge_conf_line(Import *import, const Line *line) {
        quote(import->output, line);
        if (line->n_words < 2)
                return leave_out(import, line,
                                "A word is missing; QEMU itself refuses the whole file for that.");
        if (strcmp(line->words[0], "allow") == 0)
                return take_rule(import, line, "AllowBridges");
        if (strcmp(line->words[0], "deny") == 0)
                return take_rule(import, line, "DenyBridges");
        if (strcmp(line->words[0], "include") == 0)
                return take_include(import, line, line->words[1]);
        return leave_out(import, line,
                        "It begins with none of allow, deny and include; QEMU itself refuses the whole file for that.");
}

static int add_total(Import *import, Subject subject, unsigned long number) {
        size_t i = 0;
        Total *totals;

        while (i < import->n_totals &&
                        memcmp(&import->totals[i].of, &subject, sizeof(subject)) != 0)
                i++;
        if (i == import->n_totals) {
                totals = reallocarray(import->totals, i + 1, sizeof(Total));
                if (!totals)
                        return -ENOMEM;
                import->totals = totals;
                import->totals[import->n_totals++] = (Total){ subject, 0 };
        }
        number = number < ENDPOINTS_MAX ? number + import->totals[i].sum : ENDPOINTS_MAX;
        import->totals[i].sum = number < ENDPOINTS_MAX ? (unsigned)number : ENDPOINTS_MAX;
        return 0;
}

/* Why the line cannot be carried over; NULL: it can. */
static const char *find_obstacle(const Line *line) {
        if (line->n_words != 4)
                return "There are not four words in it.";
        if (strcmp(line->words[1], "veth") != 0)
                return "Only the type veth has a like in vnicd.";
        if (strcmp(line->words[2], "none") == 0)
                return "It is about interfaces on no bridge, which is 'AllowBridges=-' in vnicd; write that if a tap that reaches the host itself is meant.";
        if (!ifname_is_plain(line->words[2]))
                return "vnicd has no bridge of such a name.";
        if (line->words[3][strspn(line->words[3], DIGITS)] != '\0')
                return "The last word is no number.";
        return NULL;
}

static int take_lxc_usernet_line(Import *import, const Line *line) {
        const bool group = line->words[0][0] == '@';
        const char *name = line->words[0] + group, *obstacle = find_obstacle(line);
        unsigned long number;
        Subject subject;

        quote(import->output, line);
        if (obstacle)
                return leave_out(import, line, "%s", obstacle);
        if (find_subject(group, name, &subject) < 0)
                return leave_out(import, line, "There is no %s '%s' here.",
                                group ? "group" : "user", name);
        number = strtoul(line->words[3], NULL, 10);
        if (!group && subject.id == 0)
                fputs("# Root is not asked, and not held to such numbers.\n", import->output);
        else if (number == 0)
                fputs("# None are allowed, so there is nothing to carry over.\n", import->output);
        else {
                write_setting(import->output, subject, "AllowBridges", line->words[2]);
                return add_total(import, subject, number);
        }
        return 0;
}

/* Writes the sums, which are known at the end only. Each endpoint has at least one queue. */
static void finish(Import *import) {
        if (import->n_totals > 0)
                fputs("\n# How many: there for each bridge, here for all of them together. A user's own number\n"
                      "# goes before those of their groups, and of several groups the largest one counts.\n",
                                import->output);
        for (size_t i = 0; i < import->n_totals; i++) {
                const Total *total = &import->totals[i];

                write_heading(import->output, total->of);
                fprintf(import->output, "\nEndpoints=%u\n", total->sum);
                if (total->sum > QUEUES_DEFAULT)
                        fprintf(import->output, "Queues=%u\n", total->sum);
        }
        free(import->totals);
}

/* Ends at the first line that says something: 1 if it is one of bridge.conf, 2 if of lxc-usernet.
 * -EINVAL: neither. */
static int judge_line(Import *import, const Line *line) {
        const char *word = line->words[0];
        const bool rule = strcmp(word, "allow") == 0 || strcmp(word, "deny") == 0 ||
                        strcmp(word, "include") == 0;

        if (rule && (line->n_words != 4 || strcmp(line->words[1], "veth") != 0))
                return 1;
        return line->n_words == 4 ? 2 : -EINVAL;
}

/* As the option --format says, or the text looks; one without lines is of any. */
static Status find_format(const File *file, const char *name, each_line_t *ret) {
        int r = name ? 0 : take_lines(NULL, file, judge_line);

        if (r == -ENOMEM)
                return complain_errno(r, "look at the file");
        if (r < 0)
                return complain(STATUS_USAGE,
                                "import: %s looks like neither bridge.conf nor lxc-usernet. If it is one, say so with --format.",
                                file->path);
        if (name && strcmp(name, "bridge.conf") != 0 && strcmp(name, "lxc-usernet") != 0)
                return complain(STATUS_USAGE,
                                "import: --format takes bridge.conf or lxc-usernet, not '%s'.",
                                name);
        *ret = r == 2 || (name && *name == 'l') ? take_lxc_usernet_line : take_bridge_conf_line;
        return STATUS_OK;
}

/* For a whole file, at its first line. */
static int refuse_readers(Import *import, const Line *line) {
        leave_out(import, &(Line){ .name = line->name, .number = 1 }, unclear_readers);
        return 1;
}

/* -ENOMEM */
static int import_file(Import *import, const File *file, each_line_t each) {
        fputc('\n', import->output);
        import->n_files = 0;
        if (each != take_bridge_conf_line)
                return take_lines(import, file, each);
        return file->readers.unclear ? take_lines(import, file, refuse_readers)
                                     : take_bridge_conf(import, file);
}

static Status read_and_import(Import *import, const char *path, const char *format) {
        File file = { .path = path };
        int r = read_file(&file);
        Status status = STATUS_OK;
        each_line_t each = NULL;

        if (r < 0)
                return complain(STATUS_FAILURE, "import: Cannot read %s: %s.", path, strerror(-r));
        status = find_format(&file, format, &each);
        r = status == STATUS_OK ? import_file(import, &file, each) : 0;
        if (r < 0)
                status = complain_errno(r, "import the file");
        free(file.text);
        return status;
}

/* Nothing is printed unless all files could be read: half a configuration is none. */
static Status import_files(Import *import, const Options *options) {
        static char usual[][sizeof("/etc/qemu-kvm/bridge.conf")] = { "/etc/qemu/bridge.conf",
                "/etc/qemu-kvm/bridge.conf", "/etc/lxc/lxc-usernet" };
        char *all[] = { usual[0], usual[1], usual[2], NULL };
        const bool named = options->n_arguments > 0;
        Status status = STATUS_OK;
        unsigned n = 0;

        for (char **path = named ? options->arguments : all; *path && status == STATUS_OK; path++)
                if (named || access(*path, F_OK) == 0) {
                        status = read_and_import(import, *path, options->format);
                        n++;
                }
        if (n > 0)
                return status;
        return complain(STATUS_FAILURE,
                        "import: There is none of %s, %s and %s. Name the file to import.",
                        usual[0], usual[1], usual[2]);
}

Status verb_import(const Options *options) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        Import import = { .output = open_memstream(&text, &size), .warnings = stderr };
        Status status;

        if (!import.output)
                return complain_errno(errno, "prepare the output");
        fputs("# Made by vnicctl import. Look it over before you use it; vnicd.conf(5) explains it.\n"
              "#\n"
              "# What is allowed here needs no question. What is not named here is not refused, as\n"
              "# it was by the programs whose files these were: then polkit is asked, which by\n"
              "# itself asks for the password of an administrator. What is denied here is denied.\n",
                        import.output);
        status = import_files(&import, options);
        finish(&import);
        if (fclose(import.output) != 0)
                return complain_errno(errno, "prepare the output");
        if (status != STATUS_OK)
                return status;
        fputs(text, stdout);
        status = print_flush();
        if (status == STATUS_OK && import.n_left_out > 0)
                status = complain(STATUS_NOT_SUPPORTED,
                                "import: %u lines are not carried over; see above.",
                                import.n_left_out);
        return status;
}
