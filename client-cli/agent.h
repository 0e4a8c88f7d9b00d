/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs polkit's text agent beside this process, so that polkit can ask for authentication in the
 * terminal.
 */

#include <sys/types.h>

/* Starts "pkttyagent --fallback" for this process and waits until it has registered. If it is not
 * installed or fails, that is no error: another agent may answer. Returns the process for
 * agent_stop(), or 0 if none could be started. */
pid_t agent_start(void);

/* Ends and reaps the process that agent_start() returned. Takes 0. */
void agent_stop(pid_t agent);
