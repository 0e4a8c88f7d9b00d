/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The language of what the clients say to people: sentences and help. Whatever programs read stays
 * as it is: JSON, keys, values, the files that are written, and what the service says.
 */

#include <libintl.h>

/* A sentence in the user's language; the argument is a literal, or was marked with N_(). Never "",
 * whose translation is the header of the catalogue. */
#define _(sentence) gettext(sentence)
/* Marks a literal that is translated where it is printed. */
#define N_(sentence) sentence

/* Called once, before anything is printed. */
void language_start(void);

/* From then on all is English, for what programs read. */
void language_be_english(void);
