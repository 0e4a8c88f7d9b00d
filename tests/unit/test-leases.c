/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The lease file: what dnsmasq 2.90 wrote, and what a guest might make it write.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "networks/leases.h"
#include "networks/network-service.h"
#include "testing.h"

#define V4 "1795353600 52:54:00:12:34:56 10.90.7.40 web 01:52:54:00:12:34:56\n"
#define V6                                                                                         \
        "1795353601 1193046 fd12::1a2b web "                                                       \
        "00:01:00:01:2e:5d:1c:00:52:54:00:12:34:57\n"

static Leases leases_of(const char *text) {
        Leases leases = LEASES_INIT;

        assert_ok(leases_parse(text, strlen(text), &leases));
        return leases;
}

static void assert_refused(const char *line) {
        _cleanup_(leases_done) Leases leases = leases_of(line);

        if (leases.n > 0)
                fail_msg("taken: \"%s\"", line);
}

static void both_kinds_of_lease_are_read(void **state) {
        _cleanup_(leases_done) Leases leases =
                        leases_of(V4 "duid 00:01:00:01:2e:5d:1b:aa:52:54:00:00:00:01\n" V6);

        assert_int_equal(leases.n, 2);
        assert_string_equal(leases.leases[0].address, "10.90.7.40");
        assert_string_equal(leases.leases[0].mac, "52:54:00:12:34:56");
        assert_string_equal(leases.leases[0].name, "web");
        assert_true(leases.leases[0].expiry == 1795353600);
        assert_string_equal(leases.leases[1].address, "fd12::1a2b");
        assert_string_equal(leases.leases[1].mac, "52:54:00:12:34:57");
        assert_string_equal(leases.leases[1].name, "web");
        assert_true(leases.leases[1].expiry == 1795353601);
}

static void a_lease_may_lack_a_name_a_client_and_an_end(void **state) {
        _cleanup_(leases_done) Leases leases = leases_of("0 52:54:00:12:34:56 10.90.7.40 * *\n");

        assert_int_equal(leases.n, 1);
        assert_string_equal(leases.leases[0].name, "");
        assert_true(leases.leases[0].expiry == 0);
}

static void an_identifier_without_a_mac_gives_none(void **state) {
        _cleanup_(leases_done) Leases leases = leases_of(
                        "1 2 fd12::1 a 00:04:aa:bb:cc:dd:ee:ff:aa:bb:cc:dd:ee:ff:aa:bb:cc:dd\n"
                        "1 2 fd12::2 b 00:03:00:01:52:54:00:12:34:58\n"
                        "1 T2 fd12::3 c 00:03:00:01:52:54:00:12:34:58:00\n"
                        "1 2 fd12::4 d 00:01:00:01:2e:5d\n"
                        "1 06-52:54:00:12:34:58 10.0.0.1 e *\n");

        assert_int_equal(leases.n, 5);
        assert_string_equal(leases.leases[0].mac, "");
        assert_string_equal(leases.leases[1].mac, "52:54:00:12:34:58");
        assert_string_equal(leases.leases[2].mac, "");
        assert_string_equal(leases.leases[3].mac, "");
        assert_string_equal(leases.leases[4].mac, "");
}

static void what_is_no_lease_is_left_out(void **state) {
        static const char *const lines[] = { "", "\n", " ", "web\n", "duid 00:01\n",
                "1 52:54:00:12:34:56 10.90.7.40 web\n",
                "1 52:54:00:12:34:56 10.90.7.40 web * more\n",
                "1  52:54:00:12:34:56 10.90.7.40 web *\n",
                " 1 52:54:00:12:34:56 10.90.7.40 web *\n",
                "-1 52:54:00:12:34:56 10.90.7.40 web *\n",
                "1x 52:54:00:12:34:56 10.90.7.40 web *\n",
                "9999999999999999999999 52:54:00:12:34:56 10.90.7.40 web *\n",
                "99999999999 52:54:00:12:34:56 10.90.7.40 web *\n",
                "1 52:54:00:12:34:56 10.90.7.400 web *\n", "1 52:54:00:12:34:56 10.90.7 web *\n",
                "1 52:54:00:12:34:56 fd12:: \n", "1 52:54:00:12:34:56 10.90.7.40 \033[31m *\n",
                "1 52:54:00:12:34:56 10.90.7.40 <b> *\n",
                "1 52:54:00:12:34:56 10.90.7.40 $(id) *\n",
                "1 52:54:00:12:34:56 10.90.7.40 a.b *\n",
                "1 52:54:00:12:34:56 10.90.7.40 "
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa *\n" };

        for (size_t i = 0; i < ELEMENTS(lines); i++)
                assert_refused(lines[i]);
}

static void a_bad_line_spoils_no_other(void **state) {
        _cleanup_(leases_done) Leases leases = leases_of("nonsense\n" V4 "1 2 3\n\n" V6 "cut off");

        assert_int_equal(leases.n, 2);
}

static void a_zero_byte_ends_no_line(void **state) {
        static const char text[] = "1 52:54:00:12:34:56 10.90.7.40 web *\0x\n" V4;
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        assert_ok(leases_parse(text, sizeof(text) - 1, &leases));
        assert_int_equal(leases.n, 1);
        assert_true(leases.leases[0].expiry == 1795353600);
}

static void the_last_line_needs_no_end(void **state) {
        _cleanup_(leases_done) Leases leases = leases_of("1 52:54:00:12:34:56 10.90.7.40 web *");

        assert_int_equal(leases.n, 1);
}

static void a_line_of_any_length_is_survived(void **state) {
        size_t size = 100000;
        _cleanup_free_ char *text = malloc(size + sizeof(V4));
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        assert_non_null(text);
        memset(text, 'a', size);
        text[size - 1] = '\n';
        strcpy(text + size, V4);
        assert_ok(leases_parse(text, size + strlen(V4), &leases));
        assert_int_equal(leases.n, 1);
}

static void so_many_are_read_and_no_more(void **state) {
        size_t n = LEASES_MAX + 100;
        _cleanup_free_ char *text = malloc(n * strlen(V4) + 1);
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        assert_non_null(text);
        for (size_t i = 0; i < n; i++)
                strcpy(text + i * strlen(V4), V4);
        assert_ok(leases_parse(text, n * strlen(V4), &leases));
        assert_int_equal(leases.n, LEASES_MAX);
}

static void a_network_without_a_file_has_no_leases(void **state) {
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        assert_int_equal(leases_read("no-such-network", &leases), 0);
        assert_int_equal(leases.n, 0);
}

#define FOLDER      NETWORK_LEASES_DIRECTORY "/net0"
#define LEASES_FILE FOLDER "/leases"

/* The folder of the leases of net0, empty, in a /run of this program's own. */
static void make_folder(void) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
                skip(); /* a mount namespace needs root */
        assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
        assert_int_equal(mkdir(NETWORK_LEASES_DIRECTORY, 0755), 0);
        assert_int_equal(mkdir(FOLDER, 0755), 0);
}

