/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/logins.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus-cleanup.h"
#include "bus/signal-match.h"
#include "common/clock.h"
#include "common/debounce.h"
#include "common/log.h"

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define MANAGER     LOGIND_NAME ".Manager"
#define SESSION     LOGIND_NAME ".Session"

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"

#define BUS_NAME   "org.freedesktop.DBus"
#define PROPERTIES BUS_NAME ".Properties"

/* A person waits for it. */
#define ANSWER_USEC      (10 * UINT64_C(1000000))
#define AGAIN_AFTER_USEC (50 * DEBOUNCE_USEC)

/* Any caller can have logind asked as often as they like, and what it refuses is tried for ever. */
#define LOG_FAILURE_USEC (60 * UINT64_C(1000000))

/* At a time: the bus limits a connection to 128 pending replies, and polkit's are more urgent. */
#define LOOKS_MAX 8

/* A session may begin behind our back while the last one ends: then we look again, so many times.
 */
#define ROUNDS_MAX 4

DEFINE_CLEANUP(Logins, logins_free)

enum {
        N_MATCHES = 5
};

struct Logins {
        sd_bus *bus;
        SignalSender *logind, *systemd;
        SignalMatch *matches[N_MATCHES];
        List users;              /* LoginUser.link */
        List due;                /* LoginUser.due, as they came */
        Debounce *soon;          /* begins the looks that are due */
        List later;              /* LoginUser.due, until the pause is over */
        Debounce *pause;         /* after the first of several changes, or after a failure */
        unsigned n_looking;      /* users about whom logind is being asked */
        uint64_t log_failure_at; /* µs of CLOCK_MONOTONIC: before, it is not logged again */
        bool beginning;
        logins_ended_t ended;
        void *userdata;
};

/* One about whom somebody waits for an answer; or who was logged in when we looked last, or has
 * something that ends when they are not. */
typedef struct LoginUser {
        List link, due;
        List waiters; /* RemovalWaiter.link */
        Logins *logins;
        uid_t uid;
        bool followed;
        bool paused;           /* in Logins.later */
        char *session, *scope; /* the objects of one that counts; NULL: none is known */
        /* While logind is asked: */
        bool looking;
        sd_bus_slot *question;
        char **paths; /* of their sessions; ends with NULL */
        size_t next;  /* of those, to be looked at */
        unsigned rounds;
        bool somebody_came; /* since the sessions were listed */
} LoginUser;

static LoginUser *find(const Logins *logins, uid_t uid) {
        LIST_FOREACH(&logins->users, node) {
                LoginUser *user = container_of(node, LoginUser, link);

                if (user->uid == uid)
                        return user;
        }
        return NULL;
}

static void free_paths(LoginUser *user) {
        for (char **path = user->paths; path && *path; path++)
                free(*path);
        free(user->paths);
        user->paths = NULL;
        user->next = 0;
}

static void end_look(LoginUser *user) {
        list_unlink(&user->due);
        user->paused = false;
        user->question = sd_bus_slot_unref(user->question);
        user->logins->n_looking -= user->looking;
        user->looking = false;
        user->rounds = 0;
        free_paths(user);
}

static void user_free(LoginUser *user) {
        end_look(user);
        list_unlink(&user->link);
        free(user->session);
        free(user->scope);
        free(user);
}

/* All that happens within the pause is looked at once. A look that is under way needs no other
 * after it: what logind answers of a session is newer than any signal that was read before. */
static void look_later(LoginUser *user, uint64_t pause_usec) {
        if (user->looking || !list_is_empty(&user->due))
                return;
        list_append(&user->logins->later, &user->due);
        user->paused = true;
        debounce_later(user->logins->pause, pause_usec);
}

static void begin_looks(Logins *logins);

/* The answer is for all who have asked so far. Call last: it may free the user. */
static void conclude(LoginUser *user, int error) {
        Logins *logins = user->logins;
        const bool has_ended = user->followed && error == -LOGINS_NO_SESSION;
        const uid_t uid = user->uid;

        notify_removed(&user->waiters, error);
        if (has_ended || (error < 0 && !user->followed))
                user_free(user);
        if (has_ended)
                logins->ended(uid, logins->userdata);
        begin_looks(logins);
}

/* If logind is not there, its return is the next time to look. */
static bool is_worth_another_try(const sd_bus_error *error) {
        return !error ||
                        (!sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) &&
                                        !sd_bus_error_has_name(
                                                        error, SD_BUS_ERROR_SERVICE_UNKNOWN));
}

static void log_failure(const LoginUser *user, const sd_bus_error *error) {
        const uint64_t now = clock_now_usec();

        if (!user->followed || now < user->logins->log_failure_at)
                return;
        user->logins->log_failure_at = now + LOG_FAILURE_USEC;
        log_warning("Cannot find out whether uid %u is logged in: %s", (unsigned)user->uid,
                        error && error->message ? error->message
                                                : "systemd-logind cannot be understood");
}

