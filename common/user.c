/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/user.h"

#include <errno.h>
#include <limits.h>
#include <search.h>
#include <stdlib.h>

#include "common/clock.h"

/* More are remembered only while their creations count. */
#define IDLE_MAX 64

/* Checks and prompts together stay well below the 128 replies that the system bus lets a connection
 * wait for: it refuses the next call, which would read as polkit's no to somebody else. */
static const struct {
        unsigned of_connection, of_user, of_all;
} limits[USER_SLOT_MAX] = {
        [USER_QUEUED_CALLS] = { UINT_MAX, 512, UINT_MAX },
        [USER_AUTHORIZATIONS] = { 32, 64, 256 },
        [USER_CHECKS] = { UINT_MAX, 4096, UINT_MAX },
        [USER_CHECKS_SENT] = { UINT_MAX, 16, 64 },
        [USER_PROMPTS] = { 1, 2, 32 },
};

Users *users_new(void) {
        Users *users = calloc(1, sizeof(Users));

        if (!users)
                return NULL;
        list_init(&users->idle);
        return users;
}

static int compare_uids(const void *a, const void *b) {
        const User *x = a, *y = b;

        return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void user_free(User *user) {
        tdelete(user, &user->users->by_uid, compare_uids);
        for (size_t i = 0; i < USER_LINE_MAX; i++)
                list_unlink(&user->lines[i].turn);
        list_unlink(&user->link);
        free(user);
}

Users *users_free(Users *users) {
        if (!users)
                return NULL;
        LIST_FOREACH_SAFE(&users->idle, node)
                user_free(container_of(node, User, link));
        free(users);
        return NULL;
}

User *user_find(const Users *users, uid_t uid) {
        const User key = { .uid = uid };
        User **found = tfind(&key, &users->by_uid, compare_uids);

        return found ? *found : NULL;
}

/* NULL: out of memory. */
static User *user_new(Users *users, uid_t uid) {
        User *user = calloc(1, sizeof(User));

        if (!user)
                return NULL;
        user->users = users;
        user->uid = uid;
        list_init(&user->link);
        for (size_t i = 0; i < USER_LINE_MAX; i++) {
                list_init(&user->lines[i].turn);
                list_init(&user->lines[i].waiting);
        }
        if (tsearch(user, &users->by_uid, compare_uids))
                return user;
        free(user);
        return NULL;
}

User *user_get(Users *users, uid_t uid) {
        User *user = user_find(users, uid);

        if (!user)
                user = user_new(users, uid);
        if (!user)
                return NULL;
        users->n_idle -= !list_is_empty(&user->link);
        list_unlink(&user->link);
        user->refs++;
        return user;
}

/* Frees the users that became idle first. */
static void forget_idle(Users *users) {
        const uint64_t now = clock_now_usec();

        while (users->n_idle > IDLE_MAX) {
                User *user = container_of(users->idle.next, User, link);

                if (user->creations.theoretical_arrival > now)
                        return;
                users->n_idle--;
                user_free(user);
        }
}

User *user_put(User *user) {
        Users *users;

        if (!user || --user->refs > 0)
                return NULL;
        users = user->users;
        list_append(&users->idle, &user->link);
        users->n_idle++;
        forget_idle(users);
        return NULL;
}

bool user_is_full(const User *user, UserSlot slot) {
        return user->held[slot] >= limits[slot].of_user ||
                        user->users->held[slot] >= limits[slot].of_all;
}

int user_charge(User *user, UserSlot slot, unsigned *of_connection, UserCharge *ret) {
        if (user_is_full(user, slot) ||
                        (of_connection && *of_connection >= limits[slot].of_connection))
                return -EUSERS;
        user->refs++;
        user->held[slot]++;
        user->users->held[slot]++;
        if (of_connection)
                (*of_connection)++;
        *ret = (UserCharge){ .user = user, .of_connection = of_connection, .slot = slot };
        return 0;
}

void user_charge_done(UserCharge *charge) {
        User *user = charge->user;

        if (!user)
                return;
        user->held[charge->slot]--;
        user->users->held[charge->slot]--;
        if (charge->of_connection)
                (*charge->of_connection)--;
        *charge = (UserCharge){ .user = NULL };
        user_put(user);
}

void fair_queue_init(FairQueue *queue, UserLine line) {
        list_init(&queue->users);
        queue->line = line;
}

void fair_queue_done(FairQueue *queue) {
        LIST_FOREACH_SAFE(&queue->users, turn)
                list_unlink(turn);
}

void fair_queue_push(FairQueue *queue, User *user, List *item) {
        list_append(&user->lines[queue->line].waiting, item);
        if (list_is_empty(&user->lines[queue->line].turn))
                list_append(&queue->users, &user->lines[queue->line].turn);
}

static User *user_of(const FairQueue *queue, List *turn) {
        char *lines = (char *)turn - queue->line * sizeof(((User *)0)->lines[0]);

        return container_of((List *)(void *)lines, User, lines[0].turn);
}

/* A user for whom nothing waits any more leaves the queue. */
static bool has_something(const FairQueue *queue, List *turn) {
        if (!list_is_empty(&user_of(queue, turn)->lines[queue->line].waiting))
                return true;
        list_unlink(turn);
        return false;
}

bool fair_queue_is_empty(FairQueue *queue) {
        LIST_FOREACH_SAFE(&queue->users, turn)
                if (has_something(queue, turn))
                        return false;
        return true;
}

List *fair_queue_take(FairQueue *queue, UserSlot slot) {
        LIST_FOREACH_SAFE(&queue->users, turn) {
                User *user = user_of(queue, turn);
                List *waiting = &user->lines[queue->line].waiting, *first = waiting->next;

                if (!has_something(queue, turn) ||
                                (slot < USER_SLOT_MAX && user_is_full(user, slot)))
                        continue;
                list_unlink(first);
                list_unlink(turn);
                if (!list_is_empty(waiting))
                        list_append(&queue->users, turn);
                return first;
        }
        return NULL;
}
