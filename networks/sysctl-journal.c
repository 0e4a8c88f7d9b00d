/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sysctl-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/cleanup.h"

#define FILE_NAME "ledger"
#define DRAFT     "ledger.new"

static int setting_open(const char *interface, const char *setting, int flags) {
        char path[PATH_MAX];
        int fd;

        snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", interface, setting);
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

int setting_read(const char *interface, const char *setting) {
        _cleanup_close_ int fd = setting_open(interface, setting, O_RDONLY);
        char text[16] = "";

        if (fd < 0)
                return fd;
        return read(fd, text, sizeof(text) - 1) < 0 ? -errno : atoi(text);
}

int setting_write(const char *interface, const char *setting, int value) {
        _cleanup_close_ int fd = setting_open(interface, setting, O_WRONLY);

        if (fd < 0)
                return fd;
        return dprintf(fd, "%d\n", value) < 0 ? -errno : 0;
}

/* Splits a key: the first half must be a valid interface name, the second one of the settings that
 * we ever change. */
static bool key_split(const char *key, char interface[static IFNAMSIZ], const char **ret_setting) {
        const char *slash = strchr(key, '/');
        size_t n = slash ? (size_t)(slash - key) : 0;

        if (n == 0 || n >= IFNAMSIZ)
                return false;
        memcpy(interface, key, n);
        interface[n] = '\0';
        *ret_setting = slash + 1;
        return strcmp(interface, ".") != 0 && strcmp(interface, "..") != 0 &&
                        (strcmp(*ret_setting, "forwarding") == 0 ||
                                        strcmp(*ret_setting, "force_forwarding") == 0 ||
                                        strcmp(*ret_setting, "accept_ra") == 0);
}

static int read_key(const char *key) {
        char interface[IFNAMSIZ];
        const char *setting;

        return key_split(key, interface, &setting) ? setting_read(interface, setting) : -EINVAL;
}

static int write_key(const char *key, int value) {
        char interface[IFNAMSIZ];
        const char *setting;

        return key_split(key, interface, &setting) ? setting_write(interface, setting, value)
                                                   : -EINVAL;
}

static int read_entries(SysctlJournal *journal) {
        char interface[IFNAMSIZ], line[128];
        const char *setting;
        FILE *file;
        int fd;

        fd = openat(journal->folder, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        file = fdopen(fd, "r");
        if (!file) {
                close_fd(fd);
                return -ENOMEM;
        }
        while (journal->n < ENTRIES_MAX && fgets(line, sizeof(line), file)) {
                Entry entry = { .known = true };

                if (sscanf(line, "%15s %39s %d %d", entry.network, entry.key, &entry.before,
                                    &entry.value) == 4 &&
                                key_split(entry.key, interface, &setting))
                        journal->entries[journal->n++] = entry;
        }
        fclose(file);
        return 0;
}

int sysctl_journal_open(SysctlJournal **ret, const char *folder) {
        SysctlJournal *journal = calloc(1, sizeof(*journal));
        int r;

        if (!journal)
                return -ENOMEM;
        journal->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (journal->folder < 0 || flock(journal->folder, LOCK_EX) < 0)
                r = -errno;
        else
                r = read_entries(journal);
        if (r < 0) {
                sysctl_journal_close(journal);
                return r;
        }
        *ret = journal;
        return 0;
}

void sysctl_journal_close(SysctlJournal *journal) {
        if (!journal)
                return;
        close_fd(journal->folder);
        free(journal);
}

/* Finds an entry of the network, or of any network if that is NULL. */
static Entry *find(SysctlJournal *journal, const char *network, const char *key) {
        for (size_t i = 0; i < journal->n; i++)
                if ((!network || strcmp(journal->entries[i].network, network) == 0) &&
                                strcmp(journal->entries[i].key, key) == 0)
                        return &journal->entries[i];
        return NULL;
}

bool sysctl_journal_has(const SysctlJournal *journal, const char *interface, const char *setting) {
        char key[KEY_SIZE];

        snprintf(key, sizeof(key), "%s/%s", interface, setting);
        return find((SysctlJournal *)journal, NULL, key) != NULL;
}

int sysctl_require(SysctlJournal *journal, const char *network, const char *interface,
                const char *setting, int value) {
        Entry entry = { .value = value, .wanted = true }, *other;

        snprintf(entry.network, sizeof(entry.network), "%s", network);
        snprintf(entry.key, sizeof(entry.key), "%s/%s", interface, setting);
        other = find(journal, network, entry.key);
        if (other) {
                other->wanted = true;
                return 0;
        }
        other = find(journal, NULL, entry.key);
        entry.before = other ? other->before : setting_read(interface, setting);
        if (entry.before < 0)
                return entry.before == -ENOENT ? 0 : entry.before;
        if (!other && entry.before == value)
                return 0;
        if (value == AS_IT_IS)
                entry.value = entry.before;
        if (journal->n == ENTRIES_MAX)
                return -ENOSPC;
        journal->entries[journal->n++] = entry;
        return 0;
}

static int write_entries(const SysctlJournal *journal, FILE *file) {
        for (size_t i = 0; i < journal->n; i++)
                if (fprintf(file, "%s %s %d %d\n", journal->entries[i].network,
                                    journal->entries[i].key, journal->entries[i].before,
                                    journal->entries[i].value) < 0)
                        return -errno;
        return 0;
}

/* Creates the file anew, since an existing one could be a link to elsewhere. fclose() does not
 * report errors of earlier writes, so each write is checked. */
static int write_draft(const SysctlJournal *journal) {
        FILE *file;
        int fd, r;

        (void)unlinkat(journal->folder, DRAFT, 0);
        fd = openat(journal->folder, DRAFT, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        0644);
        file = fd < 0 ? NULL : fdopen(fd, "w");
        if (!file) {
                r = -errno;
                close_fd(fd);
                return r;
        }
        r = write_entries(journal, file);
        return fclose(file) != 0 && r >= 0 ? -errno : r;
}

/* The previous journal stays until the new one is complete. */
static int save(const SysctlJournal *journal) {
        int r = write_draft(journal);

        if (r >= 0 && renameat(journal->folder, DRAFT, journal->folder, FILE_NAME) < 0)
                r = -errno;
        if (r < 0)
                (void)unlinkat(journal->folder, DRAFT, 0);
        return r;
}

/* An interface that is gone has taken its settings with it. */
static void undo(const Entry *entry) {
        int now = read_key(entry->key);

        if (now != entry->before && (now == entry->value || entry->before == entry->value))
                (void)write_key(entry->key, entry->before);
}

static void undo_unwanted(SysctlJournal *journal, const char *network) {
        for (size_t i = journal->n; i-- > 0;) {
                Entry entry = journal->entries[i];

                if (strcmp(entry.network, network) != 0 || entry.wanted)
                        continue;
                memmove(&journal->entries[i], &journal->entries[i + 1],
                                (--journal->n - i) * sizeof(entry));
                if (!find(journal, NULL, entry.key))
                        undo(&entry);
        }
}

int sysctl_apply(SysctlJournal *journal, const char *network) {
        int r = save(journal), error;

        for (size_t i = 0; i < journal->n && r >= 0; i++) {
                const Entry *entry = &journal->entries[i];

                if (!entry->wanted || entry->before == entry->value ||
                                read_key(entry->key) == entry->value)
                        continue;
                journal->undone |= entry->known;
                if (entry->known && journal->leaves_undone)
                        continue;
                error = write_key(entry->key, entry->value);
                if (error < 0 && error != -ENOENT)
                        r = error;
        }
        undo_unwanted(journal, network);
        error = save(journal);
        return r < 0 ? r : error;
}
