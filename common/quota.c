/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/quota.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define BURST_USEC (QUOTA_BURST_SEC * UINT64_C(1000000))

struct Quota {
        Users *users;
};

int quota_new(Quota **ret) {
        _cleanup_free_ Quota *quota = calloc(1, sizeof(Quota));

        if (quota)
                quota->users = users_new();
        if (!quota || !quota->users)
                return -ENOMEM;
        *ret = TAKE_PTR(quota);
        return 0;
}

Quota *quota_free(Quota *quota) {
        if (!quota)
                return NULL;
        users_free(quota->users);
        free(quota);
        return NULL;
}

static uint64_t cost_usec(const Limits *limits) {
        return BURST_USEC / (limits->creations > 0 ? limits->creations : 1);
}

static bool may_create(const User *user, const Limits *limits) {
        return limits->creations > 0 &&
                        rate_limit_has_room(&user->creations, clock_now_usec(), cost_usec(limits),
                                        BURST_USEC);
}

int quota_check(Quota *quota, uid_t uid, const Limits *limits, unsigned endpoints, unsigned queues,
                Failure *failure) {
        const User nothing = { .uid = uid }, *found = user_find(quota->users, uid);
        const User *user = found ? found : &nothing;

        if (uid == 0)
                return 0;
        if (endpoints > 0 && user->held[USER_ENDPOINTS] + endpoints > limits->endpoints)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u endpoints, and %u is the most you may have. Release one first.",
                                user->held[USER_ENDPOINTS], limits->endpoints);
        if (user->held[USER_QUEUES] + queues > limits->queues)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u queues and asked for %u more; %u is the most you may have. Ask for fewer, or release an endpoint first.",
                                user->held[USER_QUEUES], queues, limits->queues);
        if (endpoints > 0 && !may_create(user, limits))
                return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "You may create %u endpoints in %u seconds, and have just done so. Wait a little.",
                                limits->creations, QUOTA_BURST_SEC);
        return 0;
}

int quota_count_creation(Quota *quota, uid_t uid, const Limits *limits) {
        User *user;

        if (uid == 0)
                return 0;
        user = user_get(quota->users, uid);
        if (!user)
                return -ENOMEM;
        rate_limit_spend(&user->creations, clock_now_usec(), cost_usec(limits));
        user_put(user);
        return 0;
}

int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret) {
        User *user = user_get(quota->users, uid);

        if (!user)
                return -ENOMEM;
        user->held[USER_ENDPOINTS] += endpoints;
        user->held[USER_QUEUES] += queues;
        *ret = (Charge){ .user = user, .endpoints = endpoints, .queues = queues };
        return 0;
}

void charge_set_queues(Charge *charge, unsigned queues) {
        if (!charge->user)
                return;
        charge->user->held[USER_QUEUES] += queues - charge->queues;
        charge->queues = queues;
}

void charge_done(Charge *charge) {
        if (!charge->user)
                return;
        charge->user->held[USER_ENDPOINTS] -= charge->endpoints;
        charge->user->held[USER_QUEUES] -= charge->queues;
        user_put(charge->user);
        *charge = CHARGE_INIT;
}
