/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Strings that others wrote, on their way to a terminal.
 */

/* Replaces each control character (C0, DEL, and C1 in UTF-8) by one '?', in place. Returns text. */
char *text_clean(char *text);
