/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of the host one user may hold, by uid: a connection is no measure, a user opens as many
 * as he likes. What is held is an object, a Charge, which its destructor gives back; nothing else
 * counts up or down. Root is counted but not held to the limits.
 */

#include <sys/types.h>

#include "util/failure.h"

#define QUOTA_ENDPOINTS_PER_USER 32
#define QUOTA_QUEUES_PER_USER    64

typedef struct Quota Quota;
typedef struct Account Account;

typedef struct Charge {
        Account *account; /* NULL: nothing is charged */
        unsigned endpoints, queues;
} Charge;

#define CHARGE_INIT                                                                                \
        (Charge) {                                                                                 \
                .account = NULL                                                                    \
        }

/* -ENOMEM */
int quota_new(Quota **ret);

/* All charges must have been given back. Takes NULL. Returns NULL. */
Quota *quota_free(Quota *quota);

/* Whether the user may have so many more. Looks only. QuotaExceeded (-EDQUOT). */
int quota_check(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Failure *failure);

/* Charges as many, without asking whether it may be: what exists is counted, whatever the limit.
 * -ENOMEM */
int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret);

/* The charge follows what the kernel counts. */
void charge_set_queues(Charge *charge, unsigned queues);

/* Gives back what is charged. */
void charge_done(Charge *charge);
