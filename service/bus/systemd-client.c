/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/systemd-client.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/signal-match.h"
#include "common/list.h"
#include "common/printable.h"

#define SYSTEMD_NAME      "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE "org.freedesktop.systemd1.Manager"

#define SENTENCE_SIZE 320

/* The bus limits a connection to 128 pending replies, and polkit's are more urgent. */
#define ASKED_MAX 16

/* One match serves all jobs, since the bus limits their number. */
struct Systemd {
        sd_bus *bus;
        SignalSender *manager;
        SignalMatch *removed;
        List jobs;      /* UnitJob.link */
        unsigned asked; /* jobs whose call is unanswered */
};

typedef struct Verb {
        const char *method, *done; /* "cannot be done" */
} Verb;

static const Verb start = { "StartUnit", "started" };
static const Verb stop = { "StopUnit", "stopped" };
static const Verb reload = { "ReloadUnit", "reloaded" };

struct UnitJob {
        List link;
        Systemd *systemd;
        sd_bus_slot *call;
        char *path; /* systemd's object path; NULL until it has answered */
        const Verb *verb;
        bool asked;
        char unit[UNIT_NAME_SIZE];
        UnitJobDone done;
        void *userdata;
};

DEFINE_CLEANUP(UnitJob, unit_job_free)
DEFINE_CLEANUP(UnitWatch, unit_watch_free)

typedef struct Refusal {
        const char *error, *cure;
} Refusal;

static const Refusal refusals[] = {
        { "org.freedesktop.systemd1.NoSuchUnit",
                        "it is not installed. Install the package vnicd-networks" },
        { SD_BUS_ERROR_ACCESS_DENIED,
                        "polkit does not allow it. The rule for that is in the package vnicd-networks" },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "polkit would ask a person. The rule that spares it is in the package vnicd-networks" },
        { SD_BUS_ERROR_SERVICE_UNKNOWN,
                        "systemd is not on the bus. Start its dnsmasq by hand, see vnicd-network(8)" },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                        "systemd is not on the bus. Start its dnsmasq by hand, see vnicd-network(8)" },
};

/* Our own words for a refusal that has a known fix, otherwise the sender's. */
static const char *reason_of(const sd_bus_error *error) {
        for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
                if (sd_bus_error_has_name(error, refusals[i].error))
                        return refusals[i].cure;
        return error->message && *error->message ? error->message : error->name;
}

static void ask_next(Systemd *systemd);

/* Call last: the job may be freed by it. */
static void finish(UnitJob *job, const char *reason) {
        char sentence[SENTENCE_SIZE];

        list_unlink(&job->link);
        if (reason)
                snprintf(sentence, sizeof(sentence), "%s cannot be %s: %s.", job->unit,
                                job->verb->done, reason);
        job->done(job, reason ? printable(sentence) : NULL, job->userdata);
}

/* The answer has arrived, or nobody wants it any more. */
static void stop_waiting(UnitJob *job) {
        if (!job->call)
                return;
        job->call = sd_bus_slot_unref(job->call);
        job->systemd->asked--;
        ask_next(job->systemd);
}

/* All results that systemd knows. done, skipped: success; canceled: another job has replaced it. */
static const struct {
        const char *word;
        bool is_good;
} results[] = {
        { "done", true },
        { "skipped", true },
        { "canceled", true },
        { "timeout", false },
        { "failed", false },
        { "dependency", false },
        { "invalid", false },
        { "assert", false },
        { "unsupported", false },
        { "collected", false },
        { "once", false },
        { "frozen", false },
        { "concurrency", false },
};

static void finish_with_result(UnitJob *job, const char *result) {
        char reason[UNIT_NAME_SIZE + 96], words[64] = "it ended in a way that vnicd does not know";

        for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
                if (strcmp(results[i].word, result) != 0)
                        continue;
                if (results[i].is_good) {
                        finish(job, NULL);
                        return;
                }
                snprintf(words, sizeof(words), "the result is \"%s\"", results[i].word);
        }
        snprintf(reason, sizeof(reason), "%s. See journalctl -u %s", words, job->unit);
        finish(job, reason);
}