/* error: NULL: it could not be asked, or its answer cannot be read. Call last. */
static void fail(LoginUser *user, const sd_bus_error *error) {
        end_look(user);
        if (user->followed && is_worth_another_try(error))
                look_later(user, AGAIN_AFTER_USEC);
        log_failure(user, error);
        conclude(user, -LOGINS_NO_ANSWER);
}

static int ask(LoginUser *user, sd_bus_message_handler_t callback, const char *path,
                const char *interface, const char *member, const char *types, ...) {
        _cleanup_sd_message_ sd_bus_message *call = NULL;
        sd_bus *bus = user->logins->bus;
        va_list arguments;
        int r;

        user->question = sd_bus_slot_unref(user->question);
        r = sd_bus_message_new_method_call(bus, &call, LOGIND_NAME, path, interface, member);
        if (r < 0)
                return r;
        /* One that does not start would otherwise be started again with each try. */
        r = sd_bus_message_set_auto_start(call, false);
        if (r < 0)
                return r;
        va_start(arguments, types);
        r = sd_bus_message_appendv(call, types, arguments);
        va_end(arguments);
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, &user->question, call, callback, user, ANSWER_USEC);
}

/* 1: the answer has what was asked for. 0: what was asked about is gone. -EPROTO: the look has
 * failed, and the user may be freed. */
