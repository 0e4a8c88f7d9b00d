/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells systemd-resolved, where it runs, who knows the names of the guests of a network: the
 * network's own server, for its domain and for nothing else. Nobody may point the resolver of the
 * host at their network with a domain of their choice, so this is only done for networks that the
 * administrator has defined, and only for their own label below a domain that nobody else serves:
 * NAME.internal, NAME.home.arpa and NAME.test.
 *
 * polkit decides whether vnicd may (org.freedesktop.resolve1.set-*); a no is logged once, and costs
 * nothing but the names.
 *
 * Source: org.freedesktop.resolve1(5), SetLinkDefaultRoute(), SetLinkDomains(), SetLinkDNS().
 */

#include "api/context.h"

/* -ENOMEM, -errno of sd-bus */
int resolved_names_new(ResolvedNames **ret, Service *service);

/* Takes NULL. Returns NULL. */
ResolvedNames *resolved_names_free(ResolvedNames *names);

/* The network is up. resolved forgets it with its bridge. */
void resolved_names_register(ResolvedNames *names, const Network *network);
