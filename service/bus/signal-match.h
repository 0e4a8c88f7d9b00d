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

/* Another service whose signals we receive, by its well-known name. */
typedef struct SignalSender SignalSender;

typedef struct SignalMatch SignalMatch;

typedef struct SignalRule {
        const char *path, *interface, *member;
        const char *below;       /* in place of the path: this object and all below it */
        const char *arg0, *arg2; /* the first and the third argument; NULL: any */
} SignalRule;

/* Asks who owns the name, and follows changes from then on, without blocking. name: must outlive
 * the sender. -ENOMEM, -errno of sd-bus. */
int signal_sender_new(SignalSender **ret, sd_bus *bus, const char *name);

/* Call after its matches are freed. Takes NULL. Returns NULL. */
SignalSender *signal_sender_free(SignalSender *sender);

/* The handler may free the match. A match that the bus refuses delivers nothing; a refusal is
 * logged. sender: must outlive the match. -ENOBUFS: the rule is too long. -ENOMEM, -errno of
 * sd-bus. */
int signal_match_new(SignalMatch **ret, sd_bus *bus, const SignalSender *sender,
                const SignalRule *rule, sd_bus_message_handler_t handler, void *userdata);

/* Matches the bus's own NameOwnerChanged for any name that loses its owner: if it is a unique name,
 * that connection has left the bus. The same errors. */
int signal_match_departures(
                SignalMatch **ret, sd_bus *bus, sd_bus_message_handler_t handler, void *userdata);

/* Matches the bus's own NameOwnerChanged of that well-known name. The same errors. */
int signal_match_owner(SignalMatch **ret, sd_bus *bus, const char *name,
                sd_bus_message_handler_t handler, void *userdata);

/* Takes NULL. Returns NULL. */
SignalMatch *signal_match_free(SignalMatch *match);
