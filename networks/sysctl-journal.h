/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which settings of IPv6 were changed, for which network, and what they were: so that several
 * networks can need the same one, and the last puts it back as it was. The journal is written down
 * before a setting is changed, and only then is anything forgotten: whenever the program is killed,
 * what is written can be undone.
 *
 * One file, for one process at a time: a line "NETWORK KEY BEFORE VALUE" for each need. A key is
 * INTERFACE/SETTING below /proc/sys/net/ipv6/conf.
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
        bool wanted; /* still needed by the network that is looked at */
        bool known;  /* it was settled before */
} Entry;

typedef struct SysctlJournal {
        int folder;         /* locked while it is open */
        bool leaves_undone; /* what somebody else has changed since stays as it is */
        bool undone;        /* there was any, after sysctl_apply() */
        size_t n;
        Entry entries[ENTRIES_MAX];
} SysctlJournal;

/* Waits for whoever has it. Lines that are none of ours are left out. -errno of open(2), flock(2)
 * and read; -ENOMEM. */
int sysctl_journal_open(SysctlJournal **ret, const char *folder);

/* Takes NULL. */
void sysctl_journal_close(SysctlJournal *journal);

/* For a need: the setting is to be afterwards what it is now, whatever happens to it in between. */
#define AS_IT_IS (-1)

/* A setting is needed by the network from now on. Notes it, and changes nothing yet. Nothing is
 * noted if the value was there before us, or if the interface is gone. -ENOSPC; -errno of reading
 * the setting. */
int sysctl_require(SysctlJournal *journal, const char *network, const char *interface,
                const char *setting, int value);

/* Whether we have changed it, for whatever network. */
bool sysctl_journal_has(const SysctlJournal *journal, const char *interface, const char *setting);

/* Writes the journal down, then the settings. What the network does not want any more is undone,
 * the latest first, unless another one needs it or somebody else has changed it since. -errno of
 * the first that failed; the others are done nevertheless. */
int sysctl_apply(SysctlJournal *journal, const char *network);

/* A setting as it is. -errno. */
int setting_read(const char *interface, const char *setting);
int setting_write(const char *interface, const char *setting, int value);
