/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal of vnicd-network-forward as a file: it is complete, or it is the previous one. */
#include "sysctl-journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing.h"
#include "world.h"

#define LINE "net0 lo/forwarding 0 1\n"

/* That many fill a buffer of stdio, with the beginning of one more. */
#define LINES_OF_BUFFER (4096 / (sizeof(LINE) - 1))

static char folder[] = "/tmp/test-sysctl-journal-XXXXXX";

static int enter_folder(void **state) {
        if (world_enter(state) != 0)
                return -1;
        strcpy(folder + sizeof(folder) - 7, "XXXXXX");
        return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state) {
        (void)unlink("ledger");
        (void)unlink("ledger.new");
        (void)unlink("other");
        return rmdir(folder);
}

static SysctlJournal *open_journal(void) {
        SysctlJournal *journal = NULL;

        assert_int_equal(sysctl_journal_open(&journal, folder), 0);
        return journal;
}

static void add_lines(SysctlJournal *journal, size_t n) {
        for (size_t i = 0; i < n; i++)
                journal->entries[journal->n++] = (Entry){
                        .network = "net0",
                        .key = "lo/forwarding",
                        .value = 1,
                };
}

/* Nothing that it lists is of that network, so nothing is undone. */
static int settle(SysctlJournal *journal) {
        return sysctl_apply(journal, "net1");
}

static size_t size_of(const char *name) {
        struct stat status;

        return stat(name, &status) < 0 ? SIZE_MAX : (size_t)status.st_size;
}

static void what_is_written_is_read_again(void **state) {
        SysctlJournal *journal = open_journal();

        add_lines(journal, ENTRIES_MAX);
        assert_int_equal(settle(journal), 0);
        assert_int_equal(size_of("ledger"), ENTRIES_MAX * (sizeof(LINE) - 1));
        sysctl_journal_close(journal);
        journal = open_journal();
        assert_int_equal(journal->n, ENTRIES_MAX);
        assert_string_equal(journal->entries[ENTRIES_MAX - 1].key, "lo/forwarding");
        assert_int_equal(size_of("ledger.new"), SIZE_MAX);
        sysctl_journal_close(journal);
}

/* As on a full disk; the buffer is lost with the error, and the end of the file is not. */
static int settle_without_room(SysctlJournal *journal) {
        struct rlimit before, none;
        int r;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ 0, before.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        r = settle(journal);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        return r;
}

static void one_that_could_not_be_written_whole_replaces_nothing(void **state) {
        SysctlJournal *journal = open_journal();

        add_lines(journal, LINES_OF_BUFFER);
        assert_int_equal(settle(journal), 0);
        for (int i = 0; i < 3; i++) {
                add_lines(journal, 1);
                assert_true(settle_without_room(journal) < 0);
                assert_int_equal(size_of("ledger"), LINES_OF_BUFFER * (sizeof(LINE) - 1));
        }
        assert_int_equal(settle(journal), 0);
        assert_int_equal(size_of("ledger"), (LINES_OF_BUFFER + 3) * (sizeof(LINE) - 1));
        sysctl_journal_close(journal);
}

static void a_draft_that_leads_elsewhere_is_not_followed(void **state) {
        SysctlJournal *journal = open_journal();
        int fd = open("other", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, "mine", 4), 4);
        close(fd);
        assert_int_equal(symlink("other", "ledger.new"), 0);
        add_lines(journal, 1);
        assert_int_equal(settle(journal), 0);
        assert_int_equal(size_of("other"), 4);
        assert_int_equal(readlink("ledger", (char[8]){ 0 }, 8), -1);
        assert_int_equal(size_of("ledger"), sizeof(LINE) - 1);
        sysctl_journal_close(journal);
}

static void what_is_left_of_a_draft_is_in_nobodys_way(void **state) {
        SysctlJournal *journal = open_journal();
        int fd = open("ledger.new", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, LINE LINE, 2 * (sizeof(LINE) - 1)), 2 * (sizeof(LINE) - 1));
        close(fd);
        add_lines(journal, 1);
        assert_int_equal(settle(journal), 0);
        assert_int_equal(size_of("ledger"), sizeof(LINE) - 1);
        sysctl_journal_close(journal);
}

static SysctlJournal *with(const char *line) {
        int fd = open("ledger", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, line, strlen(line)), strlen(line));
        close(fd);
        return open_journal();
}

static void it_names_settings_that_are_ever_changed_and_no_others(void **state) {
        static const char *const others[] = { "net0 lo/hop_limit 64 3\n", "net0 lo/mtu 1500 1280\n",
                "net0 lo/accept_ra2 0 2\n", "net0 ../forwarding 0 1\n", "net0 lo 0 1\n",
                "net0 /forwarding 0 1\n" };
        SysctlJournal *journal;

        for (size_t i = 0; i < ELEMENTS(others); i++) {
                journal = with(others[i]);
                assert_int_equal(journal->n, 0);
                sysctl_journal_close(journal);
        }
        journal = with("net0 lo/accept_ra 1 2\nnet0 lo/force_forwarding 0 1\n" LINE);
        assert_int_equal(journal->n, 3);
        sysctl_journal_close(journal);
}

static void what_it_could_not_write_down_it_does_not_set(void **state) {
        SysctlJournal *journal = open_journal();

        assert_int_equal(setting_write("lo", "accept_ra", 1), 0);
        assert_int_equal(sysctl_require(journal, "net1", "lo", "accept_ra", 2), 0);
        assert_true(settle_without_room(journal) < 0);
        assert_int_equal(setting_read("lo", "accept_ra"), 1);
        assert_int_equal(settle(journal), 0);
        assert_int_equal(setting_read("lo", "accept_ra"), 2);
        sysctl_journal_close(journal);
}

/* And settings that nobody has touched since are restored. */
static void what_somebody_has_set_since_stays(void **state) {
        for (int since = 0; since <= 2; since += 2) {
                SysctlJournal *journal = open_journal();

                assert_int_equal(setting_write("lo", "accept_ra", 1), 0);
                assert_int_equal(sysctl_require(journal, "net1", "lo", "accept_ra", 2), 0);
                assert_int_equal(settle(journal), 0);
                sysctl_journal_close(journal);
                assert_int_equal(setting_write("lo", "accept_ra", since), 0);
                journal = open_journal();
                assert_int_equal(settle(journal), 0);
                assert_int_equal(setting_read("lo", "accept_ra"), since == 2 ? 1 : since);
                sysctl_journal_close(journal);
        }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(what_is_written_is_read_again),
                CASE(one_that_could_not_be_written_whole_replaces_nothing),
                CASE(a_draft_that_leads_elsewhere_is_not_followed),
                CASE(what_is_left_of_a_draft_is_in_nobodys_way),
                CASE(it_names_settings_that_are_ever_changed_and_no_others),
                CASE(what_it_could_not_write_down_it_does_not_set),
                CASE(what_somebody_has_set_since_stays),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;

        return cmocka_run_group_tests(tests, NULL, NULL);
}
