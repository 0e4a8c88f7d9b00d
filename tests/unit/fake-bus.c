/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-bus.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "testing.h"

#define BUS "org.freedesktop.DBus"

static void reply(sd_bus_message *call, const char *types, ...) {
        sd_bus_message *answer;
        va_list values;

        assert_ok(sd_bus_message_new_method_return(call, &answer));
        assert_ok(sd_bus_message_set_sender(answer, BUS));
        va_start(values, types);
        assert_ok(sd_bus_message_appendv(answer, types, values));
        va_end(values);
        assert_ok(sd_bus_message_send(answer));
        sd_bus_message_unref(answer);
}

static void say_who(const FakeBus *bus, sd_bus_message *question) {
        const char *name;

        assert_ok(sd_bus_message_read(question, "s", &name));
        if (bus->ignorance)
                assert_ok(sd_bus_reply_method_errorf(question, bus->ignorance, "Not known"));
        else if (bus->hides_uid)
                reply(question, "a{sv}", 2, "ProcessID", "u", 1, "UnixGroupIDs", "au", 0);
        else
                reply(question, "a{sv}", 2, "UnixUserID", "u",
                                (uint32_t)strtoul(name + 1, NULL, 10), "UnixGroupIDs", "au", 0);
        sd_bus_message_unref(question);
}

static int on_credentials(FakeBus *bus, sd_bus_message *question) {
        bus->n_said++;
        sd_bus_message_ref(question);
        if (!bus->silent) {
                say_who(bus, question);
                return 1;
        }
        assert_true(bus->n_unsaid < ELEMENTS(bus->unsaid));
        bus->unsaid[bus->n_unsaid++] = question;
        return 1;
}

static int on_check(FakeBus *bus, sd_bus_message *question) {
        FakeCheck *check = &bus->checks[bus->n_checks++];
        const char *caller;
        uint32_t flags;

        assert_true(bus->n_checks < ELEMENTS(bus->checks));
        check->question = sd_bus_message_ref(question);
        assert_ok(sd_bus_message_enter_container(question, 'r', "sa{sv}"));
        assert_ok(sd_bus_message_skip(question, "s"));
        assert_ok(sd_bus_message_read(question, "a{sv}", 1, NULL, "s", &caller));
        assert_ok(sd_bus_message_exit_container(question));
        snprintf(check->caller, sizeof(check->caller), "%s", caller);
        assert_ok(sd_bus_message_skip(question, "sa{ss}"));
        assert_ok(sd_bus_message_read(question, "u", &flags));
        check->interactive = flags & 1;
        return 1;
}

static int on_reply(FakeBus *bus, sd_bus_message *answer) {
        const sd_bus_error *error = sd_bus_message_get_error(answer);
        uint64_t cookie;

        assert_ok(sd_bus_message_get_reply_cookie(answer, &cookie));
        for (size_t i = 0; i < bus->n_calls; i++) {
                FakeCall *call = &bus->calls[i];

                if (call->cookie != cookie)
                        continue;
                call->answers++;
                call->order = ++bus->n_answers;
                sd_bus_message_unref(call->answer);
                call->answer = sd_bus_message_ref(answer);
                snprintf(call->error, sizeof(call->error), "%s", error ? error->name : "");
                return 1;
        }
        return 1;
}

