/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The wire to systemd's manager, on a real bus of the test's own. The peer is a stand-in, since a
 * real systemd does not refuse, fail or stay silent on demand. The program is skipped (77) where
 * there is no dbus-daemon.
 */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "bus/systemd-client.h"
#include "common/cleanup.h"
#include "testing.h"

#define UNIT "vnicd-network@vnicbr0.service"
#define JOB  "/org/freedesktop/systemd1/job/7"

static const char configuration[] = "<busconfig><listen>unix:path=%s/bus</listen>"
                                    "<policy context=\"default\"><allow user=\"*\"/>"
                                    "<allow own=\"*\"/><allow send_destination=\"*\"/>"
                                    "<allow eavesdrop=\"false\"/></policy></busconfig>\n";

/* How the stand-in answers; result NULL: the job never ends. */
typedef struct Manner {
        const char *error, *result;
} Manner;

typedef struct Stage {
        char folder[32];
        pid_t daemon;
        sd_event *event;
        sd_bus *bus, *manager;
        Systemd *systemd;
        Manner manner;
        bool subscribed;
        int calls;
        char asked[128];   /* member, unit and mode of the last call for a unit */
        int over;          /* how often a job was reported to be over */
        char failure[400]; /* the reported failure; "": none */
        bool freeing;      /* the job is freed as soon as that is reported */
} Stage;

static int method_subscribe(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Stage *stage = userdata;

        stage->subscribed = true;
        return sd_bus_reply_method_return(call, "");
}

static int method_unit(sd_bus_message *call, void *userdata, sd_bus_error *error) {
        Stage *stage = userdata;
        const char *unit, *mode;
        int r;

        assert_ok(sd_bus_message_read(call, "ss", &unit, &mode));
        stage->calls++;
        snprintf(stage->asked, sizeof(stage->asked), "%s %s %s", sd_bus_message_get_member(call),
                        unit, mode);
        if (stage->manner.error)
                return sd_bus_error_set(error, stage->manner.error, "Words of systemd");
        r = sd_bus_reply_method_return(call, "o", JOB);
        if (r < 0 || !stage->manner.result)
                return r;
        return sd_bus_emit_signal(stage->manager, "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 7, JOB, unit,
                        stage->manner.result);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Subscribe", "", "", method_subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StartUnit", "ss", "o", method_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("StopUnit", "ss", "o", method_unit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("JobRemoved", "uoss", 0),
        SD_BUS_VTABLE_END,
};

/* Its socket exists before it accepts connections. */
static bool daemon_listens(const Stage *stage) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool listens;

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", stage->folder);
        listens = connect(fd, (const struct sockaddr *)&address, sizeof(address)) >= 0;
        close_fd(fd);
        return listens;
}

static void start_daemon(Stage *stage) {
        char path[64], option[96];
        FILE *file;

        strcpy(stage->folder, "/tmp/vnicd-systemd-XXXXXX");
        assert_non_null(mkdtemp(stage->folder));
        snprintf(path, sizeof(path), "%s/conf", stage->folder);
        file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, configuration, stage->folder);
        fclose(file);
        snprintf(option, sizeof(option), "--config-file=%s", path);
        stage->daemon = fork();
        if (stage->daemon == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (!freopen("/dev/null", "w", stderr))
                        _exit(126);
                execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", option, NULL);
                _exit(127);
        }
        for (int i = 0; i < 500 && !daemon_listens(stage); i++)
                usleep(10000);
}

static void connect_to(Stage *stage, sd_bus **ret) {
        char address[64];
        sd_bus *bus = NULL;

        snprintf(address, sizeof(address), "unix:path=%s/bus", stage->folder);
        assert_ok(sd_bus_new(&bus));
        assert_ok(sd_bus_set_address(bus, address));
        assert_ok(sd_bus_set_bus_client(bus, true));
        assert_ok(sd_bus_start(bus));
        assert_ok(sd_bus_attach_event(bus, stage->event, 0));
        *ret = bus;
}

static int set_up(void **state) {
        Stage *stage = calloc(1, sizeof(Stage));

        assert_non_null(stage);
        start_daemon(stage);
        assert_ok(sd_event_new(&stage->event));
        connect_to(stage, &stage->bus);
        connect_to(stage, &stage->manager);
        assert_ok(sd_bus_add_object_vtable(stage->manager, NULL, "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", manager_vtable, stage));
        assert_ok(sd_bus_request_name(stage->manager, "org.freedesktop.systemd1", 0));
        assert_ok(systemd_new(&stage->systemd, stage->bus));
        *state = stage;
        return 0;
}

