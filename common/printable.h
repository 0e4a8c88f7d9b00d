/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Makes text from other programs fit to be shown: in the log, a warning, or an error message. A
 * terminal obeys control characters, a line break forges a second line, and directional marks
 * disguise the text. Text that is not UTF-8, such as a truncated character, cannot even be sent
 * over D-Bus: the whole message would fail.
 */

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character has with which the text begins; 0: it is not UTF-8. The text ends
 * with a zero byte; what stands for half a pair in UTF-16 counts as a character. */
size_t utf8_decode(const char *text, uint32_t *ret_character);

/* Replaces, in place, each character that is not to be shown and each byte that is not UTF-8 by one
 * '?'. Returns text. */
char *printable(char *text);
