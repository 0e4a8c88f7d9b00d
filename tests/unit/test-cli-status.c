/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exit statuses, on which scripts rely: one for each error. */
#include "common/bus-error.h"
#include "status.h"
#include "testing.h"

/* The statuses in vnicctl(1). A kind that is not here has STATUS_OK, which no error may have. */
static const Status of_kind[FAILURE_KIND_MAX] = {
        [FAILURE_NONE] = STATUS_FAILURE,
        [FAILURE_INVALID_OPTION] = STATUS_BAD_OPTION,
        [FAILURE_NO_SUCH_BRIDGE] = STATUS_NOT_FOUND,
        [FAILURE_NOT_A_BRIDGE] = STATUS_NOT_FOUND,
        [FAILURE_BRIDGE_FULL] = STATUS_LIMIT,
        [FAILURE_MAC_IN_USE] = STATUS_TAKEN,
        [FAILURE_NO_SUCH_ENDPOINT] = STATUS_NOT_FOUND,
        [FAILURE_NO_SUCH_NETWORK] = STATUS_NOT_FOUND,
        [FAILURE_NAME_TAKEN] = STATUS_TAKEN,
        [FAILURE_ADDRESS_IN_USE] = STATUS_TAKEN,
        [FAILURE_QUOTA_EXCEEDED] = STATUS_LIMIT,
        [FAILURE_QUEUE_LIMIT] = STATUS_LIMIT,
        [FAILURE_NOT_MULTIQUEUE] = STATUS_BAD_OPTION,
        [FAILURE_VNET_HDR_REQUIRED] = STATUS_BAD_OPTION,
        [FAILURE_OFFLOAD_UNSUPPORTED] = STATUS_NOT_SUPPORTED,
        [FAILURE_NOT_SUPPORTED] = STATUS_NOT_SUPPORTED,
        [FAILURE_STALE] = STATUS_KERNEL,
        [FAILURE_KERNEL] = STATUS_KERNEL,
        [FAILURE_INVALID_CONFIGURATION] = STATUS_FAILURE,
        [FAILURE_INVALID_ARGS] = STATUS_BAD_OPTION,
        [FAILURE_ACCESS_DENIED] = STATUS_DENIED,
        [FAILURE_INTERACTION_REQUIRED] = STATUS_AUTH_REQUIRED,
        [FAILURE_LIMITS_EXCEEDED] = STATUS_LIMIT,
        [FAILURE_UNKNOWN_OBJECT] = STATUS_NOT_FOUND,
        [FAILURE_UNKNOWN_INTERFACE] = STATUS_NOT_SUPPORTED,
        [FAILURE_UNKNOWN_METHOD] = STATUS_NOT_SUPPORTED,
        [FAILURE_NO_MEMORY] = STATUS_FAILURE,
};

static void assert_status(const char *name, Status wanted) {
        Status status = status_from_error_name(name);

        if (status != wanted)
                fail_msg("%s: %d instead of %d", name, (int)status, (int)wanted);
}

static void every_error_of_the_service_has_its_status(void **state) {
        for (FailureKind kind = FAILURE_NONE; kind < FAILURE_KIND_MAX; kind++) {
                if (of_kind[kind] == STATUS_OK)
                        fail_msg("%s has no status here", error_name(kind));
                assert_status(error_name(kind), of_kind[kind]);
        }
}

static void what_the_bus_says_in_place_of_the_service_has_one_too(void **state) {
        static const char *const unreachable[] = { "org.freedesktop.DBus.Error.ServiceUnknown",
                "org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.NoServer",
                "org.freedesktop.DBus.Error.Disconnected", "org.freedesktop.DBus.Error.NoReply",
                "org.freedesktop.DBus.Error.Timeout", "org.freedesktop.DBus.Error.TimedOut",
                "org.freedesktop.DBus.Error.Spawn.ChildExited",
                "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
                "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.UnitMasked" };

        for (size_t i = 0; i < ELEMENTS(unreachable); i++)
                assert_status(unreachable[i], STATUS_UNREACHABLE);
        assert_status("org.freedesktop.DBus.Error.UnknownProperty", STATUS_NOT_SUPPORTED);
}

static void any_other_error_is_a_failure(void **state) {
        static const char *const others[] = { "", "com.example.Error", "org.vnicd1.Error.",
                "org.vnicd1.Error.QuotaExceede", "org.vnicd1.Error.QuotaExceeded2",
                "org.vnicd1.Error.LimitsExceeded", "org.freedesktop.DBus.Error.QuotaExceeded",
                "org.freedesktop.DBus.Error.Spawn", "org.freedesktop.systemd10.NoSuchUnit" };

        for (size_t i = 0; i < ELEMENTS(others); i++)
                assert_status(others[i], STATUS_FAILURE);
        assert_int_equal(status_from_error_name(NULL), STATUS_FAILURE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_error_of_the_service_has_its_status),
                cmocka_unit_test(what_the_bus_says_in_place_of_the_service_has_one_too),
                cmocka_unit_test(any_other_error_is_a_failure),
        };

        return cmocka_run_group_tests_name("cli-status", tests, NULL, NULL);
}