static int tear_down(void **state) {
        Stage *stage = *state;
        char path[64];

        systemd_free(stage->systemd);
        sd_bus_close_unref(stage->bus);
        sd_bus_close_unref(stage->manager);
        sd_event_unref(stage->event);
        kill(stage->daemon, SIGKILL);
        waitpid(stage->daemon, NULL, 0);
        for (int i = 0; i < 2; i++) {
                snprintf(path, sizeof(path), "%s/%s", stage->folder, i == 0 ? "bus" : "conf");
                unlink(path);
        }
        rmdir(stage->folder);
        free(stage);
        return 0;
}

static void note(UnitJob *job, const char *failure, void *userdata) {
        Stage *stage = userdata;

        stage->over++;
        snprintf(stage->failure, sizeof(stage->failure), "%s", failure ? failure : "");
        if (stage->freeing)
                unit_job_free(job);
}

/* Runs until a job is over, or for a while. */
static void run(Stage *stage, int over) {
        for (int i = 0; i < 300 && stage->over < over; i++)
                assert_ok(sd_event_run(stage->event, 10000));
}

static void assert_told(Stage *stage, Manner manner, bool stop, const char *failure) {
        UnitJob *job = NULL;

        stage->manner = manner;
        stage->over = 0;
        strcpy(stage->failure, "(nothing)");
        if (stop)
                assert_ok(systemd_stop_unit(stage->systemd, &job, UNIT, note, stage));
        else
                assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        assert_int_equal(stage->over, 0);
        run(stage, 1);
        for (int i = 0; i < 3; i++) /* nothing comes after it */
                assert_ok(sd_event_run(stage->event, 10000));
        assert_int_equal(stage->over, 1);
        assert_string_equal(stage->failure, failure);
        unit_job_free(job);
}

static void a_unit_that_starts_is_told_without_a_failure(void **state) {
        Stage *stage = *state;

        assert_told(stage, (Manner){ .result = "done" }, false, "");
        assert_string_equal(stage->asked, "StartUnit " UNIT " replace");
        assert_true(stage->subscribed);
        assert_told(stage, (Manner){ .result = "done" }, true, "");
        assert_string_equal(stage->asked, "StopUnit " UNIT " replace");
}

static void one_that_fails_is_told_with_where_to_look(void **state) {
        assert_told(*state, (Manner){ .result = "failed" }, false,
                        UNIT " cannot be started: the result is \"failed\". See journalctl -u " UNIT
                             ".");
        assert_told(*state, (Manner){ .result = "timeout" }, true,
                        UNIT
                        " cannot be stopped: the result is \"timeout\". See journalctl -u " UNIT
                        ".");
}

static void a_job_whose_place_another_takes_has_not_failed(void **state) {
        assert_told(*state, (Manner){ .result = "canceled" }, false, "");
}

static void a_refusal_comes_with_the_cure(void **state) {
        assert_told(*state, (Manner){ .error = "org.freedesktop.systemd1.NoSuchUnit" }, false,
                        UNIT " cannot be started: it is not installed. Install the package "
                             "vnicd-networks.");
        assert_told(*state, (Manner){ .error = SD_BUS_ERROR_ACCESS_DENIED }, false,
                        UNIT " cannot be started: polkit does not allow it. The rule for that is "
                             "in the package vnicd-networks.");
        assert_told(*state, (Manner){ .error = "org.freedesktop.systemd1.UnitMasked" }, false,
                        UNIT " cannot be started: Words of systemd.");
}

static void to_stop_what_is_not_there_is_no_failure(void **state) {
        assert_told(*state, (Manner){ .error = "org.freedesktop.systemd1.NoSuchUnit" }, true, "");
}

static void without_systemd_it_is_said_what_to_do(void **state) {
        Stage *stage = *state;

        assert_ok(sd_bus_release_name(stage->manager, "org.freedesktop.systemd1"));
        assert_told(stage, (Manner){ NULL }, false,
                        UNIT " cannot be started: systemd is not on the bus. Start its dnsmasq by "
                             "hand, see vnicd-network(8).");
        assert_string_equal(stage->asked, "");
}

static void a_job_that_was_forgotten_is_not_told(void **state) {
        Stage *stage = *state;
        UnitJob *job = NULL;

        stage->manner = (Manner){ .result = "failed" };
        assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        unit_job_free(job);
        for (int i = 0; i < 20; i++)
                assert_ok(sd_event_run(stage->event, 5000));
        assert_string_equal(stage->asked, "StartUnit " UNIT " replace");
        assert_int_equal(stage->over, 0);
}

static void a_job_may_go_where_it_is_told(void **state) {
        Stage *stage = *state;
        UnitJob *job = NULL;

        stage->freeing = true;
        stage->manner = (Manner){ .result = "done" };
        assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        run(stage, 1);
        stage->manner = (Manner){ .error = SD_BUS_ERROR_ACCESS_DENIED };
        assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        run(stage, 2);
        assert_int_equal(stage->over, 2);
}

