/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "language.h"

/*
 * Only the language is the user's. Numbers are not (programs read tables, too), and neither are
 * characters: in Turkish tolower('I') is not 'i', so keys of JSON would differ, and text_clean()
 * takes UTF-8 alone.
 */

#include <locale.h>

#define DOMAIN "vnicd"

void language_start(void) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
        (void)setlocale(LC_MESSAGES, "");
        (void)bindtextdomain(DOMAIN, LOCALE_DIR);
        (void)textdomain(DOMAIN);
}

void language_be_english(void) {
        (void)setlocale(LC_MESSAGES, "C");
}
