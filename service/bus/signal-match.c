/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/signal-match.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "common/log.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* A name has up to 255 bytes, and a rule has five of them. */
#define RULE_SIZE 1536

struct SignalSender {
        const char *name;
        char *owner; /* its unique name; NULL: nobody, or not known yet */
        SignalMatch *owner_changed;
        sd_bus_slot *question;
};

struct SignalMatch {
        sd_bus_slot *slot;
        const SignalSender *sender; /* NULL: the bus */
        sd_bus_message_handler_t handler;
        void *userdata;
};

DEFINE_CLEANUP(SignalSender, signal_sender_free)
DEFINE_CLEANUP(SignalMatch, signal_match_free)

/* The bus fills in the sender of each message that it delivers, and nobody else can own
 * org.freedesktop.DBus. */
static bool is_genuine(const SignalMatch *match, sd_bus_message *signal) {
        const char *wanted = match->sender ? match->sender->owner : BUS_NAME;
        const char *sender = sd_bus_message_get_sender(signal);

        return wanted && sender && strcmp(sender, wanted) == 0;
}

static int on_signal(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const SignalMatch *match = userdata;

        return is_genuine(match, signal) ? match->handler(signal, match->userdata, error) : 0;
}

/* Without this callback, sd-bus would close the connection on a refusal. */
static int on_installed(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(answer);
        const SignalMatch *match = userdata;

        if (refusal)
                log_warning("The bus refuses to deliver the signals of %s: %s",
                                match->sender ? match->sender->name : BUS_NAME,
                                refusal->message ? refusal->message : refusal->name);
        return 0;
}

static int write_rule(const SignalRule *rule, const char *sender, char ret[static RULE_SIZE]) {
        int n = snprintf(ret, RULE_SIZE,
                        "type='signal',sender='%s',%s='%s',interface='%s',member='%s'", sender,
                        rule->path ? "path" : "path_namespace",
                        rule->path ? rule->path : rule->below, rule->interface, rule->member);

        if (n < RULE_SIZE && rule->arg0)
                n += snprintf(ret + n, RULE_SIZE - (size_t)n, ",arg0='%s'", rule->arg0);
        if (n < RULE_SIZE && rule->arg2)
                n += snprintf(ret + n, RULE_SIZE - (size_t)n, ",arg2='%s'", rule->arg2);
        return n < RULE_SIZE ? 0 : -ENOBUFS;
}

int signal_match_new(SignalMatch **ret, sd_bus *bus, const SignalSender *sender,
                const SignalRule *rule, sd_bus_message_handler_t handler, void *userdata) {
        _cleanup_(signal_match_freep) SignalMatch *match = calloc(1, sizeof(SignalMatch));
        char text[RULE_SIZE];
        int r;

        if (!match)
                return -ENOMEM;
        *match = (SignalMatch){ .sender = sender, .handler = handler, .userdata = userdata };
        r = write_rule(rule, sender ? sender->name : BUS_NAME, text);
        if (r >= 0)
                r = sd_bus_add_match_async(bus, &match->slot, text, on_signal, on_installed, match);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(match);
        return 0;
}

/* Matches the bus's own NameOwnerChanged. name: NULL: any. */
int signal_match_owner(SignalMatch **ret, sd_bus *bus, const char *name,
                sd_bus_message_handler_t handler, void *userdata) {
        const SignalRule rule = {
                .path = BUS_PATH,
                .interface = BUS_NAME,
                .member = "NameOwnerChanged",
                .arg0 = name,
        };

        return signal_match_new(ret, bus, NULL, &rule, handler, userdata);
}

int signal_match_departures(
                SignalMatch **ret, sd_bus *bus, sd_bus_message_handler_t handler, void *userdata) {
        const SignalRule rule = {
                .path = BUS_PATH,
                .interface = BUS_NAME,
                .member = "NameOwnerChanged",
                .arg2 = "",
        };

        return signal_match_new(ret, bus, NULL, &rule, handler, userdata);
}

SignalMatch *signal_match_free(SignalMatch *match) {
        if (!match)
                return NULL;
        sd_bus_slot_unref(match->slot);
        free(match);
        return NULL;
}

/* owner: "": nobody. If memory runs out, no signal is accepted. */
static void set_owner(SignalSender *sender, const char *owner) {
        free(sender->owner);
        sender->owner = *owner ? strdup(owner) : NULL;
}

static int on_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const char *owner;

        if (sd_bus_message_read(signal, "sss", NULL, NULL, &owner) > 0)
                set_owner(userdata, owner);
        return 0;
}

/* An error means that nobody owns it: NameOwnerChanged will report the next owner. */
static int on_owner(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(answer);
        SignalSender *sender = userdata;
        const char *owner;

        sender->question = sd_bus_slot_unref(sender->question);
        if (!refusal && sd_bus_message_read(answer, "s", &owner) > 0)
                set_owner(sender, owner);
        else if (refusal && !sd_bus_error_has_name(refusal, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                log_warning("The bus does not say who owns %s: %s", sender->name,
                                refusal->message ? refusal->message : refusal->name);
        return 0;
}

/* No signal can arrive too early to be recognised. The bus handles the messages of a connection in
 * order, and so delivers its answers in order: changes of the owner are matched before the owner is
 * asked for, and that is answered before any match for the sender's signals, which is added later,
 * takes effect. */
int signal_sender_new(SignalSender **ret, sd_bus *bus, const char *name) {
        _cleanup_(signal_sender_freep) SignalSender *sender = calloc(1, sizeof(SignalSender));
        int r;

        if (!sender)
                return -ENOMEM;
        sender->name = name;
        r = signal_match_owner(&sender->owner_changed, bus, name, on_owner_changed, sender);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, &sender->question, BUS_NAME, BUS_PATH, BUS_NAME,
                                "GetNameOwner", on_owner, sender, "s", name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(sender);
        return 0;
}

SignalSender *signal_sender_free(SignalSender *sender) {
        if (!sender)
                return NULL;
        signal_match_free(sender->owner_changed);
        sd_bus_slot_unref(sender->question);
        free(sender->owner);
        free(sender);
        return NULL;
}
