/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of the host one user may hold, or of a network: each has a table of users of its own.
 * What is held is a Charge, which its destructor gives back; nothing else counts up or down. Root
 * is counted but not held to the limits.
 */

#include <sys/types.h>

#include "common/failure.h"
#include "common/user.h"

/* What one user may have. The defaults are here; the configuration may say otherwise. */
typedef struct Limits {
        unsigned endpoints, queues;
        unsigned creations; /* in QUOTA_BURST_SEC */
} Limits;

#define LIMITS_DEFAULT                                                                             \
        (Limits) {                                                                                 \
                .endpoints = 32, .queues = 64, .creations = 100                                    \
        }

#define QUOTA_BURST_SEC 20

typedef struct Quota Quota;

typedef struct Charge {
        User *user; /* NULL: nothing is charged */
        unsigned endpoints, queues;
} Charge;

#define CHARGE_INIT                                                                                \
        (Charge) {                                                                                 \
                .user = NULL                                                                       \
        }

/* -ENOMEM */
int quota_new(Quota **ret);

/* All charges must have been given back. Takes NULL. Returns NULL. */
Quota *quota_free(Quota *quota);

/* Whether the user may have so many more. Looks only. QuotaExceeded (-EDQUOT); LimitsExceeded
 * (-EUSERS): endpoints are asked for, and they made too many of late. */
int quota_check(Quota *quota, uid_t uid, const Limits *limits, unsigned endpoints, unsigned queues,
                Failure *failure);

/* One more endpoint is being made, whatever becomes of it: it counts for QUOTA_BURST_SEC. -ENOMEM
 */
int quota_count_creation(Quota *quota, uid_t uid, const Limits *limits);

/* Charges as many, without asking whether it may be: what exists is counted, whatever the limit.
 * -ENOMEM */
int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret);

/* The charge follows what the kernel counts. */
void charge_set_queues(Charge *charge, unsigned queues);

/* Gives back what is charged. */
void charge_done(Charge *charge);