/* The limits of a bus are 512 matches and 128 pending replies. */
static void a_thousand_jobs_at_once_are_all_carried_out(void **state) {
        Stage *stage = *state;
        UnitJob *jobs[1000];

        stage->manner = (Manner){ .result = "done" };
        for (size_t i = 0; i < ELEMENTS(jobs); i++)
                assert_ok(systemd_start_unit(stage->systemd, &jobs[i], UNIT, note, stage));
        for (int i = 0; i < 20000 && stage->calls < 1000; i++)
                assert_ok(sd_event_run(stage->event, 10000));
        assert_int_equal(stage->calls, 1000);
        assert_string_equal(stage->failure, "");
        for (size_t i = 0; i < ELEMENTS(jobs); i++)
                unit_job_free(jobs[i]);
        assert_told(stage, (Manner){ .result = "done" }, false, "");
}

static void jobs_forgotten_before_they_were_asked_are_not_asked(void **state) {
        Stage *stage = *state;
        UnitJob *jobs[100];

        for (size_t i = 0; i < ELEMENTS(jobs); i++)
                assert_ok(systemd_start_unit(stage->systemd, &jobs[i], UNIT, note, stage));
        for (size_t i = ELEMENTS(jobs); i > 0; i--)
                unit_job_free(jobs[i - 1]);
        assert_told(stage, (Manner){ .result = "done" }, false, "");
        assert_true(stage->calls < 50);
}

static void the_word_of_somebody_else_ends_no_job(void **state) {
        Stage *stage = *state;
        UnitJob *job = NULL;
        sd_bus *other = NULL;

        connect_to(stage, &other);
        assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        for (int i = 0; i < 20; i++)
                assert_ok(sd_event_run(stage->event, 5000));
        assert_ok(sd_bus_emit_signal(other, "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 7, JOB, UNIT,
                        "failed"));
        for (int i = 0; i < 20; i++)
                assert_ok(sd_event_run(stage->event, 5000));
        assert_int_equal(stage->over, 0);
        unit_job_free(job);
        sd_bus_close_unref(other);
}

static void so_neither_does_one_that_is_sent_to_us_alone(void **state) {
        Stage *stage = *state;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        UnitJob *job = NULL;
        sd_bus *other = NULL;
        const char *unique;

        connect_to(stage, &other);
        assert_ok(sd_bus_get_unique_name(stage->bus, &unique));
        assert_ok(systemd_start_unit(stage->systemd, &job, UNIT, note, stage));
        for (int i = 0; i < 20; i++)
                assert_ok(sd_event_run(stage->event, 5000));
        assert_ok(sd_bus_message_new_signal(other, &signal, "/org/freedesktop/systemd1",
                        "org.freedesktop.systemd1.Manager", "JobRemoved"));
        assert_ok(sd_bus_message_append(signal, "uoss", 7, JOB, UNIT, "failed"));
        assert_ok(sd_bus_send_to(other, signal, unique, NULL));
        for (int i = 0; i < 20; i++)
                assert_ok(sd_event_run(stage->event, 5000));
        assert_int_equal(stage->over, 0);
        unit_job_free(job);
        sd_bus_close_unref(other);
}

static void a_word_that_systemd_does_not_have_is_not_repeated(void **state) {
        assert_told(*state, (Manner){ .result = "fail\302\233ed\n" }, false,
                        UNIT " cannot be started: it ended in a way that vnicd does not know. See "
                             "journalctl -u " UNIT ".");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(a_unit_that_starts_is_told_without_a_failure),
                CASE(one_that_fails_is_told_with_where_to_look),
                CASE(a_job_whose_place_another_takes_has_not_failed),
                CASE(a_refusal_comes_with_the_cure),
                CASE(to_stop_what_is_not_there_is_no_failure),
                CASE(without_systemd_it_is_said_what_to_do),
                CASE(a_job_that_was_forgotten_is_not_told),
                CASE(a_job_may_go_where_it_is_told),
                CASE(a_thousand_jobs_at_once_are_all_carried_out),
                CASE(jobs_forgotten_before_they_were_asked_are_not_asked),
                CASE(the_word_of_somebody_else_ends_no_job),
                CASE(so_neither_does_one_that_is_sent_to_us_alone),
                CASE(a_word_that_systemd_does_not_have_is_not_repeated),
        };

        if (access("/usr/bin/dbus-daemon", X_OK) < 0)
                return 77;
        return cmocka_run_group_tests_name("systemd", tests, NULL, NULL);
}
