/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * That the default routes of the host have changed, what it reaches without a gateway, or what it forwards: a
 * socket of its own, never blocking, with a filter in the kernel that leaves all other routes out, those of a
 * routing protocol above all, and link-local ones, which each interface has. It does not say what has
 * changed; who wants to know looks.
 */

/* An fd that polls readable when something has changed. The caller closes it. -errno of socket(2). */
int route_events_open(void);

/* Reads all there is. */
void route_events_drain(int fd);
