/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes strings from others safe to print on a terminal.
 */

/* Replaces, in place, each character that must not be shown (control characters, directional marks)
 * and each byte that is not UTF-8 by one '?'. Returns text. */
char *text_clean(char *text);
