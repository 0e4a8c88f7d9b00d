/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/fd-replies.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "bus/bus-cleanup.h"
#include "common/bus-error.h"
#include "common/clock.h"
#include "common/log.h"

/* The bus refuses a reply as soon as it has read it; it may be busy. */
#define IN_FLIGHT_USEC (5 * USEC_PER_SEC)
#define ACCURACY_USEC  USEC_PER_SEC

/* Each holds a call of at most 64 KiB (bus/message-size.h). If there are more in flight, a client
 * that cannot receive fds waits until its own call times out. */
#define IN_FLIGHT_MAX 64

typedef struct InFlight {
        sd_bus_message *call; /* NULL: this slot is free */
        uint64_t cookie;      /* of the reply */
        uint64_t expires_usec;
        SentQueues sent;
} InFlight;

struct FdReplies {
        sd_bus_slot *filter;
        sd_event_source *timer;
        InFlight in_flight[IN_FLIGHT_MAX]; /* a ring: the oldest is at next */
        size_t next;
        void (*lost)(const SentQueues *sent, void *userdata);
        void *userdata;
};

DEFINE_CLEANUP(FdReplies, fd_replies_free)

static void in_flight_clear(InFlight *one) {
        sd_bus_message_unref(one->call);
        *one = (InFlight){ .call = NULL };
}

static InFlight *find(FdReplies *replies, uint64_t cookie) {
        for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
                if (replies->in_flight[i].call && replies->in_flight[i].cookie == cookie)
                        return &replies->in_flight[i];
        return NULL;
}

/* dbus-daemon considers the call answered and no longer expects this error: our bus policy
 * (org.vnicd1.conf) lets it pass, by its name. */
static void answer(sd_bus_message *call) {
        const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(error_name(FAILURE_NOT_SUPPORTED),
                        "Your connection did not negotiate the passing of file descriptors, so the queues could not be handed over and were closed. Turn it on in your D-Bus binding before it connects.");
        int r = sd_bus_reply_method_error(call, &error);

        if (r < 0)
                log_warning("Cannot tell a client that its queues were lost: %s", strerror(-r));
}

/* Only the bus itself refuses messages, and nobody else can send under its name. Whatever its
 * reason, nobody has received the queues; a client that has left is not told. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *sender = sd_bus_message_get_sender(message);
        FdReplies *replies = userdata;
        InFlight *lost;
        uint64_t cookie;

        if (!sd_bus_message_is_method_error(message, NULL) || !sender ||
                        strcmp(sender, "org.freedesktop.DBus") != 0 ||
                        sd_bus_message_get_reply_cookie(message, &cookie) < 0)
                return 0;
        lost = find(replies, cookie);
        if (!lost)
                return 0;
        replies->lost(&lost->sent, replies->userdata);
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_NOT_SUPPORTED))
                answer(lost->call);
        in_flight_clear(lost);
        return 1;
}

/* Drops those that have expired; the timer waits for the others. */
static int on_time(sd_event_source *source, uint64_t usec, void *userdata) {
        FdReplies *replies = userdata;
        uint64_t now = clock_now_usec(), first = UINT64_MAX;

        for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
                InFlight *one = &replies->in_flight[i];

                if (one->call && one->expires_usec <= now)
                        in_flight_clear(one);
                if (one->call && one->expires_usec < first)
                        first = one->expires_usec;
        }
        if (first == UINT64_MAX)
                return 0;
        sd_event_source_set_time(source, first);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int fd_replies_new(FdReplies **ret, sd_bus *bus,
                void (*lost)(const SentQueues *sent, void *userdata), void *userdata) {
        _cleanup_(fd_replies_freep) FdReplies *replies = calloc(1, sizeof(FdReplies));
        int r;

        if (!replies)
                return -ENOMEM;
        replies->lost = lost;
        replies->userdata = userdata;
        r = sd_event_add_time(sd_bus_get_event(bus), &replies->timer, CLOCK_MONOTONIC, UINT64_MAX,
                        ACCURACY_USEC, on_time, replies);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(replies->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_bus_add_filter(bus, &replies->filter, on_message, replies);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(replies);
        return 0;
}

FdReplies *fd_replies_free(FdReplies *replies) {
        if (!replies)
                return NULL;
        sd_bus_slot_unref(replies->filter);
        sd_event_source_disable_unref(replies->timer);
        for (size_t i = 0; i < IN_FLIGHT_MAX; i++)
                in_flight_clear(&replies->in_flight[i]);
        free(replies);
        return NULL;
}

/* Errors do no harm: without the timer the calls would only be held for longer. */
static void start_timer(FdReplies *replies, uint64_t usec) {
        int enabled;

        if (sd_event_source_get_enabled(replies->timer, &enabled) > 0)
                return;
        if (sd_event_source_set_time(replies->timer, usec) >= 0)
                sd_event_source_set_enabled(replies->timer, SD_EVENT_ONESHOT);
}

int fd_replies_send(FdReplies *replies, sd_bus_message *call, sd_bus_message *reply,
                const SentQueues *sent) {
        InFlight *one = &replies->in_flight[replies->next];
        uint64_t cookie;
        int r = sd_bus_message_send(reply);

        if (r < 0 || sd_bus_message_get_cookie(reply, &cookie) < 0)
                return r;
        in_flight_clear(one);
        *one = (InFlight){
                .call = sd_bus_message_ref(call),
                .cookie = cookie,
                .expires_usec = clock_now_usec() + IN_FLIGHT_USEC,
                .sent = *sent,
        };
        replies->next = (replies->next + 1) % IN_FLIGHT_MAX;
        start_timer(replies, one->expires_usec);
        return r;
}
