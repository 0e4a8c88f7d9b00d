/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of fds owns its contents. The kernel tells whether an fd was really closed: the lowest free
 * number is the one it hands out next.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdset.h"
#include "testing.h"

static int open_null(void) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        return fd;
}

static bool is_open(int fd) {
        return fcntl(fd, F_GETFD) >= 0;
}

static void a_full_set_refuses_the_seventeenth_and_leaves_it_the_callers(void **state) {
        FdSet set = FDSET_INIT;
        int fd;

        for (size_t i = 0; i < FDSET_MAX; i++)
                assert_int_equal(fdset_add(&set, open_null()), 0);
        fd = open_null();
        assert_int_equal(fdset_add(&set, fd), -ENOBUFS);
        assert_int_equal(set.n, FDSET_MAX);
        fdset_done(&set);
        assert_true(is_open(fd));
        close(fd);
}

static void done_closes_all_and_their_numbers_are_used_again(void **state) {
        FdSet set = FDSET_INIT;
        int first = open_null(), again;

        assert_int_equal(fdset_add(&set, first), 0);
        for (size_t i = 1; i < FDSET_MAX; i++)
                assert_int_equal(fdset_add(&set, open_null()), 0);
        fdset_done(&set);
        assert_int_equal(set.n, 0);
        for (size_t i = 0; i < FDSET_MAX; i++)
                assert_false(is_open(set.fds[i]));
        again = open_null();
        assert_int_equal(again, first);
        close(again);
}

static void done_twice_closes_once(void **state) {
        FdSet set = FDSET_INIT;
        int fd = open_null(), again;

        assert_int_equal(fdset_add(&set, fd), 0);
        fdset_done(&set);
        again = open_null();
        assert_int_equal(again, fd);
        fdset_done(&set);
        assert_true(is_open(again));
        close(again);
}

static void taking_leaves_an_empty_set(void **state) {
        FdSet set = FDSET_INIT, taken;
        int fd = open_null();

        assert_int_equal(fdset_add(&set, fd), 0);
        taken = fdset_take(&set);
        assert_int_equal(set.n, 0);
        assert_int_equal(taken.n, 1);
        assert_int_equal(taken.fds[0], fd);
        fdset_done(&set);
        assert_true(is_open(fd));
        fdset_done(&taken);
        assert_false(is_open(fd));
}

static void an_order_is_kept(void **state) {
        FdSet set = FDSET_INIT;
        int fds[3] = { open_null(), open_null(), open_null() };

        for (size_t i = 0; i < 3; i++)
                assert_int_equal(fdset_add(&set, fds[i]), 0);
        assert_memory_equal(set.fds, fds, sizeof(fds));
        fdset_done(&set);
}

static void an_fd_leaves_its_scope_closed_unless_taken(void **state) {
        int kept, lost;

        {
                _cleanup_close_ int a = open_null();
                _cleanup_close_ int b = open_null();

                lost = a;
                kept = TAKE_FD(b);
                assert_int_equal(b, -EBADF);
        }
        assert_false(is_open(lost));
        assert_true(is_open(kept));
        errno = EDOM;
        assert_int_equal(close_fd(kept), -EBADF);
        assert_int_equal(errno, EDOM);
}

static void a_pointer_taken_out_of_its_scope_is_not_freed(void **state) {
        char *kept;

        {
                _cleanup_free_ char *text = strdup("text");

                assert_non_null(text);
                kept = TAKE_PTR(text);
                assert_null(text);
        }
        assert_string_equal(kept, "text");
        free(kept);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_full_set_refuses_the_seventeenth_and_leaves_it_the_callers),
                cmocka_unit_test(done_closes_all_and_their_numbers_are_used_again),
                cmocka_unit_test(done_twice_closes_once),
                cmocka_unit_test(taking_leaves_an_empty_set),
                cmocka_unit_test(an_order_is_kept),
                cmocka_unit_test(an_fd_leaves_its_scope_closed_unless_taken),
                cmocka_unit_test(a_pointer_taken_out_of_its_scope_is_not_freed),
        };

        return cmocka_run_group_tests_name("fdset", tests, NULL, NULL);
}
