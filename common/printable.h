/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text that other programs wrote, on its way to people: into the log, a warning, an error message.
 * A terminal obeys control characters, a line break forges a second line, and directional marks
 * show another text than there is. Text that is not UTF-8, such as a letter cut in half, cannot
 * even be sent over D-Bus: the whole message would be lost with it.
 */

#include <stddef.h>
#include <stdint.h>

/* How many bytes the character has with which the text begins; 0: it is not UTF-8. The text ends
 * with a zero byte; what stands for half a pair in UTF-16 counts as a character. */
size_t utf8_decode(const char *text, uint32_t *ret_character);

/* Replaces, in place, each character that is not to be shown and each byte that is not UTF-8 by one
 * '?'. Returns text. */
char *printable(char *text);
