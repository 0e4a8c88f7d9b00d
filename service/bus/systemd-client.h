/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Has systemd start, stop and reload units, without blocking: talks to its manager, and reports the
 * end of each job. What the unit is for is the caller's business.
 *
 * The end of a job is reported once: when systemd says so, when it refuses, or when it is not
 * there. A job may take as long as systemd likes; nothing blocks meanwhile.
 *
 * Source: org.freedesktop.systemd1(5), StartUnit(), StopUnit(), ReloadUnit(), JobRemoved.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define UNIT_NAME_SIZE 64

typedef struct Systemd Systemd;
typedef struct UnitJob UnitJob;

/* failure: NULL, or a sentence, valid during the call: what failed and what to do. The callback may
 * free the job. If another job for the same unit replaces this one, that is not a failure. */
typedef void (*UnitJobDone)(UnitJob *job, const char *failure, void *userdata);

/* Does not use the bus before the first job. -ENOMEM. */
int systemd_new(Systemd **ret, sd_bus *bus);

/* After the last of its jobs was freed, and before the bus is. Takes NULL. Returns NULL. */
Systemd *systemd_free(Systemd *systemd);

/* -errno of sd-bus; then done is not called. */
int systemd_start_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata);

/* The same; a unit that systemd does not know counts as stopped. */
int systemd_stop_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata);

/* The same; has the unit read its configuration again. */
int systemd_reload_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata);

/* Follows whether the unit runs, by systemd's signals, from its next change on. */
typedef struct UnitWatch UnitWatch;

/* runs: it is active; otherwise it has ended, or failed to start, and systemd may restart it. */
typedef void (*UnitChanged)(bool runs, void *userdata);

/* -ENOMEM, -errno of sd-bus. */
int systemd_watch_unit(Systemd *systemd, UnitWatch **ret, const char *unit, UnitChanged changed,
                void *userdata);

/* Takes NULL. Returns NULL. */
UnitWatch *unit_watch_free(UnitWatch *watch);

/* Forgets the job, with which systemd carries on: done is not called any more. Takes NULL. Returns
 * NULL. */
UnitJob *unit_job_free(UnitJob *job);
