/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespaces for the benchmark, and a tap with an address in each. A tap and a socket stay in the
 * network namespace in which they were created, wherever the process goes later: so one process can
 * create both sides in turn.
 */

/* Moves this process to a user namespace of its own, where it may create network namespaces and
 * taps. Negative errno of unshare(2) or of writing the user mapping. */
int bench_space_enter(void);

/* Moves this process to a new, empty network namespace. Negative errno of unshare(2). */
int bench_space_new_net(void);

/* Creates a tap in the network namespace of this process; the fd is non-blocking. tun_flags is
 * IFF_VNET_HDR or 0, in addition to the usual flags; offloads are TUN_F_* bits (linux/if_tun.h).
 * Returns the fd or the negative errno of open(2) or of the ioctls. */
int bench_space_open_tap(const char *name, int tun_flags, unsigned offloads);

/* Gives the interface an IPv4 address in a /24 and sets it up. Negative errno of the ioctls. */
int bench_space_set_up(const char *name, const char *address);
