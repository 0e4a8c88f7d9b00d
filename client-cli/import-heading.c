/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "import-heading.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define PLAIN  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-" DIGITS

ImportHeading import_heading_all(void) {
        return (ImportHeading){ "[User *]" };
}

/* A name of digits only would be read as a number. */
static bool can_stand(const char *name) {
        size_t n = strlen(name);

        return n > 0 && n <= 32 && strspn(name, PLAIN) == n && strspn(name, DIGITS) < n;
}

/* The name, if asking for it gives the same number back; else NULL. */
static const char *find_name(bool group, id_t id) {
        const struct passwd *user = group ? NULL : getpwuid((uid_t)id);
        const struct group *entry = group ? getgrgid((gid_t)id) : NULL;
        const char *name = group ? entry ? entry->gr_name : NULL : user ? user->pw_name : NULL;

        return name && can_stand(name) ? name : NULL;
}

ImportHeading import_heading_of_id(bool group, id_t id) {
        const char *word = group ? "Group" : "User", *name = find_name(group, id);
        ImportHeading heading;
        id_t again;

        snprintf(heading.text, sizeof(heading.text), "[%s %u]", word, (unsigned)id);
        if (!name)
                return heading;
        {
                char kept[33];

                snprintf(kept, sizeof(kept), "%s", name); /* the next look-up writes over it */
                if (import_find_id(group, kept, &again) == 0 && again == id)
                        snprintf(heading.text, sizeof(heading.text), "[%s %s]", word, kept);
        }
        return heading;
}

int import_find_id(bool group, const char *name, id_t *ret) {
        const struct passwd *user = group ? NULL : getpwnam(name);
        const struct group *entry = group ? getgrnam(name) : NULL;

        if (group ? !entry : !user)
                return -ENOENT;
        *ret = group ? (id_t)entry->gr_gid : (id_t)user->pw_uid;
        return 0;
}
