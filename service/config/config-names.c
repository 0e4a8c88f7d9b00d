/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config/config-names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define DIGITS     "0123456789"
#define BUFFER_MAX ((size_t)16 * 1024 * 1024) /* a group may have many members */

/* -ENOMSG: it is not a number. The highest id means "none" to the kernel. */
static int parse_id(const char *text, id_t *ret) {
        unsigned long long value;

        if (*text == '\0' || text[strspn(text, DIGITS)] != '\0')
                return -ENOMSG;
        if (strlen(text) > 10 || (text[0] == '0' && text[1] != '\0'))
                return -EINVAL;
        value = strtoull(text, NULL, 10);
        if (value >= UINT32_MAX)
                return -EINVAL;
        *ret = (id_t)value;
        return 0;
}

static int ask_user(const char *name, char *buffer, size_t size, id_t *ret) {
        struct passwd entry, *found = NULL;
        int r = getpwnam_r(name, &entry, buffer, size, &found);

        if (found)
                *ret = entry.pw_uid;
        return found ? 0 : r > 0 ? -r : -ENOENT;
}

static int ask_group(const char *name, char *buffer, size_t size, id_t *ret) {
        struct group entry, *found = NULL;
        int r = getgrnam_r(name, &entry, buffer, size, &found);

        if (found)
                *ret = entry.gr_gid;
        return found ? 0 : r > 0 ? -r : -ENOENT;
}

static int find(const char *text,
                int (*ask)(const char *name, char *buffer, size_t size, id_t *ret), id_t *ret) {
        int r = parse_id(text, ret);

        if (r != -ENOMSG)
                return r;
        for (size_t size = 4096; size <= BUFFER_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);

                if (!buffer)
                        return -ENOMEM;
                r = ask(text, buffer, size, ret);
                if (r != -ERANGE)
                        break;
        }
        /* Some NSS modules report a missing entry by these; see getpwnam(3). */
        return r == -ESRCH || r == -EBADF || r == -EPERM ? -ENOENT : r == -EINVAL ? -EIO : r;
}

int config_find_user(const char *text, uid_t *ret) {
        return find(text, ask_user, ret);
}

int config_find_group(const char *text, gid_t *ret) {
        return find(text, ask_group, ret);
}
