/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/caller.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <string.h>

#include "bus/cleanup.h"
#include "bus/error.h"
#include "util/list.h"
#include "util/log.h"

#define ASK_TIMEOUT_USEC (10 * UINT64_C(1000000))

#define CALLER_NAME_SIZE 32

/* Of those who have no call here; the one that was learnt of first is forgotten. */
#define CALLERS_KNOWN 64

#define WAITING_PER_CALLER 128
#define WAITING_MAX        1024

/* Both are 32 bits wide in the kernel and on the bus. */
_Static_assert(sizeof(uid_t) == sizeof(uint32_t) && sizeof(gid_t) == sizeof(uint32_t), "");

struct Callers {
        sd_bus *bus;
        void *by_name; /* tsearch(3) */
        List idle;     /* Caller.link, known and without calls */
        List busy;     /* Caller.link, the others */
        unsigned n_idle, n_waiting;
};

typedef struct Caller {
        List link;
        List calls; /* Waiting.link, as they came */
        Callers *callers;
        char name[CALLER_NAME_SIZE];
        sd_bus_slot *question; /* NULL: it is answered */
        uid_t uid;
        gid_t *groups; /* NULL: none, or a bus that does not tell */
        size_t n_groups;
        unsigned n_calls;
} Caller;

/* A call that is kept until the question is answered, then until it is dispatched again. */
typedef struct Waiting {
        List link;
        Caller *caller;
        sd_bus_message *call;
} Waiting;

static int read_groups(sd_bus_message *answer, Caller *caller) {
        const void *groups;
        size_t size;
        int r;

        r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_VARIANT, "au");
        if (r >= 0)
                r = sd_bus_message_read_array(answer, SD_BUS_TYPE_UINT32, &groups, &size);
        if (r < 0)
                return r;
        if (caller->groups || size == 0)
                return sd_bus_message_exit_container(answer);
        caller->groups = malloc(size);
        if (!caller->groups)
                return -ENOMEM;
        memcpy(caller->groups, groups, size);
        caller->n_groups = size / sizeof(gid_t);
        return sd_bus_message_exit_container(answer);
}

/* Adds to *caller, also where it fails. */
static int read_credentials(sd_bus_message *answer, Caller *caller) {
        bool has_uid = false;
        const char *key;
        int r;

        r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_ARRAY, "{sv}");
        while (r >= 0 &&
                        (r = sd_bus_message_enter_container(answer, SD_BUS_TYPE_DICT_ENTRY, "sv")) >
                                        0) {
                r = sd_bus_message_read_basic(answer, SD_BUS_TYPE_STRING, &key);
                if (r < 0)
                        return r;
                if (strcmp(key, "UnixUserID") == 0) {
                        r = sd_bus_message_read(answer, "v", "u", &caller->uid);
                        has_uid = r >= 0;
                } else if (strcmp(key, "UnixGroupIDs") == 0)
                        r = read_groups(answer, caller);
                else
                        r = sd_bus_message_skip(answer, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(answer);
        }
        return r < 0 ? r : has_uid ? 0 : -ENODATA;
}

