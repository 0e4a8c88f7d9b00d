/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel's notifications about links and their addresses, about FDB entries that bridges lose,
 * and about rules deleted at their egress: a non-blocking socket of its own, with a large buffer. A
 * filter in the kernel leaves out what bridges learn and forget by themselves, frame by frame. The
 * kernel drops what does not fit and says so once; the caller must then compare what it knows with
 * a dump.
 */

#include <stdbool.h>

#include "kernel/link.h"

typedef struct LinkEvents LinkEvents;

typedef enum LinkEvent {
        LINK_IS,          /* the present state of the link */
        LINK_GONE,        /* it has been deleted, or has left this network namespace */
        LINK_PORT_IS_NEW, /* its bridge reports the port: of *link only the ifindex, the VLANs and
                             the state of the port are valid */
        LINK_FDB_GONE,   /* a bridge has forgotten a MAC that was set, not learnt: of *link only the
                               ifindex of its port and the MAC are valid */
        LINK_RULES_GONE, /* somebody has deleted tc rules at its egress: of *link only the ifindex
                            is valid */
        LINK_ADDRESS,    /* the link has got or lost an address of a wider scope than the link, or
                            one has changed: of *link only the ifindex is valid */
        LINK_EVENT_MAX,
} LinkEvent;

typedef void (*link_event_t)(const LinkInfo *link, LinkEvent event, void *userdata);

/* -errno of socket(2). */
int link_events_open(LinkEvents **ret);
LinkEvents *link_events_close(LinkEvents *events);

/* Polls readable when there is something to read. */
int link_events_fd(const LinkEvents *events);

/* Reads one or two batches and calls event for each message, except for those that the next one
 * supersedes (rtnl_is_superseded()). 1: there may be more. 0: that was all. -ENOBUFS: messages were
 * lost. Other -errno of recv(2). */
int link_events_read(LinkEvents *events, link_event_t event, void *userdata);
