/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Units started and stopped by systemd, without waiting for it: the wire to its manager, and the
 * end of one job. What the unit is for is the caller's business.
 *
 * A job is told to be over once: when systemd says so, or when it refuses, or is not there. It may
 * stay open as long as systemd takes; nobody is kept waiting by that.
 *
 * Source: org.freedesktop.systemd1(5), StartUnit(), StopUnit(), JobRemoved.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define UNIT_NAME_SIZE 64

typedef struct Systemd Systemd;
typedef struct UnitJob UnitJob;

/* failure: NULL, or a sentence: what failed and what to do; good until it returns. The job may be
 * freed there. Another job for the same unit that comes in between is no failure of this one. */
typedef void (*UnitJobDone)(UnitJob *job, const char *failure, void *userdata);

/* Asks nothing of the bus before the first job. -ENOMEM. */
int systemd_new(Systemd **ret, sd_bus *bus);

/* After the last of its jobs was freed, and before the bus is. Takes NULL. Returns NULL. */
Systemd *systemd_free(Systemd *systemd);

/* -errno of sd-bus; then done is not called. */
int systemd_start_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata);

/* The same; a unit that systemd does not know has stopped. */
int systemd_stop_unit(Systemd *systemd, UnitJob **ret, const char *unit, UnitJobDone done,
                void *userdata);

/* Follows whether the unit runs, from its next change on: what systemd says unasked. */
typedef struct UnitWatch UnitWatch;

/* runs: it is active; else it has ended, or failed to start, and may be started again by systemd
 * itself. */
typedef void (*UnitChanged)(bool runs, void *userdata);

/* -ENOMEM, -errno of sd-bus. */
int systemd_watch_unit(Systemd *systemd, UnitWatch **ret, const char *unit, UnitChanged changed,
                void *userdata);

/* Takes NULL. Returns NULL. */
UnitWatch *unit_watch_free(UnitWatch *watch);

/* Forgets the job, which systemd carries on with: done is not called any more. Takes NULL. Returns
 * NULL. */
UnitJob *unit_job_free(UnitJob *job);
