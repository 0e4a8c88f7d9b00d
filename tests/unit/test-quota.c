/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A user's endpoints and queues are counted by uid, and the count comes back to zero. */
#include <errno.h>

#include "common/quota.h"
#include "testing.h"

static Quota *new_quota(void) {
        Quota *quota;

        assert_int_equal(quota_new(&quota), 0);
        return quota;
}

static Charge charge(Quota *quota, uid_t uid, unsigned endpoints, unsigned queues) {
        Charge charge = CHARGE_INIT;

        assert_int_equal(quota_charge(quota, uid, endpoints, queues, &charge), 0);
        return charge;
}

static void thirty_two_endpoints_are_the_most(void **state) {
        Quota *quota = new_quota();
        Failure failure = FAILURE_INIT;
        Charge charges[32];

        for (size_t i = 0; i < ELEMENTS(charges); i++) {
                assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, &failure), 0);
                charges[i] = charge(quota, 1000, 1, 1);
        }
        assert_int_equal(failure.kind, FAILURE_NONE);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, &failure), -EDQUOT);
        assert_int_equal(failure.kind, FAILURE_QUOTA_EXCEEDED);
        assert_non_null(strstr(failure.text, "32"));
        charge_done(&charges[7]);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, NULL), 0);
        for (size_t i = 0; i < ELEMENTS(charges); i++)
                charge_done(&charges[i]);
        quota_free(quota);
}

static void sixty_four_queues_are_the_most(void **state) {
        Quota *quota = new_quota();
        Failure failure = FAILURE_INIT;
        Charge charges[4];

        for (size_t i = 0; i < ELEMENTS(charges); i++)
                charges[i] = charge(quota, 1000, 1, 16);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, &failure), -EDQUOT);
        assert_int_equal(failure.kind, FAILURE_QUOTA_EXCEEDED);
        assert_non_null(strstr(failure.text, "64"));
        charge_set_queues(&charges[0], 15);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 2, NULL), -EDQUOT);
        for (size_t i = 0; i < ELEMENTS(charges); i++)
                charge_done(&charges[i]);
        quota_free(quota);
}

static void exactly_the_limit_is_allowed(void **state) {
        Quota *quota = new_quota();

        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 32, 64, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 33, 64, NULL), -EDQUOT);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 32, 65, NULL), -EDQUOT);
        quota_free(quota);
}

static void one_user_does_not_count_for_another(void **state) {
        Quota *quota = new_quota();
        Charge alice = charge(quota, 1000, 32, 64);

        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 1, NULL), -EDQUOT);
        assert_int_equal(quota_check(quota, 1001, &LIMITS_DEFAULT, 32, 64, NULL), 0);
        assert_int_equal(quota_check(quota, 999, &LIMITS_DEFAULT, 32, 64, NULL), 0);
        assert_int_equal(quota_check(quota, (uid_t)-2, &LIMITS_DEFAULT, 32, 64, NULL), 0);
        charge_done(&alice);
        quota_free(quota);
}

static void root_is_counted_but_not_held(void **state) {
        Quota *quota = new_quota();
        Charge root = charge(quota, 0, 1000, 10000);

        assert_int_equal(quota_check(quota, 0, &LIMITS_DEFAULT, 1, 16, NULL), 0);
        assert_int_equal(root.endpoints, 1000);
        charge_done(&root);
        quota_free(quota);
}

/* Taps found at the start are counted, however many there are. */
static void what_exists_is_charged_past_the_limit(void **state) {
        Quota *quota = new_quota();
        Charge many = charge(quota, 1000, 100, 1000);

        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 0, 0, NULL), -EDQUOT);
        charge_set_queues(&many, 64);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 0, 0, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 0, NULL), -EDQUOT);
        charge_done(&many);
        quota_free(quota);
}

static void further_queues_of_an_endpoint_are_no_further_endpoint(void **state) {
        Quota *quota = new_quota();
        Charge all = charge(quota, 1000, 32, 32);

        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 0, 32, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 0, 33, NULL), -EDQUOT);
        charge_done(&all);
        quota_free(quota);
}

static void a_charge_follows_up_and_down(void **state) {
        Quota *quota = new_quota();
        Charge moving = charge(quota, 1000, 1, 1);

        for (unsigned queues = 0; queues <= 64; queues++) {
                charge_set_queues(&moving, queues);
                assert_int_equal(
                                quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 64 - queues, NULL), 0);
                assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 65 - queues, NULL),
                                -EDQUOT);
        }
        charge_set_queues(&moving, 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 1, 64, NULL), 0);
        charge_done(&moving);
        quota_free(quota);
}

