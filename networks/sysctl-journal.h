/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Records which IPv6 settings were changed, for which network, and their values before: so that
 * several networks can need the same setting, and the last one restores it. An entry is written
 * before its setting is changed, and removed after the setting is restored: whenever the program is
 * killed, whatever was changed can be undone.
 *
 * It is one file, used by one process at a time, with a line "NETWORK KEY BEFORE VALUE" for each
 * requirement. A key is INTERFACE/SETTING below /proc/sys/net/ipv6/conf.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#define KEY_SIZE    40 /* a name and the longest setting */
#define ENTRIES_MAX 4096

typedef struct Entry {
        char network[IFNAMSIZ];
        char key[KEY_SIZE];
        int before, value;
        bool wanted; /* still required by the network being applied */
        bool known;  /* it was in the journal before */
} Entry;

typedef struct SysctlJournal {
        int folder;         /* locked while it is open */
        bool leaves_undone; /* do not restore what somebody else has changed since */
        bool undone;        /* after sysctl_apply(): there was such a change */
        size_t n;
        Entry entries[ENTRIES_MAX];
} SysctlJournal;

/* Waits for the lock. Ignores lines that are not ours. -errno of open(2), flock(2) and read;
 * -ENOMEM. */
int sysctl_journal_open(SysctlJournal **ret, const char *folder);

/* Takes NULL. */
void sysctl_journal_close(SysctlJournal *journal);

/* A value for sysctl_require(): the setting must keep its present value, whatever happens to it in
 * between. */
#define AS_IT_IS (-1)

/* Records that the network requires the setting from now on, but does not change it yet. Records
 * nothing if the setting had that value before us, or if the interface is gone. -ENOSPC; -errno of
 * reading the setting. */
int sysctl_require(SysctlJournal *journal, const char *network, const char *interface,
                const char *setting, int value);

/* Whether we have changed it, for any network. */
bool sysctl_journal_has(const SysctlJournal *journal, const char *interface, const char *setting);

/* Writes the journal, then the settings. Settings that the network no longer requires are restored,
 * the latest first, unless another network requires them or somebody else has changed them since.
 * -errno of the first failure; the others are still processed. */
int sysctl_apply(SysctlJournal *journal, const char *network);

/* Reads or writes a setting. -errno. */
int setting_read(const char *interface, const char *setting);
int setting_write(const char *interface, const char *setting, int value);
