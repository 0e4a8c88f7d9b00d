/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * When a person is asked. Prompts are what a user can pester somebody with: so nobody is asked
 * before polkit has said that a person would have to be, nor for a call that would be refused
 * whatever he answers; the prompts of one call are shown one after the other, and with the first
 * that is not granted the rest are not shown.
 */

#include "access/checks.h"

/* All checks of the query have a verdict for now: the one that a person is to be asked next. NULL:
 * the verdicts stand. */
Check *prompt_next(const Query *query);

/* Whether a person is being asked. */
bool prompt_is_open(const Query *query);

/* Whether there is room for one more, of this connection, of this user and of all. */
bool prompt_has_room(const Query *query);
