/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Acts on what tamper_check() finds: the change is undone, or the endpoint is deleted. Nothing here
 * waits for a holder.
 */
#include "taps/tamper-guard.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "taps/deletion.h"
#include "taps/manager-private.h"

#define AGAIN_USEC (200 * 1000)

static void wake_again(Manager *manager) {
        if (manager->state == MANAGER_STOPPING)
                return;
        if (sd_event_source_set_time_relative(manager->again, AGAIN_USEC) < 0 ||
                        sd_event_source_set_enabled(manager->again, SD_EVENT_ONESHOT) < 0)
                log_error("Cannot try again to delete what was tampered with");
}

/* If nobody has asked for its end, nobody would ask again. */
static void try_again(Manager *manager, Endpoint *endpoint) {
        if (endpoint->end == ENDPOINT_END_RELEASED || !list_is_empty(&endpoint->deletion_retry))
                return;
        list_append(&manager->deletion_retries, &endpoint->deletion_retry);
        wake_again(manager);
}

/* The kernel tells of its end; only a refused deletion is reported here. */
static void on_deletion(int ifindex, int error, void *userdata) {
        Manager *manager = userdata;
        Endpoint *endpoint = registry_by_ifindex(&manager->registry, ifindex);

        if (!endpoint || error == 0 || error == -ENODEV)
                return;
        log_error("Cannot delete %s: %s", endpoint->now.name, strerror(-error));
        (void)endpoint_set_state(endpoint, ENDPOINT_LIVE);
        endpoint_notify_removed(endpoint, error);
        if (error != -ESTALE) /* then it is not ours to delete */
                try_again(manager, endpoint);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *manager = userdata;

        LIST_FOREACH_SAFE(&manager->deletion_retries, node) {
                Endpoint *endpoint = container_of(node, Endpoint, deletion_retry);

                if (manager_delete(manager, endpoint, endpoint->end) >= 0)
                        list_unlink(node);
        }
        if (!list_is_empty(&manager->deletion_retries))
                wake_again(manager);
        return 0;
}

int manager_guard_begin(Manager *manager, sd_event *event) {
        int r = sd_event_add_time(
                        event, &manager->again, CLOCK_MONOTONIC, UINT64_MAX, 1, on_again, manager);

        return r < 0 ? r : sd_event_source_set_enabled(manager->again, SD_EVENT_OFF);
}

int manager_delete(Manager *manager, Endpoint *endpoint, EndpointEnd end) {
        int r;

        if (endpoint->state != ENDPOINT_LIVE) /* it is going already */
                return 0;
        /* There are no threads any more; the next start deletes it. */
        if (manager->state == MANAGER_STOPPING)
                return -ECANCELED;
        r = deletion_submit(manager->workers, endpoint->now.ifindex, endpoint->tag.nonce,
                        on_deletion, manager);
        if (r < 0)
                return r;
        endpoint->end = end;
        return endpoint_set_state(endpoint, ENDPOINT_DELETING);
}

static void report(
                Manager *manager, const Endpoint *endpoint, TamperAction verdict, const char *why) {
        manager->tampered_usec = clock_now_usec();
        if (manager->observer)
                manager->observer->tampered(endpoint, verdict != TAMPER_ACTION_RESTORE_MAC, why,
                                manager->userdata);
}

static void delete_tampered(
                Manager *manager, Endpoint *endpoint, TamperAction verdict, const char *why) {
        EndpointEnd end = verdict == TAMPER_ACTION_TAMPERED ? ENDPOINT_END_TAMPERED
                                                            : ENDPOINT_END_CLOSED;

        if (manager_delete(manager, endpoint, end) < 0)
                log_error("Out of memory: %s stays, though %s", endpoint->now.name, why);
        else
                report(manager, endpoint, verdict, why);
}

static void restore_mac(Manager *manager, Endpoint *endpoint, LinkInfo *link, const char *why) {
        const Mac mac = mac_of_host_side(&endpoint->tag.guest_mac);
        Failure failure = FAILURE_INIT;

        if (link_set_mac(manager->netlink, link->ifindex, &mac, &failure) < 0) {
                log_warning("Cannot put the MAC of %s back: %s", link->name, failure.text);
                return;
        }
        link->mac = mac;
        endpoint->tamper.restoring = true;
        report(manager, endpoint, TAMPER_ACTION_RESTORE_MAC, why);
}

/* Until the kernel has told that the MAC was restored, an event may be older: then the link is read
 * again before anybody is blamed. Otherwise another MAC counts even if it was there for a moment
 * only. */
static void look_again(Manager *manager, Endpoint *endpoint, LinkInfo *link) {
        const Mac mac = mac_of_host_side(&endpoint->tag.guest_mac);
        LinkInfo now;

        if (mac_equal(&link->mac, &mac))
                endpoint->tamper.restoring = false;
        else if (endpoint->tamper.restoring &&
                        link_get(manager->netlink, link->ifindex, &now, NULL) >= 0)
                *link = now;
}

void manager_guard(Manager *manager, Endpoint *endpoint, LinkInfo *link) {
        const char *why = NULL;
        TamperAction verdict;

        if (endpoint->state != ENDPOINT_LIVE || manager->state == MANAGER_STOPPING)
                return;
        look_again(manager, endpoint, link);
        verdict = tamper_check(&endpoint->tamper, &endpoint->tag, link, clock_now_usec(), &why);
        switch (verdict) {
        case TAMPER_ACTION_RESTORE_MAC:
                restore_mac(manager, endpoint, link, why);
                break;
        case TAMPER_ACTION_LEFT_BEHIND:
        case TAMPER_ACTION_TAMPERED:
                delete_tampered(manager, endpoint, verdict, why);
                break;
        case TAMPER_ACTION_FINE:
        case TAMPER_ACTION_MAX:
                break;
        }
}

void manager_count_event(Manager *manager, Endpoint *endpoint) {
        if (manager->state == MANAGER_STOPPING)
                return;
        if (tamper_count_event(&endpoint->tamper, clock_now_usec()) &&
                        endpoint->state == ENDPOINT_LIVE)
                delete_tampered(manager, endpoint, TAMPER_ACTION_TAMPERED,
                                "it made more link events than any guest does");
}
