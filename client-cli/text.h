/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Strings that others wrote, on their way to a terminal.
 */

/* Replaces each character that is not to be shown (controls, marks of direction) and each byte that
 * is not UTF-8 by one '?', in place. Returns text. */
char *text_clean(char *text);