static void a_charge_is_given_back_once(void **state) {
        Quota *quota = new_quota();
        Charge first = charge(quota, 1000, 1, 4), second = charge(quota, 1000, 1, 4);

        charge_done(&first);
        charge_done(&first);
        charge_set_queues(&first, 64);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 31, 60, NULL), 0);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 32, 60, NULL), -EDQUOT);
        assert_int_equal(quota_check(quota, 1000, &LIMITS_DEFAULT, 31, 61, NULL), -EDQUOT);
        charge_done(&second);
        quota_free(quota);
}

static void nothing_charged_is_nothing_to_give_back(void **state) {
        Charge none = CHARGE_INIT;

        charge_set_queues(&none, 5);
        charge_done(&none);
        assert_null(quota_free(NULL));
}

static void creations_come_in_bursts_of_so_many(void **state) {
        const Limits five = { .endpoints = 32, .queues = 64, .creations = 5 };
        Quota *quota = new_quota();
        Failure failure = FAILURE_INIT;

        for (unsigned i = 0; i < five.creations; i++) {
                assert_int_equal(quota_check(quota, 1000, &five, 1, 1, NULL), 0);
                assert_int_equal(quota_count_creation(quota, 1000, &five), 0);
        }
        assert_int_equal(quota_check(quota, 1000, &five, 1, 1, &failure), -EUSERS);
        assert_int_equal(failure.kind, FAILURE_LIMITS_EXCEEDED);
        assert_int_equal(quota_check(quota, 1000, &five, 0, 1, NULL), 0);
        assert_int_equal(quota_check(quota, 1001, &five, 1, 1, NULL), 0);
        quota_free(quota);
}

static void without_creations_there_is_none(void **state) {
        const Limits none = { .endpoints = 32, .queues = 64, .creations = 0 };
        Quota *quota = new_quota();

        assert_int_equal(quota_check(quota, 1000, &none, 1, 1, NULL), -EUSERS);
        assert_int_equal(quota_check(quota, 1000, &none, 0, 1, NULL), 0);
        quota_free(quota);
}

/* It is compared with a model: 20 users, random steps, and at the end nobody is charged. */
static void after_a_hundred_thousand_steps_all_counts_are_zero(void **state) {
        enum {
                USERS = 20,
                SLOTS = 200
        };
        unsigned endpoints[USERS] = { 0 }, queues[USERS] = { 0 };
        Charge charges[SLOTS] = { 0 };
        unsigned users[SLOTS] = { 0 };
        Quota *quota = new_quota();
        uint64_t seed = RANDOM_SEED;

        for (int i = 0; i < 100000; i++) {
                size_t slot = random_next(&seed) % SLOTS;
                unsigned n = (unsigned)(random_next(&seed) % 17);
                unsigned user = users[slot];

                if (charges[slot].user && i % 3 == 0) {
                        queues[user] += n - charges[slot].queues;
                        charge_set_queues(&charges[slot], n);
                } else if (charges[slot].user) {
                        endpoints[user]--;
                        queues[user] -= charges[slot].queues;
                        charge_done(&charges[slot]);
                } else {
                        user = users[slot] = (unsigned)(random_next(&seed) % USERS);
                        charges[slot] = charge(quota, 1000 + user, 1, n);
                        endpoints[user]++;
                        queues[user] += n;
                }
                assert_int_equal(quota_check(quota, 1000 + user, &LIMITS_DEFAULT, 1, 0, NULL),
                                endpoints[user] < 32 && queues[user] <= 64 ? 0 : -EDQUOT);
        }
        for (size_t slot = 0; slot < SLOTS; slot++)
                charge_done(&charges[slot]);
        for (uid_t user = 0; user < USERS; user++) {
                assert_int_equal(quota_check(quota, 1000 + user, &LIMITS_DEFAULT, 32, 64, NULL), 0);
                assert_int_equal(quota_check(quota, 1000 + user, &LIMITS_DEFAULT, 33, 64, NULL),
                                -EDQUOT);
        }
        quota_free(quota); /* a sanitizer would report a leaked account */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(thirty_two_endpoints_are_the_most),
                cmocka_unit_test(sixty_four_queues_are_the_most),
                cmocka_unit_test(exactly_the_limit_is_allowed),
                cmocka_unit_test(creations_come_in_bursts_of_so_many),
                cmocka_unit_test(without_creations_there_is_none),
                cmocka_unit_test(one_user_does_not_count_for_another),
                cmocka_unit_test(root_is_counted_but_not_held),
                cmocka_unit_test(what_exists_is_charged_past_the_limit),
                cmocka_unit_test(further_queues_of_an_endpoint_are_no_further_endpoint),
                cmocka_unit_test(a_charge_follows_up_and_down),
                cmocka_unit_test(a_charge_is_given_back_once),
                cmocka_unit_test(nothing_charged_is_nothing_to_give_back),
                cmocka_unit_test(after_a_hundred_thousand_steps_all_counts_are_zero),
        };

        return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
