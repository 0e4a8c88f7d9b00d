/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/until-logout.h"

#include <errno.h>

#include "bus/logins.h"
#include "common/log.h"

static void on_ended(uid_t uid, void *userdata) {
        const Service *service = userdata;

        manager_end_login(service->manager, uid);
}

int until_logout_begin(Service *service) {
        const Endpoint *endpoint = NULL;
        int r = logins_new(&service->logins, service->bus, on_ended, service);

        while (r >= 0 && (endpoint = manager_next(service->manager, endpoint)))
                until_logout_follow(service, endpoint);
        return r;
}

void until_logout_follow(Service *service, const Endpoint *endpoint) {
        if (endpoint->tag.until_logout && service->logins &&
                        logins_follow(service->logins, endpoint->tag.uid) < 0)
                log_error("Out of memory: %s stays when its owner has logged out",
                                endpoint->now.name);
}

/* A call asks once: whatever other logins and logouts there are meanwhile, its answer does not wait
 * for them. */
int until_logout_check(Service *service, Call *call, uid_t owner, List **ret_blocked_on,
                Failure *failure) {
        int r;

        if (logins_has_session(service->logins, owner))
                return PLACEMENT_OK;
        if (call->error == -LOGINS_NO_SESSION)
                return failure_set(failure, FAILURE_INVALID_OPTION, LOGINS_NO_SESSION,
                                "The option \"until_logout\" was given, but user %u has no login session that it could last for (of class \"user\", and not closing: see loginctl). Log in, or have an administrator allow \"persistent\".",
                                (unsigned)owner);
        if (call->error == -LOGINS_NO_ANSWER)
                return failure_set(failure, FAILURE_NOT_SUPPORTED, EOPNOTSUPP,
                                "The option \"until_logout\" needs systemd-logind, which does not say whether user %u is logged in. See whether it runs (loginctl), or have an administrator allow \"persistent\".",
                                (unsigned)owner);
        /* It counts like a call that waits for polkit. */
        r = authorization_open(&call->authorization, failure);
        if (r < 0)
                return r;
        *ret_blocked_on = logins_ask(service->logins, owner);
        return *ret_blocked_on ? PLACEMENT_BLOCKED : -ENOMEM;
}
