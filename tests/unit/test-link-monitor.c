/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The link monitor on a real loop. Two things must not happen: that a loss passes without a
 * comparison, and that the monitor falls silent. recvmsg(2) is wrapped, to fail on demand, or to
 * have too little room.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "taps/link-monitor.h"
#include "testing.h"
#include "world.h"

/* What recvmsg(2) does next, before the kernel is asked again: it fails, and then returns that
 * many messages about two links in turn, of which none supersedes the one before. */
static int next_error;
static unsigned canned;

/* Room for the next message alone, in bytes; 0: as requested. The kernel discards what does not
 * fit. */
static size_t narrow;

ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags) {
        const struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
        } about = {
                .header = { .nlmsg_len = sizeof(about), .nlmsg_type = RTM_NEWLINK },
                .link = { .ifi_index = 1 + (int)(canned % 2) },
        };

        if (next_error != 0) {
                errno = next_error;
                next_error = 0;
                return -1;
        }
        if (narrow > 0 && canned == 0) {
                message->msg_iov->iov_len = narrow;
                narrow = 0;
        }
        if (canned == 0)
                return __real_recvmsg(fd, message, flags);
        canned--;
        memcpy(message->msg_iov->iov_base, &about, sizeof(about));
        memset(message->msg_name, 0, message->msg_namelen);
        message->msg_flags = 0;
        return sizeof(about);
}

typedef struct Stage {
        sd_event *event;
        LinkMonitor *monitor;
        int fd; /* the monitor's socket */
        unsigned events, gone, resyncs, batches;
        int resync_result; /* of the next one only */
} Stage;

static void on_event(const LinkInfo *link, LinkEvent event, void *userdata) {
        Stage *stage = userdata;

        stage->events++;
        stage->gone += event == LINK_GONE;
}

static int on_resync(void *userdata) {
        Stage *stage = userdata;
        int r = stage->resync_result;

        stage->resyncs++;
        stage->resync_result = 0;
        return r;
}

static void on_batch_end(void *userdata) {
        Stage *stage = userdata;

        stage->batches++;
}

static const LinkFollower follower = {
        .event = on_event,
        .resync = on_resync,
        .batch_end = on_batch_end,
};

static void enter(Stage *stage) {
        assert_ok(sd_event_new(&stage->event));
        /* Its socket is the first fd that it opens: the lowest free one. */
        stage->fd = dup(STDIN_FILENO);
        assert_true(stage->fd >= 0);
        close(stage->fd);
        assert_int_equal(link_monitor_new(&stage->monitor, stage->event, &follower, stage), 0);
}

static void leave(Stage *stage) {
        assert_null(link_monitor_free(stage->monitor));
        sd_event_unref(stage->event);
}

/* Runs the loop until nothing has happened for that long. */
static void run_loop(Stage *stage, unsigned quiet_msec) {
        int r;

        do {
                r = sd_event_run(stage->event, (uint64_t)quiet_msec * 1000);
                assert_ok(r);
        } while (r > 0);
}

static void set_buffer(const Stage *stage, int bytes) {
        assert_int_equal(setsockopt(stage->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)),
                        0);
}

static void it_looks_at_everything_at_the_start(void **state) {
        Stage stage = { 0 };

        enter(&stage);
        assert_int_equal(stage.resyncs, 1);
        assert_int_equal(stage.events, 0);
        leave(&stage);
}

static void each_event_is_passed_on(void **state) {
        Stage stage = { 0 };

        enter(&stage);
        world_run("ip link add left type veth peer name right");
        world_run("ip link del left");
        run_loop(&stage, 20);
        assert_true(stage.events >= 4);
        assert_int_equal(stage.gone, 2);
        assert_int_equal(stage.resyncs, 1);
        leave(&stage);
}

static void a_start_that_fails_is_tried_again(void **state) {
        Stage stage = { .resync_result = -EINTR };

        enter(&stage);
        assert_int_equal(stage.resyncs, 1);
        run_loop(&stage, 500);
        assert_int_equal(stage.resyncs, 2);
        leave(&stage);
}

static void lost_events_are_made_up_for(void **state) {
        Stage stage = { 0 };

        world_needs_the_hosts_root();
        enter(&stage);
        set_buffer(&stage, 4096);
        world_make_noise(200);
        run_loop(&stage, 20);
        assert_true(stage.events < 200);
        assert_int_equal(stage.resyncs, 2);
        leave(&stage);
}