static int compare_names(const void *a, const void *b) {
        const Caller *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static void waiting_free(Waiting *waiting) {
        list_unlink(&waiting->link);
        waiting->caller->n_calls--;
        waiting->caller->callers->n_waiting--;
        sd_bus_message_unref(waiting->call);
        free(waiting);
}

static void caller_free(Caller *caller) {
        LIST_FOREACH_SAFE(&caller->calls, node)
                waiting_free(container_of(node, Waiting, link));
        list_unlink(&caller->link);
        tdelete(caller, &caller->callers->by_name, compare_names);
        sd_bus_slot_unref(caller->question);
        free(caller->groups);
        free(caller);
}

static void refuse(Waiting *waiting, int error, const Failure *failure) {
        _cleanup_(sd_bus_error_free) sd_bus_error answer = SD_BUS_ERROR_NULL;
        int r;

        error_answer(&answer, failure, error);
        r = sd_bus_reply_method_error(waiting->call, &answer);
        if (r < 0)
                log_warning("Cannot refuse a call that waited: %s", strerror(-r));
        waiting_free(waiting);
}

static void refuse_all(Caller *caller, int error, const Failure *failure) {
        LIST_FOREACH_SAFE(&caller->calls, node)
                refuse(container_of(node, Waiting, link), error, failure);
}

int callers_new(Callers **ret, sd_bus *bus) {
        Callers *callers = calloc(1, sizeof(Callers));

        if (!callers)
                return -ENOMEM;
        callers->bus = bus;
        list_init(&callers->idle);
        list_init(&callers->busy);
        *ret = callers;
        return 0;
}

Callers *callers_free(Callers *callers) {
        Failure failure = FAILURE_INIT;

        if (!callers)
                return NULL;
        failure_set(&failure, FAILURE_KERNEL, ECANCELED,
                        "The service is stopping; the call was not carried out. Try again.");
        LIST_FOREACH_SAFE(&callers->busy, node) {
                Caller *caller = container_of(node, Caller, link);

                refuse_all(caller, -ECANCELED, &failure);
                caller_free(caller);
        }
        LIST_FOREACH_SAFE(&callers->idle, node)
                caller_free(container_of(node, Caller, link));
        free(callers);
        return NULL;
}

/* It has no calls here any more. */
static void set_idle(Caller *caller) {
        Callers *callers = caller->callers;

        list_unlink(&caller->link);
        list_append(&callers->idle, &caller->link);
        if (++callers->n_idle <= CALLERS_KNOWN)
                return;
        callers->n_idle--;
        caller_free(container_of(callers->idle.next, Caller, link));
}

/* The call goes to the end of the queue of those read already. */
static int dispatch_again(Callers *callers, sd_bus_message *call) {
        int r = sd_bus_message_rewind(call, true);

        if (r >= 0)
                r = sd_bus_enqueue_for_read(callers->bus, call);
        return r < 0 ? r : 0;
}

static void let_pass(Caller *caller) {
        const Failure failure = FAILURE_INIT;

        LIST_FOREACH_SAFE(&caller->calls, node) {
                Waiting *waiting = container_of(node, Waiting, link);
                int r = dispatch_again(caller->callers, waiting->call);

                if (r < 0)
                        refuse(waiting, r, &failure);
        }
        if (list_is_empty(&caller->calls))
                set_idle(caller);
}

static int on_credentials(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        Failure failure = FAILURE_INIT;
        Caller *caller = userdata;

        caller->question = sd_bus_slot_unref(caller->question);
        if (!sd_bus_message_is_method_error(answer, NULL) &&
                        read_credentials(answer, caller) >= 0) {
                let_pass(caller);
                return 0;
        }
        /* Who is gone waits for no answer. */
        if (!sd_bus_message_is_method_error(answer, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
                failure_set(&failure, FAILURE_ACCESS_DENIED, EACCES,
                                "The bus does not say who you are.");
                refuse_all(caller, -EACCES, &failure);
        }
        caller_free(caller);
        return 0;
}

static int ask_bus(Caller *caller) {
        _cleanup_sd_message_ sd_bus_message *question = NULL;
        sd_bus *bus = caller->callers->bus;
        int r;

        r = sd_bus_message_new_method_call(bus, &question, "org.freedesktop.DBus",
                        "/org/freedesktop/DBus", "org.freedesktop.DBus",
                        "GetConnectionCredentials");
        if (r >= 0)
                r = sd_bus_message_append_basic(question, SD_BUS_TYPE_STRING, caller->name);
        if (r < 0)
                return r;
        return sd_bus_call_async(
                        bus, &caller->question, question, on_credentials, caller, ASK_TIMEOUT_USEC);
}

/* name: known to fit. -ENOMEM, -errno of sd-bus. */
static int make_caller(Callers *callers, const char *name, Caller **ret) {
        Caller *caller = calloc(1, sizeof(Caller));
        int r;

        if (!caller)
                return -ENOMEM;
        memcpy(caller->name, name, strlen(name) + 1);
        caller->callers = callers;
        caller->uid = (uid_t)-1;
        list_init(&caller->calls);
        list_init(&caller->link);
        if (!tsearch(caller, &callers->by_name, compare_names)) {
                free(caller);
                return -ENOMEM;
        }
        list_append(&callers->busy, &caller->link);
        r = ask_bus(caller);
        if (r < 0) {
                caller_free(caller);
                return r;
        }
        *ret = caller;
        return 0;
}

static int too_many(Failure *failure) {
        return failure_set(failure, FAILURE_LIMITS_EXCEEDED, EUSERS,
                        "Too many calls wait for the bus to say who makes them. Try again when "
                        "some have been answered.");
}

/* -EUSERS, -ENOMEM */
static int keep(Caller *caller, sd_bus_message *call, Failure *failure) {
        Waiting *waiting;

        if (caller->n_calls >= WAITING_PER_CALLER || caller->callers->n_waiting >= WAITING_MAX)
                return too_many(failure);
        waiting = calloc(1, sizeof(Waiting));
        if (!waiting)
                return -ENOMEM;
        waiting->caller = caller;
        waiting->call = sd_bus_message_ref(call);
        list_append(&caller->calls, &waiting->link);
        caller->n_calls++;
        caller->callers->n_waiting++;
        return 0;
}

/* NULL: not known, or not a name that can be. */
static Caller *find_caller(const Callers *callers, const char *name) {
        Caller key, **found;

        if (!name || *name != ':' || strlen(name) >= CALLER_NAME_SIZE)
                return NULL;
        memcpy(key.name, name, strlen(name) + 1);
        found = tfind(&key, &callers->by_name, compare_names);
        return found ? *found : NULL;
}

/* The first call of a caller. */
static int meet_new(Callers *callers, sd_bus_message *call, const char *name, Failure *failure) {
        Caller *caller;
        int r;

        if (callers->n_waiting >= WAITING_MAX)
                return too_many(failure);
        r = make_caller(callers, name, &caller);
        if (r < 0)
                return r;
        r = keep(caller, call, failure);
        if (r < 0)
                caller_free(caller);
        return r;
}

/* Others of the same caller are on their way again: this is the first of them, or comes after them. */
static int meet_again(Caller *caller, sd_bus_message *call, Failure *failure) {
        Waiting *first = container_of(caller->calls.next, Waiting, link);
        int r;

        if (first->call == call) {
                waiting_free(first);
                if (list_is_empty(&caller->calls))
                        set_idle(caller);
                return 1;
        }
        r = keep(caller, call, failure);
        if (r < 0)
                return r;
        r = dispatch_again(caller->callers, call);
        if (r < 0)
                waiting_free(container_of(caller->calls.prev, Waiting, link));
        return r;
}

static int no_sender(Failure *failure) {
        return failure_set(failure, FAILURE_ACCESS_DENIED, EACCES, "The call has no sender.");
}

int callers_meet(Callers *callers, sd_bus_message *call, Failure *failure) {
        const char *name = sd_bus_message_get_sender(call);
        Caller *caller = find_caller(callers, name);

        if (!name || *name != ':' || strlen(name) >= CALLER_NAME_SIZE)
                return no_sender(failure);
        if (!caller)
                return meet_new(callers, call, name, failure);
        if (caller->question)
                return keep(caller, call, failure);
        if (list_is_empty(&caller->calls))
                return 1;
        return meet_again(caller, call, failure);
}

int callers_find(const Callers *callers, sd_bus_message *call, Subject *ret, Failure *failure) {
        const Caller *caller = find_caller(callers, sd_bus_message_get_sender(call));

        if (!caller || caller->question)
                return no_sender(failure);
        *ret = (Subject){
                .uid = caller->uid,
                .groups = caller->groups,
                .n_groups = caller->n_groups,
        };
        return 0;
}
