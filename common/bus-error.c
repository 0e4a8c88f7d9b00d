/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/bus-error.h"

#include <errno.h>
#include <string.h>

#define OURS(name)     "org.vnicd1.Error." name
#define STANDARD(name) "org.freedesktop.DBus.Error." name

static const char *const names[FAILURE_KIND_MAX] = {
        [FAILURE_NONE] = STANDARD("Failed"),
        [FAILURE_INVALID_OPTION] = OURS("InvalidOption"),
        [FAILURE_NO_SUCH_BRIDGE] = OURS("NoSuchBridge"),
        [FAILURE_NOT_A_BRIDGE] = OURS("NotABridge"),
        [FAILURE_BRIDGE_FULL] = OURS("BridgeFull"),
        [FAILURE_MAC_IN_USE] = OURS("MacInUse"),
        [FAILURE_NO_SUCH_ENDPOINT] = OURS("NoSuchEndpoint"),
        [FAILURE_NO_SUCH_NETWORK] = OURS("NoSuchNetwork"),
        [FAILURE_NAME_TAKEN] = OURS("NameTaken"),
        [FAILURE_ADDRESS_IN_USE] = OURS("AddressInUse"),
        [FAILURE_QUOTA_EXCEEDED] = OURS("QuotaExceeded"),
        [FAILURE_QUEUE_LIMIT] = OURS("QueueLimit"),
        [FAILURE_NOT_MULTIQUEUE] = OURS("NotMultiqueue"),
        [FAILURE_VNET_HDR_REQUIRED] = OURS("VnetHdrRequired"),
        [FAILURE_OFFLOAD_UNSUPPORTED] = OURS("OffloadUnsupported"),
        [FAILURE_NOT_SUPPORTED] = OURS("NotSupported"),
        [FAILURE_STALE] = OURS("Stale"),
        [FAILURE_KERNEL] = OURS("KernelError"),
        [FAILURE_INVALID_CONFIGURATION] = OURS("InvalidConfiguration"),
        [FAILURE_INVALID_ARGS] = STANDARD("InvalidArgs"),
        [FAILURE_ACCESS_DENIED] = STANDARD("AccessDenied"),
        [FAILURE_INTERACTION_REQUIRED] = STANDARD("InteractiveAuthorizationRequired"),
        [FAILURE_LIMITS_EXCEEDED] = STANDARD("LimitsExceeded"),
        [FAILURE_UNKNOWN_OBJECT] = STANDARD("UnknownObject"),
        [FAILURE_UNKNOWN_INTERFACE] = STANDARD("UnknownInterface"),
        [FAILURE_UNKNOWN_METHOD] = STANDARD("UnknownMethod"),
        [FAILURE_NO_MEMORY] = STANDARD("NoMemory"),
};

const char *error_name(FailureKind kind) {
        return names[kind < FAILURE_KIND_MAX ? kind : FAILURE_NONE];
}

FailureKind error_kind(const char *name) {
        if (!name)
                return FAILURE_NONE;
        for (FailureKind kind = FAILURE_NONE + 1; kind < FAILURE_KIND_MAX; kind++)
                if (strcmp(names[kind], name) == 0)
                        return kind;
        return FAILURE_NONE;
}

int error_answer(sd_bus_error *error, const Failure *failure, int r) {
        int code = r < 0 ? r : -EIO;

        if (r >= 0)
                return 1;
        if (failure->kind != FAILURE_NONE)
                sd_bus_error_set(error, error_name(failure->kind), failure->text);
        else if (code == -ENOMEM)
                sd_bus_error_set_const(error, error_name(FAILURE_NO_MEMORY),
                                "The service is out of memory; nothing was changed. Try again later.");
        else
                sd_bus_error_setf(error, error_name(FAILURE_KERNEL),
                                "The request failed: %s. Nothing was changed.", strerror(-code));
        return code;
}
