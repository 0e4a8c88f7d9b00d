/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One record of each user, by uid: a connection is no measure, since a user opens as many as they
 * like. What somebody has of anything that is limited is a UserCharge, which its destructor gives
 * back; nothing else counts up or down. Those who have nothing any more are remembered for a while,
 * for what they made, and what was written about them, of late.
 *
 * Where users wait for something, they take turns (FairQueue): a user with much to do waits for
 * their own, and the others do not wait for them.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "common/list.h"
#include "common/rate-limit.h"

/* The things that are limited; the limits are a table in user.c. */
typedef enum UserSlot {
        USER_QUEUED_CALLS,   /* that wait for their turn */
        USER_AUTHORIZATIONS, /* calls that wait for polkit, or for logind */
        USER_CHECKS,         /* what polkit is to be asked for them */
        USER_CHECKS_SENT,    /* what it is being asked, without a person */
        USER_PROMPTS,        /* what a person is being asked */
        USER_ENDPOINTS,      /* the configuration has the limits of these two (common/quota) */
        USER_QUEUES,
        USER_SLOT_MAX,
} UserSlot;

typedef enum UserLine {
        USER_LINE_CALLS,
        USER_LINE_CHECKS,
        USER_LINE_MAX,
} UserLine;

typedef enum UserLog {
        USER_LOG_DECISIONS,
        USER_LOG_TAMPERING,
        USER_LOG_MAX,
} UserLog;

typedef struct Users {
        void *by_uid; /* tsearch(3) */
        List idle;    /* User.link, in the order in which they became so */
        unsigned n_idle;
        unsigned held[USER_SLOT_MAX];
} Users;

typedef struct User {
        List link;
        Users *users;
        uid_t uid;
        unsigned refs;
        unsigned held[USER_SLOT_MAX];
        struct {
                List turn;    /* FairQueue.users */
                List waiting; /* as they came */
        } lines[USER_LINE_MAX];
        RateLimit creations; /* of endpoints, of late */
        struct {
                RateLimit lines;
                unsigned left_out; /* lines since the last that was written */
        } logs[USER_LOG_MAX];
} User;

/* NULL: out of memory. */
Users *users_new(void);

/* No user may be held any more. Takes NULL. Returns NULL. */
Users *users_free(Users *users);

/* NULL: nothing is known of them. */
User *user_find(const Users *users, uid_t uid);

/* Holds the user until user_put(). NULL: out of memory. */
User *user_get(Users *users, uid_t uid);

/* Takes NULL. Returns NULL. */
User *user_put(User *user);

typedef struct UserCharge {
        User *user; /* held; NULL: nothing is charged */
        unsigned *of_connection;
        UserSlot slot;
} UserCharge;

/* Whether one more would be refused. */
bool user_is_full(const User *user, UserSlot slot);

/* One more. of_connection: how many of it their connection has; must stay. NULL: that is not
 * counted. -EUSERS: there are enough of the connection, of the user, or of all. */
int user_charge(User *user, UserSlot slot, unsigned *of_connection, UserCharge *ret);

/* Gives it back. */
void user_charge_done(UserCharge *charge);

typedef struct FairQueue {
        List users; /* User.lines[].turn, whose turn it is first; some may have nothing any more */
        UserLine line;
} FairQueue;

void fair_queue_init(FairQueue *queue, UserLine line);

/* Nothing may wait any more. */
void fair_queue_done(FairQueue *queue);

/* Last of what waits for the user, who must be held as long as it does. */
void fair_queue_push(FairQueue *queue, User *user, List *item);

bool fair_queue_is_empty(FairQueue *queue);

/* Takes the first item of the user whose turn it is, among the users with room for more in the slot
 * (USER_SLOT_MAX: all have it). NULL: there is none. */
List *fair_queue_take(FairQueue *queue, UserSlot slot);
