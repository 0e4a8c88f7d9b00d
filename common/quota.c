/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/quota.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/list.h"
#include "common/rate-limit.h"

#define BURST_USEC (QUOTA_BURST_SEC * UINT64_C(1000000))

/* One user; exists as long as something is charged to them, or their recent creations count. */
struct Account {
        List idle; /* Quota.idle, while nothing is charged */
        uid_t uid;
        unsigned endpoints, queues;
        unsigned charges;
        RateLimit creations; /* of late */
        Quota *quota;
};

struct Quota {
        void *accounts; /* tsearch(3), by uid */
        List idle;      /* Account.idle */
};

static int compare_uids(const void *a, const void *b) {
        const Account *x = a, *y = b;

        return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static void account_free(Account *account) {
        tdelete(account, &account->quota->accounts, compare_uids);
        list_unlink(&account->idle);
        free(account);
}

int quota_new(Quota **ret) {
        Quota *quota = calloc(1, sizeof(Quota));

        if (!quota)
                return -ENOMEM;
        list_init(&quota->idle);
        *ret = quota;
        return 0;
}

Quota *quota_free(Quota *quota) {
        if (!quota)
                return NULL;
        LIST_FOREACH_SAFE(&quota->idle, node)
                account_free(container_of(node, Account, idle));
        free(quota);
        return NULL;
}

/* Frees accounts that have been idle the longest and whose creations no longer count. */
static void forget_idle(Quota *quota) {
        uint64_t now = clock_now_usec();

        LIST_FOREACH_SAFE(&quota->idle, node) {
                Account *account = container_of(node, Account, idle);

                if (account->creations.theoretical_arrival > now)
                        return;
                account_free(account);
        }
}

static Account *find_account(Quota *quota, uid_t uid) {
        const Account key = { .uid = uid };
        Account **found = tfind(&key, &quota->accounts, compare_uids);

        return found ? *found : NULL;
}

static uint64_t cost_usec(const Limits *limits) {
        return BURST_USEC / (limits->creations > 0 ? limits->creations : 1);
}

static bool may_create(const Account *account, const Limits *limits) {
        return limits->creations > 0 &&
                        rate_limit_has_room(&account->creations, clock_now_usec(),
                                        cost_usec(limits), BURST_USEC);
}

int quota_check(Quota *quota, uid_t uid, const Limits *limits, unsigned endpoints, unsigned queues,
                Failure *failure) {
        const Account nothing = { .uid = uid };
        const Account *found = find_account(quota, uid);
        const Account *account = found ? found : &nothing;

        if (uid == 0)
                return 0;
        if (endpoints > 0 && account->endpoints + endpoints > limits->endpoints)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u endpoints, and %u is the most you may have. Release one first.",
                                account->endpoints, limits->endpoints);
        if (account->queues + queues > limits->queues)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u queues and asked for %u more; %u is the most you may have. Ask for fewer, or release an endpoint first.",
                                account->queues, queues, limits->queues);
        if (endpoints > 0 && !may_create(account, limits))
                return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                                "You may create %u endpoints in %u seconds, and have just done so. Wait a little.",
                                limits->creations, QUOTA_BURST_SEC);
        return 0;
}

static Account *make_account(Quota *quota, uid_t uid) {
        Account *account = calloc(1, sizeof(Account));

        if (!account)
                return NULL;
        forget_idle(quota);
        list_init(&account->idle);
        account->uid = uid;
        account->quota = quota;
        if (!tsearch(account, &quota->accounts, compare_uids)) {
                free(account);
                return NULL;
        }
        return account;
}

static Account *get_account(Quota *quota, uid_t uid) {
        Account *account = find_account(quota, uid);

        return account ? account : make_account(quota, uid);
}

int quota_count_creation(Quota *quota, uid_t uid, const Limits *limits) {
        Account *account;

        if (uid == 0)
                return 0;
        account = get_account(quota, uid);
        if (!account)
                return -ENOMEM;
        rate_limit_spend(&account->creations, clock_now_usec(), cost_usec(limits));
        if (account->charges == 0 && list_is_empty(&account->idle))
                list_append(&quota->idle, &account->idle);
        return 0;
}

int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret) {
        Account *account = get_account(quota, uid);

        if (!account)
                return -ENOMEM;
        list_unlink(&account->idle);
        account->charges++;
        account->endpoints += endpoints;
        account->queues += queues;
        *ret = (Charge){ .account = account, .endpoints = endpoints, .queues = queues };
        return 0;
}

void charge_set_queues(Charge *charge, unsigned queues) {
        if (!charge->account)
                return;
        charge->account->queues += queues - charge->queues;
        charge->queues = queues;
}

void charge_done(Charge *charge) {
        Account *account = charge->account;

        if (!account)
                return;
        account->endpoints -= charge->endpoints;
        account->queues -= charge->queues;
        *charge = CHARGE_INIT;
        if (--account->charges > 0)
                return;
        list_append(&account->quota->idle, &account->idle);
        forget_idle(account->quota);
}