static void write_leases(const char *path) {
        FILE *file = fopen(path, "we");

        assert_non_null(file);
        assert_ok(fputs(V4, file));
        assert_int_equal(fclose(file), 0);
}

static void assert_not_read(int error) {
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        assert_int_equal(leases_read("net0", &leases), error);
        assert_int_equal(leases.n, 0);
}

static void the_file_of_a_network_is_read(void **state) {
        _cleanup_(leases_done) Leases leases = LEASES_INIT;

        make_folder();
        write_leases(LEASES_FILE);
        assert_int_equal(leases_read("net0", &leases), 0);
        assert_int_equal(leases.n, 1);
        assert_string_equal(leases.leases[0].address, "10.90.7.40");
}

/* An attacker who has taken dnsmasq over could otherwise make the service read files that only the
 * service may read. */
static void a_link_to_the_file_of_somebody_else_is_not_followed(void **state) {
        make_folder();
        write_leases("/run/secret");
        assert_int_equal(symlink("/run/secret", LEASES_FILE), 0);
        assert_not_read(-ELOOP);
}

static void give_up(int number) {
}

/* Nobody ever writes to it. The alarm interrupts a read that blocks. */
static void a_fifo_is_not_waited_for(void **state) {
        const struct sigaction broken_off = { .sa_handler = give_up }; /* without SA_RESTART */
        struct sigaction before;

        make_folder();
        assert_int_equal(mkfifo(LEASES_FILE, 0600), 0);
        assert_int_equal(sigaction(SIGALRM, &broken_off, &before), 0);
        alarm(2);
        assert_not_read(-EINVAL);
        alarm(0);
        assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
}

static void what_is_no_plain_file_is_not_read(void **state) {
        make_folder();
        assert_int_equal(mkdir(LEASES_FILE, 0755), 0);
        assert_not_read(-EINVAL);
}

static void a_file_that_is_too_long_is_not_read(void **state) {
        make_folder();
        write_leases(LEASES_FILE);
        assert_int_equal(truncate(LEASES_FILE, LEASES_BYTES + 1), 0);
        assert_not_read(-EFBIG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_kinds_of_lease_are_read),
                cmocka_unit_test(a_lease_may_lack_a_name_a_client_and_an_end),
                cmocka_unit_test(an_identifier_without_a_mac_gives_none),
                cmocka_unit_test(what_is_no_lease_is_left_out),
                cmocka_unit_test(a_bad_line_spoils_no_other),
                cmocka_unit_test(a_zero_byte_ends_no_line),
                cmocka_unit_test(the_last_line_needs_no_end),
                cmocka_unit_test(a_line_of_any_length_is_survived),
                cmocka_unit_test(so_many_are_read_and_no_more),
                cmocka_unit_test(a_network_without_a_file_has_no_leases),
                cmocka_unit_test(the_file_of_a_network_is_read),
                cmocka_unit_test(a_link_to_the_file_of_somebody_else_is_not_followed),
                cmocka_unit_test(a_fifo_is_not_waited_for),
                cmocka_unit_test(what_is_no_plain_file_is_not_read),
                cmocka_unit_test(a_file_that_is_too_long_is_not_read),
        };

        return cmocka_run_group_tests_name("leases", tests, NULL, NULL);
}
