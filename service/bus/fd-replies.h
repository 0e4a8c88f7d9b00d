/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Replies that carry queue fds, while they are in flight. dbus-daemon does not deliver fds to a
 * connection that did not negotiate them: it sends an error to the service, as the reply to its
 * reply, and tells the client nothing. sd-bus drops such errors unless a filter looks for them. So
 * the service remembers the cookie of each reply with fds for a moment: if the bus refuses that
 * reply, the client gets an error at once, and a tap that was made for it is deleted. (dbus-broker
 * disconnects such a client instead.)
 */

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct FdReplies FdReplies;

/* The tap whose queues a reply carries. */
typedef struct SentQueues {
        uint32_t nonce;  /* of the tap */
        bool is_new_tap; /* made by the call, so it has to go if nobody receives its queues */
        unsigned given;  /* queues that the call has added to those of an existing tap */
} SentQueues;

/* lost() is called when the bus has refused the reply with them. The bus must be attached to its
 * loop. -ENOMEM, -errno of sd-bus and sd-event. */
int fd_replies_new(FdReplies **ret, sd_bus *bus,
                void (*lost)(const SentQueues *sent, void *userdata), void *userdata);

/* Takes NULL. Returns NULL. */
FdReplies *fd_replies_free(FdReplies *replies);

/* Sends the reply to the call. -errno of sd-bus: the reply was not sent. */
int fd_replies_send(FdReplies *replies, sd_bus_message *call, sd_bus_message *reply,
                const SentQueues *sent);