static int check_answer(LoginUser *user, sd_bus_message *answer) {
        const sd_bus_error *error = sd_bus_message_get_error(answer);

        if (!error)
                return 1;
        if (sd_bus_error_has_name(error, LOGIND_NAME ".NoSuchUser") ||
                        sd_bus_error_has_name(error, LOGIND_NAME ".NoSuchSession") ||
                        sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                return 0;
        fail(user, error);
        return -EPROTO;
}

static void begin_round(LoginUser *user);
static void look_at_next(LoginUser *user);

static void find_none(LoginUser *user) {
        if (user->somebody_came && ++user->rounds < ROUNDS_MAX) {
                begin_round(user);
                return;
        }
        end_look(user);
        conclude(user, -LOGINS_NO_SESSION);
}

/* The session that was just looked at is the one to watch. -ENOMEM */
static int remember(LoginUser *user, const char *scope) {
        _cleanup_free_ char *path = strdup(user->paths[user->next]), *scope_path = NULL;
        int r = sd_bus_path_encode(SYSTEMD_PATH "/unit", scope, &scope_path);

        if (r < 0 || !path)
                return r < 0 ? r : -ENOMEM;
        free(user->session);
        free(user->scope);
        user->session = TAKE_PTR(path);
        user->scope = TAKE_PTR(scope_path);
        user->followed = true;
        return 0;
}

/* The text of the variant; "": it is something else. */
static int read_text(sd_bus_message *answer, const char **ret) {
        const char *contents;
        int r = sd_bus_message_peek_type(answer, NULL, &contents);

        *ret = "";
        if (r > 0 && strcmp(contents, "s") == 0)
                return sd_bus_message_read(answer, "v", "s", ret);
        return r < 0 ? r : sd_bus_message_skip(answer, "v");
}

/* 1: the session counts, and *ret_scope is its scope; 0: it does not. */
static int read_session(sd_bus_message *answer, const char **ret_scope) {
        const char *name, *value, *class = "", *state = "";
        int r = sd_bus_message_enter_container(answer, 'a', "{sv}");

        *ret_scope = "";
        while (r >= 0 && (r = sd_bus_message_enter_container(answer, 'e', "sv")) > 0) {
                r = sd_bus_message_read(answer, "s", &name);
                if (r >= 0)
                        r = read_text(answer, &value);
                if (r >= 0)
                        r = sd_bus_message_exit_container(answer);
                if (r < 0)
                        return r;
                if (strcmp(name, "Class") == 0)
                        class = value;
                else if (strcmp(name, "State") == 0)
                        state = value;
                else if (strcmp(name, "Scope") == 0)
                        *ret_scope = value;
        }
        return r < 0 ? r : strcmp(class, "user") == 0 && *state && strcmp(state, "closing") != 0;
}

static int on_session(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        LoginUser *user = userdata;
        const char *scope;
        int r = check_answer(user, answer);

        if (r < 0)
                return 0;
        if (r == 0 || (r = read_session(answer, &scope)) == 0) {
                user->next++;
                look_at_next(user);
                return 0;
        }
        if (r > 0)
                r = remember(user, scope);
        if (r < 0) {
                fail(user, NULL);
                return 0;
        }
        end_look(user);
        conclude(user, 0);
        return 0;
}

static void look_at_next(LoginUser *user) {
        const char *path = user->paths[user->next];

        if (!path)
                find_none(user);
        else if (ask(user, on_session, path, PROPERTIES, "GetAll", "s", SESSION) < 0)
                fail(user, NULL);
}

static int read_paths(sd_bus_message *answer, char ***ret) {
        const char *path;
        size_t n = 0;
        int r;

        *ret = calloc(1, sizeof(**ret));
        r = *ret ? sd_bus_message_enter_container(answer, 'v', "a(so)") : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_enter_container(answer, 'a', "(so)");
        while (r >= 0 && (r = sd_bus_message_read(answer, "(so)", NULL, &path)) > 0) {
                char **larger = reallocarray(*ret, n + 2, sizeof(*larger));

                if (!larger)
                        return -ENOMEM;
                *ret = larger;
                larger[n] = strdup(path);
                if (!larger[n])
                        return -ENOMEM;
                larger[++n] = NULL;
        }
        return r;
}

static int on_sessions(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        LoginUser *user = userdata;
        int r = check_answer(user, answer);

        if (r == 0)
                find_none(user);
        else if (r > 0 && read_paths(answer, &user->paths) < 0)
                fail(user, NULL);
        else if (r > 0)
                look_at_next(user);
        return 0;
}

static int on_user(sd_bus_message *answer, void *userdata, sd_bus_error *error) {
        LoginUser *user = userdata;
        const char *path;
        int r = check_answer(user, answer);

        if (r == 0)
                find_none(user);
        else if (r > 0 &&
                        (sd_bus_message_read(answer, "o", &path) < 0 ||
                                        ask(user, on_sessions, path, PROPERTIES, "Get", "ss",
                                                        LOGIND_NAME ".User", "Sessions") < 0))
                fail(user, NULL);
        return 0;
}

static void begin_round(LoginUser *user) {
        free_paths(user);
        user->somebody_came = false;
        if (ask(user, on_user, LOGIND_PATH, MANAGER, "GetUser", "u", (uint32_t)user->uid) < 0)
                fail(user, NULL);
}

/* Whatever ends one look begins the next, here or in the call of this that is under way. */
static void begin_looks(Logins *logins) {
        if (logins->beginning)
                return;
        logins->beginning = true;
        while (logins->n_looking < LOOKS_MAX && !list_is_empty(&logins->due)) {
                LoginUser *user = container_of(logins->due.next, LoginUser, due);

                list_unlink(&user->due);
                user->looking = true;
                logins->n_looking++;
                begin_round(user);
        }
        logins->beginning = false;
}

static void on_pause_over(void *userdata) {
        Logins *logins = userdata;

        LIST_FOREACH_SAFE(&logins->later, node) {
                container_of(node, LoginUser, due)->paused = false;
                list_unlink(node);
                list_append(&logins->due, node);
        }
        begin_looks(logins);
}

static void on_soon(void *userdata) {
        begin_looks(userdata);
}

static int on_session_new(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        Logins *logins = userdata;

        LIST_FOREACH(&logins->users, node)
                container_of(node, LoginUser, link)->somebody_came = true;
        return 0;
}

static void see_change(Logins *logins, const char *path) {
        LIST_FOREACH(&logins->users, node) {
                LoginUser *user = container_of(node, LoginUser, link);

                if (user->session &&
                                (strcmp(user->session, path) == 0 ||
                                                strcmp(user->scope, path) == 0))
                        look_later(user, DEBOUNCE_USEC);
        }
}

static int on_session_removed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        const char *path;

        if (sd_bus_message_read(signal, "so", NULL, &path) > 0)
                see_change(userdata, path);
        return 0;
}

static int on_object_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        see_change(userdata, sd_bus_message_get_path(signal));
        return 0;
}

/* Sessions may have ended while logind was away. Looks that it did not finish begin anew. */
static int on_owner(sd_bus_message *signal, void *userdata, sd_bus_error *error) {
        Logins *logins = userdata;
        const char *owner;

        if (sd_bus_message_read(signal, "sss", NULL, NULL, &owner) <= 0 || *owner == '\0')
                return 0;
        LIST_FOREACH(&logins->users, node) {
                LoginUser *user = container_of(node, LoginUser, link);

                end_look(user);
                list_append(&logins->due, &user->due);
        }
        begin_looks(logins);
        return 0;
}

typedef struct Match {
        SignalRule rule;
        enum {
                OF_LOGIND,
                OF_SYSTEMD,
                OF_BUS
        } sender;
        sd_bus_message_handler_t handler;
} Match;