static void a_comparison_that_fails_is_tried_again(void **state) {
        Stage stage = { 0 };

        world_needs_the_hosts_root();
        enter(&stage);
        set_buffer(&stage, 4096);
        stage.resync_result = -ENOBUFS;
        world_make_noise(200);
        run_loop(&stage, 500);
        assert_int_equal(stage.resyncs, 3);
        leave(&stage);
}

/* However many messages are still to be read after a loss, even exactly as many as are read in one
 * go: a comparison follows, without waiting for another event. */
static void a_loss_is_made_up_for_however_much_is_left_to_read(void **state) {
        for (unsigned left = 254; left <= 260; left++) {
                Stage stage = { 0 };

                enter(&stage);
                next_error = ENOBUFS; /* what the kernel reports first */
                canned = left;
                world_make_noise(2);
                run_loop(&stage, 300);
                assert_int_equal(canned, 0);
                assert_true(stage.events > left);
                if (stage.resyncs < 2)
                        fail_msg("no comparison after %u messages", stage.events);
                leave(&stage);
        }
}

/* As for a link with more virtual functions than there is room for: the kernel reports the
 * truncation. */
static void a_message_that_has_no_room_is_made_up_for(void **state) {
        static const size_t rooms[] = { 1, sizeof(struct nlmsghdr),
                sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg), 200 };

        for (size_t i = 0; i < ELEMENTS(rooms); i++) {
                Stage stage = { 0 };

                enter(&stage);
                narrow = rooms[i];
                world_make_noise(1);
                run_loop(&stage, 20);
                assert_int_equal(narrow, 0);
                if (stage.resyncs != 2)
                        fail_msg("%u comparisons after a message with room for %zu bytes",
                                        stage.resyncs, rooms[i]);
                leave(&stage);
        }
}

static void an_interrupted_read_is_no_end(void **state) {
        Stage stage = { 0 };

        enter(&stage);
        next_error = EINTR;
        world_make_noise(1);
        run_loop(&stage, 20);
        assert_true(stage.events >= 1);
        leave(&stage);
}

/* sd-event disables a source whose handler returns an error. Without events the service would show
 * links that are long gone. */
static void one_failed_read_does_not_make_it_deaf(void **state) {
        static const int errors[] = { ENOMEM, EIO, EPERM, ECONNRESET };

        for (size_t i = 0; i < ELEMENTS(errors); i++) {
                Stage stage = { 0 };

                enter(&stage);
                next_error = errors[i];
                world_make_noise(1);
                run_loop(&stage, 20);
                stage.events = 0;
                stage.resyncs = 0;
                world_make_noise(2);
                run_loop(&stage, 300);
                if (stage.events == 0 && stage.resyncs == 0)
                        fail_msg("deaf after %s", strerror(errors[i]));
                leave(&stage);
        }
}

static void a_storm_does_not_starve_the_rest_of_the_loop(void **state) {
        Stage stage = { 0 };
        int r;

        enter(&stage);
        world_make_noise(300);
        r = sd_event_run(stage.event, 0);
        assert_true(r > 0);
        assert_true(stage.events > 0 && stage.events < 300); /* a part, then it is others' turn */
        run_loop(&stage, 20);
        assert_true(stage.events >= 300);
        leave(&stage);
}

static void freed_it_leaves_no_fd(void **state) {
        unsigned fds = world_count_fds();
        Stage stage = { 0 };

        enter(&stage);
        leave(&stage);
        assert_int_equal(world_count_fds(), fds);
        assert_null(link_monitor_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(it_looks_at_everything_at_the_start, world_enter),
                cmocka_unit_test_setup(each_event_is_passed_on, world_enter),
                cmocka_unit_test_setup(a_start_that_fails_is_tried_again, world_enter),
                cmocka_unit_test_setup(lost_events_are_made_up_for, world_enter),
                cmocka_unit_test_setup(a_comparison_that_fails_is_tried_again, world_enter),
                cmocka_unit_test_setup(
                                a_loss_is_made_up_for_however_much_is_left_to_read, world_enter),
                cmocka_unit_test_setup(a_message_that_has_no_room_is_made_up_for, world_enter),
                cmocka_unit_test_setup(an_interrupted_read_is_no_end, world_enter),
                cmocka_unit_test_setup(one_failed_read_does_not_make_it_deaf, world_enter),
                cmocka_unit_test_setup(a_storm_does_not_starve_the_rest_of_the_loop, world_enter),
                cmocka_unit_test_setup(freed_it_leaves_no_fd, world_enter),
        };

        if (!world_is_possible())
                return WORLD_SKIPPED;
        return cmocka_run_group_tests_name("link-monitor", tests, NULL, NULL);
}
