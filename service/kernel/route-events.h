/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * That the routes of the host, its addresses, or what it forwards have changed: a socket of its
 * own, never blocking, with a filter in the kernel that leaves out what each interface has: the
 * routes to the host's own addresses, and link-local ones. An event is a hint; what is so now is
 * asked of the kernel.
 */

#include "kernel/route.h"

typedef enum RouteEventKind {
        ROUTE_EVENT_NONE,
        ROUTE_EVENT_NEW,        /* a route, or another in the place of one */
        ROUTE_EVENT_GONE,       /* likewise */
        ROUTE_EVENT_ADDRESS,    /* some address of some link */
        ROUTE_EVENT_FORWARDING, /* of a device, which may be new, or gone */
        ROUTE_EVENT_LOST,       /* anything may have changed */
        ROUTE_EVENT_KIND_MAX,
} RouteEventKind;

typedef struct RouteEvent {
        RouteEventKind kind;
        Route route;
        int ifindex; /* of ROUTE_EVENT_FORWARDING; below 0: the host as a whole */
} RouteEvent;

/* An fd that polls readable when something has changed. The caller closes it. -errno of socket(2).
 */
int route_events_open(void);

/* Those that are there; if there are very many, the fd stays readable. */
typedef void (*route_event_t)(const RouteEvent *event, void *userdata);
void route_events_read(int fd, route_event_t each, void *userdata);
