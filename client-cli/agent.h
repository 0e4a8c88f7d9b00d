/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit's text agent beside this process, so that polkit can ask in the terminal.
 */

#include <sys/types.h>

/* Starts "pkttyagent --fallback" for this process and waits until it has registered itself. Where
 * it is not installed or fails, nothing comes of it: some other agent may answer. The process to be
 * given to agent_stop(), or 0 if none could be started. */
pid_t agent_start(void);

/* Ends the process that agent_start() answered and reaps it. Takes 0. */
void agent_stop(pid_t agent);