static const Match matches[N_MATCHES] = {
        { { .path = LOGIND_PATH, .interface = MANAGER, .member = "SessionNew" }, OF_LOGIND,
                        on_session_new },
        { { .path = LOGIND_PATH, .interface = MANAGER, .member = "SessionRemoved" }, OF_LOGIND,
                        on_session_removed },
        { { .below = LOGIND_PATH "/session",
                          .interface = PROPERTIES,
                          .member = "PropertiesChanged",
                          .arg0 = SESSION },
                        OF_LOGIND, on_object_changed },
        { { .below = SYSTEMD_PATH "/unit",
                          .interface = PROPERTIES,
                          .member = "PropertiesChanged",
                          .arg0 = SYSTEMD_NAME ".Scope" },
                        OF_SYSTEMD, on_object_changed },
        { { .path = "/org/freedesktop/DBus",
                          .interface = BUS_NAME,
                          .member = "NameOwnerChanged",
                          .arg0 = LOGIND_NAME },
                        OF_BUS, on_owner },
};

/* Before logind is asked, so that no change after its answer is missed. */
static int listen_to_all(Logins *logins) {
        int r = 0;

        if (!logins->logind)
                r = signal_sender_new(&logins->logind, logins->bus, LOGIND_NAME);
        if (r >= 0 && !logins->systemd) {
                r = signal_sender_new(&logins->systemd, logins->bus, SYSTEMD_NAME);
                if (r >= 0)
                        r = sd_bus_call_method_async(logins->bus, NULL, SYSTEMD_NAME, SYSTEMD_PATH,
                                        SYSTEMD_NAME ".Manager", "Subscribe", NULL, NULL, NULL);
        }
        for (size_t i = 0; i < N_MATCHES && r >= 0; i++) {
                const SignalSender *const senders[] = { logins->logind, logins->systemd, NULL };

                if (!logins->matches[i])
                        r = signal_match_new(&logins->matches[i], logins->bus,
                                        senders[matches[i].sender], &matches[i].rule,
                                        matches[i].handler, logins);
        }
        return r;
}

int logins_new(Logins **ret, sd_bus *bus, logins_ended_t ended, void *userdata) {
        _cleanup_(logins_freep) Logins *logins = calloc(1, sizeof(Logins));
        int r;

        if (!logins)
                return -ENOMEM;
        logins->bus = sd_bus_ref(bus);
        logins->ended = ended;
        logins->userdata = userdata;
        list_init(&logins->users);
        list_init(&logins->due);
        list_init(&logins->later);
        r = debounce_new(&logins->pause, sd_bus_get_event(bus), on_pause_over, logins);
        if (r >= 0)
                r = debounce_new(&logins->soon, sd_bus_get_event(bus), on_soon, logins);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(logins);
        return 0;
}

Logins *logins_free(Logins *logins) {
        if (!logins)
                return NULL;
        LIST_FOREACH_SAFE(&logins->users, node) {
                LoginUser *user = container_of(node, LoginUser, link);

                notify_removed(&user->waiters, -ECANCELED);
                user_free(user);
        }
        for (size_t i = 0; i < N_MATCHES; i++)
                signal_match_free(logins->matches[i]);
        signal_sender_free(logins->systemd);
        signal_sender_free(logins->logind);
        debounce_free(logins->soon);
        debounce_free(logins->pause);
        sd_bus_unref(logins->bus);
        free(logins);
        return NULL;
}

bool logins_has_session(const Logins *logins, uid_t uid) {
        const LoginUser *user = find(logins, uid);

        return user && user->session;
}

/* NULL: out of memory, or the bus is gone. */
static LoginUser *get(Logins *logins, uid_t uid) {
        LoginUser *user = find(logins, uid);

        if (user || listen_to_all(logins) < 0)
                return user;
        user = calloc(1, sizeof(LoginUser));
        if (!user)
                return NULL;
        user->logins = logins;
        user->uid = uid;
        list_init(&user->due);
        list_init(&user->waiters);
        list_append(&logins->users, &user->link);
        return user;
}

/* From the loop. Whoever is due already keeps their place; the pause of others goes on. */
static void look_soon(LoginUser *user) {
        if (user->looking)
                return;
        if (user->paused || list_is_empty(&user->due)) {
                user->paused = false;
                list_unlink(&user->due);
                list_append(&user->logins->due, &user->due);
        }
        debounce_soon(user->logins->soon);
}

List *logins_ask(Logins *logins, uid_t uid) {
        LoginUser *user = get(logins, uid);

        if (!user)
                return NULL;
        look_soon(user);
        return &user->waiters;
}

int logins_follow(Logins *logins, uid_t uid) {
        LoginUser *user = get(logins, uid);

        if (!user)
                return -ENOMEM;
        user->followed = true;
        if (!user->session)
                look_soon(user);
        return 0;
}
