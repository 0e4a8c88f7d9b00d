/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Delivers a signal only if its legitimate sender sent it.
 *
 * Any user may send any signal to any connection, and sd-bus calls the handler of a match without
 * comparing the sender: it cannot know who owns "org.freedesktop.DBus" or another well-known name.
 * So every match of the service is installed here. What the bus itself says must come from the bus;
 * what another service says must come from the unique name that owns that service's name now.
 */

#include <systemd/sd-bus.h>

/* Another service whose signals are heard, by its well-known name. */
typedef struct SignalSender SignalSender;

typedef struct SignalMatch SignalMatch;

/* Which signals. */
typedef struct SignalRule {
        const char *path, *interface, *member;
        const char *arg0, *arg2; /* the first and the third argument; NULL: any */
} SignalRule;

/* Asks who owns the name, and follows it from then on; waits for neither. name: must stay. -ENOMEM,
 * -errno of sd-bus. */
int signal_sender_new(SignalSender **ret, sd_bus *bus, const char *name);

/* After its matches. Takes NULL. Returns NULL. */
SignalSender *signal_sender_free(SignalSender *sender);

/* The handler may free the match. A match that the bus refuses delivers nothing; that of another
 * service is logged. sender: must outlive the match. -ENOBUFS: the rule is too long. -ENOMEM,
 * -errno of sd-bus. */
int signal_match_new(SignalMatch **ret, sd_bus *bus, const SignalSender *sender,
                const SignalRule *rule, sd_bus_message_handler_t handler, void *userdata);

/* The bus's own NameOwnerChanged, of whatever name has no owner any more: a unique name has then
 * left the bus. The same errors. */
int signal_match_departures(
                SignalMatch **ret, sd_bus *bus, sd_bus_message_handler_t handler, void *userdata);

/* Takes NULL. Returns NULL. */
SignalMatch *signal_match_free(SignalMatch *match);
