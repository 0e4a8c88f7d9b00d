/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/read-file.h"

const char *config_show(const char *text, char *buffer, size_t size) {
        size_t n = 0;

        for (; n + 1 < size && text[n]; n++)
                buffer[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
        buffer[n] = '\0';
        return buffer;
}

ConfigWord config_word(const char *text) {
        ConfigWord word;

        config_show(text, word.text, sizeof(word.text));
        return word;
}

static int refuse(Failure *failure, const char *path, const char *reason) {
        char shown[CONFIG_SHOWN_SIZE];

        return failure_set(failure, FAILURE_INVALID_CONFIGURATION, EINVAL, "%s: %s",
                        config_show(path, shown, sizeof(shown)), reason);
}

static int refuse_errno(Failure *failure, const char *path, int error) {
        char reason[128];

        snprintf(reason, sizeof(reason), "Cannot be read (%s). Let the service's user read it.",
                        strerrordesc_np(error));
        return error == ENOMEM ? -ENOMEM : refuse(failure, path, reason);
}

/* A file may be missing. A dangling symbolic link is refused, as its target may have denied
 * something.
 */
static int refuse_open(
                Failure *failure, int folder, const char *name, const char *path, int error) {
        struct stat status;

        if (error != ENOENT)
                return refuse_errno(failure, path, error);
        if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
                return -ENOENT;
        return refuse(failure, path, "It is a link that leads nowhere. Correct or remove it.");
}

/* Checks the open file, as its name may lead elsewhere the next time. */
static int check_trust(int fd, const char *path, Failure *failure, struct stat *ret) {
        if (fstat(fd, ret) < 0)
                return refuse_errno(failure, path, errno);
        if (ret->st_uid != 0 && ret->st_uid != geteuid())
                return refuse(failure, path,
                                "It does not belong to root, so somebody else could change it. Use chown root on it.");
        if (ret->st_mode & (S_IWGRP | S_IWOTH))
                return refuse(failure, path,
                                "Others than its owner can write to it. Use chmod go-w on it.");
        return 0;
}

static int open_trusted(int folder, const char *name, const char *path, int flags,
                struct stat *ret_status, Failure *failure) {
        _cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | flags);
        int r;

        *ret_status = (struct stat){ 0 };
        if (fd < 0)
                return refuse_open(failure, folder, name, path, errno);
        r = check_trust(fd, path, failure, ret_status);
        return r < 0 ? r : TAKE_FD(fd);
}

int config_folder_open(int parent, const char *name, const char *path, Failure *failure) {
        struct stat status;

        return open_trusted(parent, name, path, O_DIRECTORY, &status, failure);
}

static int is_ours(const struct dirent *entry) {
        size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

void config_names_free(char **names) {
        if (!names)
                return;
        for (char **name = names; *name; name++)
                free(*name);
        free(names);
}

int config_folder_list(int folder, const char *path, char ***ret, Failure *failure) {
        struct dirent **entries;
        bool complete = true;
        char **names;
        int n;

        n = scandirat(folder, ".", &entries, is_ours, compare_names);
        if (n < 0)
                return refuse_errno(failure, path, errno);
        names = calloc((size_t)n + 1, sizeof(char *));
        for (int i = 0; i < n; i++) {
                if (names && complete)
                        complete = (names[i] = strdup(entries[i]->d_name)) != NULL;
                free(entries[i]);
        }
        free(entries);
        if (!names || !complete) {
                config_names_free(names);
                return -ENOMEM;
        }
        *ret = names;
        return 0;
}

int config_file_read(int folder, const char *name, const char *path, char **ret, size_t *ret_size,
                Failure *failure) {
        struct stat status;
        /* O_NONBLOCK: opening a pipe would wait for a writer. */
        _cleanup_close_ int fd =
                        open_trusted(folder, name, path, O_NONBLOCK | O_NOCTTY, &status, failure);
        int r;

        if (fd < 0)
                return fd;
        if (!S_ISREG(status.st_mode))
                return refuse(failure, path, "It is no plain file. Put one there, or remove it.");
        r = read_text(fd, CONFIG_FILE_MAX, ret, ret_size);
        if (r == -EFBIG)
                return refuse(failure, path,
                                "It has more than 1 MiB. Divide it, or drop what is not needed.");
        return r < 0 ? refuse_errno(failure, path, -r) : 0;
}
