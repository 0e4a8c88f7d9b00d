/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "language.h"

/*
 * Numbers are not touched (LC_NUMERIC stays "C"): tables are read by programs, too. text_clean()
 * takes UTF-8, so that is what catalogues are converted to, whatever the terminal has.
 */

#include <locale.h>

#define DOMAIN "vnicd"

void language_start(void) {
        (void)setlocale(LC_CTYPE, "");
        (void)setlocale(LC_MESSAGES, "");
        (void)bindtextdomain(DOMAIN, LOCALE_DIR);
        (void)bind_textdomain_codeset(DOMAIN, "UTF-8");
        (void)textdomain(DOMAIN);
}

void language_be_english(void) {
        (void)setlocale(LC_MESSAGES, "C");
}
