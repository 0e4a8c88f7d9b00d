/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A replacement for NSS in fuzz targets: the users root, alice and bob, and the groups root and vm;
 * no files are read. Linked with --wrap.
 */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>

struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwuid(uid_t uid);
struct group *__wrap_getgrnam(const char *name);
struct group *__wrap_getgrgid(gid_t gid);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                struct passwd **ret);
int __wrap_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size,
                struct group **ret);

static struct passwd users[] = {
        { .pw_name = (char *)"root", .pw_uid = 0 },
        { .pw_name = (char *)"alice", .pw_uid = 1000 },
        { .pw_name = (char *)"bob", .pw_uid = 1001 },
        { .pw_name = (char *)"]odd name[", .pw_uid = 1002 },
};

static struct group groups[] = {
        { .gr_name = (char *)"root", .gr_gid = 0 },
        { .gr_name = (char *)"vm", .gr_gid = 100 },
        { .gr_name = (char *)"a-group-with-a-name-that-is-longer-than-what-inih-keeps-of-one",
                        .gr_gid = 100 },
};

#define ELEMENTS(array) (sizeof(array) / sizeof(*(array)))

struct passwd *__wrap_getpwnam(const char *name) {
        for (size_t i = 0; i < ELEMENTS(users); i++)
                if (strcmp(users[i].pw_name, name) == 0)
                        return &users[i];
        return NULL;
}

struct passwd *__wrap_getpwuid(uid_t uid) {
        for (size_t i = 0; i < ELEMENTS(users); i++)
                if (users[i].pw_uid == uid)
                        return &users[i];
        return NULL;
}

struct group *__wrap_getgrnam(const char *name) {
        for (size_t i = 0; i < ELEMENTS(groups); i++)
                if (strcmp(groups[i].gr_name, name) == 0)
                        return &groups[i];
        return NULL;
}

struct group *__wrap_getgrgid(gid_t gid) {
        for (size_t i = 0; i < ELEMENTS(groups); i++)
                if (groups[i].gr_gid == gid)
                        return &groups[i];
        return NULL;
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size,
                struct passwd **ret) {
        const struct passwd *found = __wrap_getpwnam(name);

        if (strcmp(name, "broken") == 0)
                return EIO;
        *ret = NULL;
        if (!found)
                return 0;
        *entry = *found;
        *ret = entry;
        return 0;
}

int __wrap_getgrnam_r(const char *name, struct group *entry, char *buffer, size_t size,
                struct group **ret) {
        const struct group *found = __wrap_getgrnam(name);

        *ret = NULL;
        if (!found)
                return 0;
        *entry = *found;
        *ret = entry;
        return 0;
}
