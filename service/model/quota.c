/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/quota.h"

#include <errno.h>
#include <search.h>

#include "util/cleanup.h"

/* One user; exists as long as something is charged to him. */
struct Account {
        uid_t uid;
        unsigned endpoints, queues;
        unsigned charges;
        Quota *quota;
};

struct Quota {
        void *accounts; /* tsearch(3), by uid */
};

static int compare_uids(const void *a, const void *b) {
        const Account *x = a, *y = b;

        return x->uid < y->uid ? -1 : x->uid > y->uid;
}

int quota_new(Quota **ret) {
        *ret = calloc(1, sizeof(Quota));
        return *ret ? 0 : -ENOMEM;
}

Quota *quota_free(Quota *quota) {
        free(quota);
        return NULL;
}

static Account *find_account(Quota *quota, uid_t uid) {
        const Account key = { .uid = uid };
        Account **found = tfind(&key, &quota->accounts, compare_uids);

        return found ? *found : NULL;
}

int quota_check(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Failure *failure) {
        const Account nothing = { .uid = uid };
        const Account *found = find_account(quota, uid);
        const Account *account = found ? found : &nothing;

        if (uid == 0)
                return 0;
        if (endpoints > 0 && account->endpoints + endpoints > QUOTA_ENDPOINTS_PER_USER)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u endpoints, and %u is the most a user may have. "
                                "Release one first.",
                                account->endpoints, QUOTA_ENDPOINTS_PER_USER);
        if (account->queues + queues > QUOTA_QUEUES_PER_USER)
                return failure_set(failure, FAILURE_QUOTA_EXCEEDED, EDQUOT,
                                "You have %u queues and asked for %u more; %u is the most a user "
                                "may "
                                "have. Ask for fewer, or release an endpoint first.",
                                account->queues, queues, QUOTA_QUEUES_PER_USER);
        return 0;
}

static Account *make_account(Quota *quota, uid_t uid) {
        Account *account = calloc(1, sizeof(Account));

        if (!account)
                return NULL;
        account->uid = uid;
        account->quota = quota;
        if (!tsearch(account, &quota->accounts, compare_uids)) {
                free(account);
                return NULL;
        }
        return account;
}

int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret) {
        Account *account = find_account(quota, uid);

        if (!account)
                account = make_account(quota, uid);
        if (!account)
                return -ENOMEM;
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
        tdelete(account, &account->quota->accounts, compare_uids);
        free(account);
}