static UnitJob *find_job(Systemd *systemd, const char *path) {
        LIST_FOREACH(&systemd->jobs, node) {
                UnitJob *job = container_of(node, UnitJob, link);

                if (job->path && strcmp(job->path, path) == 0)
                        return job;
        }
        return NULL;
}

static int on_removed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const char *path, *unit, *result;
        UnitJob *job;

        if (sd_bus_message_read(signal, "uoss", NULL, &path, &unit, &result) < 0)
                return 0;
        job = find_job(userdata, path);
        if (job)
                finish_with_result(job, result);
        return 0;
}

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        const sd_bus_error *refusal = sd_bus_message_get_error(answer);
        UnitJob *job = userdata;
        const char *path;

        stop_waiting(job);
        if (refusal && job->verb == &stop &&
                        sd_bus_error_has_name(refusal, "org.freedesktop.systemd1.NoSuchUnit"))
                finish(job, NULL);
        else if (refusal)
                finish(job, reason_of(refusal));
        else if (sd_bus_message_read(answer, "o", &path) < 0 || !(job->path = strdup(path)))
                finish(job, "the answer of systemd cannot be read");
        return 0;
}

int systemd_new(Systemd **ret, sd_bus *bus) {
        Systemd *systemd = calloc(1, sizeof(Systemd));

        if (!systemd)
                return -ENOMEM;
        systemd->bus = sd_bus_ref(bus);
        list_init(&systemd->jobs);
        *ret = systemd;
        return 0;
}

Systemd *systemd_free(Systemd *systemd) {
        if (!systemd)
                return NULL;
        signal_match_free(systemd->removed);
        signal_sender_free(systemd->manager);
        sd_bus_unref(systemd->bus);
        free(systemd);
        return NULL;
}

/* The match is sent before the call, so the end of the job cannot be missed. systemd only sends its
 * signals to subscribers; subscribing twice is a harmless error. */
static int listen_to(Systemd *systemd) {
        static const SignalRule rule = {
                .path = SYSTEMD_PATH,
                .interface = SYSTEMD_INTERFACE,
                .member = "JobRemoved",
        };
        int r = 0;

        if (!systemd->manager)
                r = signal_sender_new(&systemd->manager, systemd->bus, SYSTEMD_NAME);
        if (r >= 0 && !systemd->removed)
                r = signal_match_new(&systemd->removed, systemd->bus, systemd->manager, &rule,
                                on_removed, systemd);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(systemd->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH,
                        SYSTEMD_INTERFACE, "Subscribe", NULL, NULL, NULL);
}

static int ask(UnitJob *job) {
        Systemd *systemd = job->systemd;
        int r = listen_to(systemd);

        if (r < 0)
                return r;
        r = sd_bus_call_method_async(systemd->bus, &job->call, SYSTEMD_NAME, SYSTEMD_PATH,
                        SYSTEMD_INTERFACE, job->verb->method, on_answer, job, "ss", job->unit,
                        "replace");
        if (r < 0)
                return r;
        job->asked = true;
        systemd->asked++;
        return 0;
}

/* First come, first served. A job that cannot even be sent (the bus is gone) stays where it is. */
static void ask_next(Systemd *systemd) {
        LIST_FOREACH(&systemd->jobs, node) {
                UnitJob *job = container_of(node, UnitJob, link);

                if (systemd->asked >= ASKED_MAX || (!job->asked && ask(job) < 0))
                        return;
        }
}

