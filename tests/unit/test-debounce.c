/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work that is due is done once, as soon as it has rested, and never forgotten. */
#include <systemd/sd-event.h>

#include "common/clock.h"
#include "common/debounce.h"
#include "testing.h"

static void count(void *userdata) {
        unsigned *n = userdata;

        (*n)++;
}

/* Runs the loop until it was done so often; gives how long that took, in µs. */
static uint64_t await(sd_event *event, const unsigned *n, unsigned wanted) {
        const uint64_t begun = clock_now_usec();

        while (*n < wanted) {
                assert_true(sd_event_run(event, 100 * 1000) >= 0);
                assert_in_range(clock_now_usec() - begun, 0, 10 * USEC_PER_SEC);
        }
        return clock_now_usec() - begun;
}

static void soon_is_at_once_and_after_a_rest_when_that_is_over(void **state) {
        Debounce *debounce = NULL;
        sd_event *event = NULL;
        unsigned n = 0;

        assert_int_equal(sd_event_new(&event), 0);
        assert_int_equal(debounce_new(&debounce, event, count, &n), 0);
        debounce_soon(debounce);
        debounce_soon(debounce);
        (void)await(event, &n, 1);
        /* It went on in a thread, and took 5 ms of a processor: 200 ms of rest. */
        debounce_rest(debounce, 5000);
        debounce_soon(debounce);
        assert_in_range(await(event, &n, 2), 190 * 1000, 5 * USEC_PER_SEC);
        /* However little it took. */
        debounce_rest(debounce, 0);
        debounce_soon(debounce);
        assert_in_range(await(event, &n, 3), DEBOUNCE_USEC - 10 * 1000, 5 * USEC_PER_SEC);
        assert_int_equal(n, 3);
        /* What takes little does not shorten the rest after what took long. */
        debounce_rest(debounce, 10 * 1000);
        debounce_rest(debounce, 1000);
        debounce_soon(debounce);
        assert_in_range(await(event, &n, 4), 430 * 1000, 5 * USEC_PER_SEC);
        debounce_free(debounce);
        sd_event_unref(event);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(soon_is_at_once_and_after_a_rest_when_that_is_over),
        };

        return cmocka_run_group_tests_name("debounce", tests, NULL, NULL);
}
