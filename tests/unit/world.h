/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A network namespace for one test case, with a /sys of its own, and an outside view of its
 * contents: the tools of iproute2, ioctls, sysfs. The code under test is never asked to verify its
 * own claims.
 */

#include <net/if.h>
#include <stdbool.h>

#include "common/mac.h"

#define WORLD_SKIPPED 77

/* Whether the tests can run here: with /dev/net/tun, and as root or where ordinary users may have
 * user namespaces. Prints the reason if not. */
bool world_is_possible(void);

/* For a case that needs other users, or more kernel memory for a socket than root of a user
 * namespace may have: it is skipped there. */
void world_needs_the_hosts_root(void);

/* For cmocka: enters a new, empty world. The contents of the last one go with its last fd. */
int world_enter(void **state);

/* Runs a shell command, which must succeed. */
void world_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes the kernel send at least that many events, about two links in turn, so that none
 * supersedes the one before. */
void world_make_noise(unsigned events);

/* What the command prints, without the last newline; overwritten by the next call. It need not
 * succeed. */
const char *world_read(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Links in the world, the loopback among them. */
unsigned world_count_links(void);
bool world_has_link(const char *name);

/* 0: there is none. */
int world_ifindex(const char *name);
Mac world_mac(const char *name);
unsigned world_mtu(const char *name);

/* Whether the word is in the long description of the link, for example "locked on". */
bool world_link_says(const char *name, const char *words);

/* Waits up to two seconds for the link to be gone. */
bool world_loses_link(const char *name);

/* Open fds of this process. */
unsigned world_count_fds(void);