static int job_new(Systemd *systemd, UnitJob **ret, const char *unit, const Verb *verb,
                UnitJobDone done, void *userdata) {
        _cleanup_(unit_job_freep) UnitJob *job = calloc(1, sizeof(UnitJob));
        int r = 0;

        if (!job)
                return -ENOMEM;
        list_init(&job->link);
        job->systemd = systemd;
        job->verb = verb;
        job->done = done;
        job->userdata = userdata;
        snprintf(job->unit, sizeof(job->unit), "%s", unit);
        if (systemd->asked < ASKED_MAX)
                r = ask(job);
        if (r < 0)
                return r;
        list_append(&systemd->jobs, &job->link);
        *ret = TAKE_PTR(job);
        return 0;
}

int systemd_start_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata) {
        return job_new(systemd, ret, unit, &start, done, userdata);
}

int systemd_stop_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata) {
        return job_new(systemd, ret, unit, &stop, done, userdata);
}

int systemd_reload_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata) {
        return job_new(systemd, ret, unit, &reload, done, userdata);
}

struct UnitWatch {
        SignalMatch *changes;
        UnitChanged changed;
        void *userdata;
};

/* Transitional states are no news. A failed unit that systemd will restart is "activating" with the
 * sub-state "auto-restart" in the meantime. */
static void tell_state(const UnitWatch *watch, const char *active, const char *sub) {
        if (strcmp(active, "active") == 0)
                watch->changed(true, watch->userdata);
        else if (strcmp(active, "failed") == 0 || strcmp(active, "inactive") == 0 ||
                        strcmp(sub, "auto-restart") == 0)
                watch->changed(false, watch->userdata);
}

/* Reads the next value of a{sv}; "": it is not a string. */
static int read_state(sd_bus_message *signal, const char **ret) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(signal, &type, &contents);

        *ret = "";
        if (r <= 0 || strcmp(contents, "s") != 0)
                return r < 0 ? r : sd_bus_message_skip(signal, "v");
        return sd_bus_message_read(signal, "v", "s", ret);
}

static int on_unit_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const char *interface, *name, *value, *active = "", *sub = "";

        if (sd_bus_message_read(signal, "s", &interface) < 0 ||
                        sd_bus_message_enter_container(signal, 'a', "{sv}") < 0)
                return 0;
        while (sd_bus_message_enter_container(signal, 'e', "sv") > 0) {
                if (sd_bus_message_read(signal, "s", &name) < 0 || read_state(signal, &value) < 0 ||
                                sd_bus_message_exit_container(signal) < 0)
                        return 0;
                if (strcmp(name, "ActiveState") == 0)
                        active = value;
                else if (strcmp(name, "SubState") == 0)
                        sub = value;
        }
        tell_state(userdata, active, sub);
        return 0;
}

int systemd_watch_unit(Systemd *systemd, UnitWatch **ret, const char *unit, UnitChanged changed,
                void *userdata) {
        _cleanup_(unit_watch_freep) UnitWatch *watch = calloc(1, sizeof(UnitWatch));
        _cleanup_free_ char *path = NULL;
        SignalRule rule = {
                .interface = "org.freedesktop.DBus.Properties",
                .member = "PropertiesChanged",
                .arg0 = SYSTEMD_NAME ".Unit",
        };
        int r;

        if (!watch)
                return -ENOMEM;
        watch->changed = changed;
        watch->userdata = userdata;
        r = sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path);
        if (r >= 0)
                r = listen_to(systemd);
        if (r < 0)
                return r;
        rule.path = path;
        r = signal_match_new(&watch->changes, systemd->bus, systemd->manager, &rule,
                        on_unit_changed, watch);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(watch);
        return 0;
}

UnitWatch *unit_watch_free(UnitWatch *watch) {
        if (watch) {
                signal_match_free(watch->changes);
                free(watch);
        }
        return NULL;
}

UnitJob *unit_job_free(UnitJob *job) {
        if (!job)
                return NULL;
        list_unlink(&job->link);
        stop_waiting(job);
        free(job->path);
        free(job);
        return NULL;
}
