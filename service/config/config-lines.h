/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lines of a configuration file, divided into headings, keys and values.
 *
 * This is done here because libraries for such files are lenient: they divide or cut lines that are
 * too long for them, join an indented line to the one before, take what follows ";" for a comment,
 * and go on after an error. Where a file says who may not use a bridge, a word that is lost grants
 * something. So any line that a person could read differently from the service is refused.
 */

#include <stddef.h>

#include "common/failure.h"

typedef struct ConfigPlace {
        const char *file;
        unsigned line; /* from 1 */
} ConfigPlace;

/* Each function returns 0, or a negative errno that ends the parsing. The strings are valid only
 * during the call. */
typedef struct ConfigLinesHandler {
        /* "User alice" of "[User alice]". */
        int (*heading)(void *userdata, const ConfigPlace *place, const char *heading,
                        Failure *failure);
        /* Called only after a heading. */
        int (*entry)(void *userdata, const ConfigPlace *place, const char *key, const char *value,
                        Failure *failure);
        const char *text_key; /* its value is for people: any UTF-8; NULL: there is no such key */
} ConfigLinesHandler;

/* text has size bytes and a zero byte after them. Stops at the first bad line, or with the error
 * that the handler returned. InvalidConfiguration (-EINVAL). -ENOMEM. */
int config_lines_parse(const char *file, const char *text, size_t size,
                const ConfigLinesHandler *handler, void *userdata, Failure *failure);

/* InvalidConfiguration (-EINVAL): "FILE:LINE: <sentence>". */
int config_refuse(const ConfigPlace *place, Failure *failure, const char *format, ...)
                __attribute__((format(printf, 3, 4)));
