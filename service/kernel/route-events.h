/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reports that the host's routes, its addresses, or what it forwards have changed. It is a
 * non-blocking socket of its own; a filter in the kernel leaves out what every interface has:
 * routes to the host's own addresses, and link-local ones. An event is only a hint: the caller asks
 * the kernel for the present state.
 */

#include "kernel/route.h"

typedef enum RouteEventKind {
        ROUTE_EVENT_NONE,
        ROUTE_EVENT_NEW,        /* a route was added or replaced */
        ROUTE_EVENT_GONE,       /* a route was removed */
        ROUTE_EVENT_ADDRESS,    /* some address of some link */
        ROUTE_EVENT_FORWARDING, /* forwarding of a device, which may be new, or gone */
        ROUTE_EVENT_LOST,       /* anything may have changed */
        ROUTE_EVENT_KIND_MAX,
} RouteEventKind;

typedef struct RouteEvent {
        RouteEventKind kind;
        Route route;
        int ifindex; /* for ROUTE_EVENT_FORWARDING; below 0: the host as a whole */
} RouteEvent;

/* An fd that polls readable when something has changed. The caller closes it. -errno of socket(2).
 */
int route_events_open(void);

/* Calls each() for pending events; if there are very many, the fd stays readable. */
typedef void (*route_event_t)(const RouteEvent *event, void *userdata);
void route_events_read(int fd, route_event_t each, void *userdata);