/* Everything that the service sends. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        FakeBus *bus = userdata;

        if (sd_bus_message_is_method_call(message, NULL, "GetConnectionCredentials"))
                return on_credentials(bus, message);
        if (sd_bus_message_is_method_call(message, NULL, "CheckAuthorization"))
                return on_check(bus, message);
        bus->n_cancelled += sd_bus_message_is_method_call(
                                            message, NULL, "CancelCheckAuthorization") > 0;
        if (sd_bus_message_is_method_call(message, BUS, "Hello"))
                reply(message, "s", ":0.1");
        else if (sd_bus_message_is_method_call(message, BUS, "GetNameOwner"))
                return sd_bus_reply_method_errorf(
                                message, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "Nobody has it");
        else if (sd_bus_message_is_method_call(message, NULL, NULL))
                reply(message, "");
        else if (sd_bus_message_is_method_error(message, NULL) ||
                        sd_bus_message_get_reply_cookie(message, &(uint64_t){ 0 }) >= 0)
                return on_reply(bus, message);
        return 1;
}

void fake_bus_enter(FakeBus *bus) {
        int fds[2];

        memset(bus, 0, sizeof(*bus));
        assert_ok(sd_event_new(&bus->event));
        assert_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
        assert_ok(sd_bus_new(&bus->other));
        assert_ok(sd_bus_set_fd(bus->other, fds[0], fds[0]));
        assert_ok(sd_bus_set_server(bus->other, true, SD_ID128_ALLF));
        assert_ok(sd_bus_negotiate_fds(bus->other, true));
        assert_ok(sd_bus_add_filter(bus->other, NULL, on_message, bus));
        assert_ok(sd_bus_start(bus->other));
        assert_ok(sd_bus_attach_event(bus->other, bus->event, SD_EVENT_PRIORITY_NORMAL));
        assert_ok(sd_bus_new(&bus->service));
        assert_ok(sd_bus_set_fd(bus->service, fds[1], fds[1]));
        assert_ok(sd_bus_set_bus_client(bus->service, true));
        assert_ok(sd_bus_negotiate_fds(bus->service, true));
        assert_ok(sd_bus_start(bus->service));
        assert_ok(sd_bus_attach_event(bus->service, bus->event, SD_EVENT_PRIORITY_NORMAL));
        for (int i = 0; i < 100 && sd_bus_is_ready(bus->service) <= 0; i++)
                assert_ok(sd_event_run(bus->event, 10000));
        assert_true(sd_bus_is_ready(bus->service) > 0);
}

void fake_bus_leave(FakeBus *bus) {
        for (size_t i = 0; i < bus->n_unsaid; i++)
                sd_bus_message_unref(bus->unsaid[i]);
        for (size_t i = 0; i < bus->n_calls; i++)
                sd_bus_message_unref(bus->calls[i].answer);
        for (size_t i = 0; i < bus->n_checks; i++)
                sd_bus_message_unref(bus->checks[i].question);
        sd_bus_close_unref(bus->service);
        sd_bus_close_unref(bus->other);
        sd_event_unref(bus->event);
}

void fake_bus_run(FakeBus *bus, unsigned quiet_msec) {
        int r;

        do {
                r = sd_event_run(bus->event, (uint64_t)quiet_msec * 1000);
                assert_ok(r);
        } while (r > 0);
}

sd_bus_message *fake_bus_new_call(FakeBus *bus, const char *caller, const char *path,
                const char *interface, const char *member) {
        sd_bus_message *call;

        assert_ok(sd_bus_message_new_method_call(
                        bus->other, &call, "org.vnicd1", path, interface, member));
        assert_ok(sd_bus_message_set_sender(call, caller));
        return call;
}

const FakeCall *fake_bus_send(FakeBus *bus, sd_bus_message *call) {
        FakeCall *sent = &bus->calls[bus->n_calls++];

        assert_true(bus->n_calls < ELEMENTS(bus->calls));
        assert_ok(sd_bus_send(bus->other, call, &sent->cookie));
        sd_bus_message_unref(call);
        return sent;
}

void fake_bus_speak(FakeBus *bus) {
        bus->silent = false;
        for (size_t i = 0; i < bus->n_unsaid; i++)
                say_who(bus, bus->unsaid[i]);
        bus->n_unsaid = 0;
}

void fake_bus_answer(FakeBus *bus, size_t check, bool authorized, bool challenge) {
        assert_true(check < bus->n_checks);
        assert_non_null(bus->checks[check].question);
        reply(bus->checks[check].question, "(bba{ss})", authorized, challenge, 0);
        bus->checks[check].question = sd_bus_message_unref(bus->checks[check].question);
}

void fake_bus_hang_up(FakeBus *bus, const char *caller) {
        sd_bus_message *signal;

        assert_ok(sd_bus_message_new_signal(
                        bus->other, &signal, "/org/freedesktop/DBus", BUS, "NameOwnerChanged"));
        assert_ok(sd_bus_message_set_sender(signal, BUS));
        assert_ok(sd_bus_message_append(signal, "sss", caller, caller, ""));
        assert_ok(sd_bus_send(bus->other, signal, NULL));
        sd_bus_message_unref(signal);
}

size_t fake_bus_open_checks(const FakeBus *bus) {
        size_t n = 0;

        for (size_t i = 0; i < bus->n_checks; i++)
                n += bus->checks[i].question != NULL;
        return n;
}
