/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How much of the host one user may hold, by uid and not by connection, since a user can open any
 * number of those. What is held is an object, a Charge, whose destructor gives it back; nothing
 * else counts up or down. Root is counted but not limited.
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

/* Whether the user may have that many more; changes nothing. QuotaExceeded (-EDQUOT);
 * LimitsExceeded (-EUSERS): endpoints are requested, and the user has created too many of late. */
int quota_check(Quota *quota, uid_t uid, const Limits *limits, unsigned endpoints, unsigned queues,
                Failure *failure);

/* Counts the creation of one more endpoint, whatever becomes of it, for QUOTA_BURST_SEC. -ENOMEM */
int quota_count_creation(Quota *quota, uid_t uid, const Limits *limits);

/* Charges that many, without checking the limit: what exists is counted, whatever the limit.
 * -ENOMEM */
int quota_charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues, Charge *ret);

/* The charge follows what the kernel counts. */
void charge_set_queues(Charge *charge, unsigned queues);

/* Gives back what is charged. */
void charge_done(Charge *charge);
