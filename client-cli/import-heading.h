/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The headings of sections about users and groups: by name where the name can stand in one, else by
 * number.
 */

#include <stdbool.h>
#include <sys/types.h>

#define IMPORT_HEADING_SIZE 48

typedef struct ImportHeading {
        char text[IMPORT_HEADING_SIZE]; /* "[User alice]" */
} ImportHeading;

/* [User *] */
ImportHeading import_heading_all(void);

/* Of a uid or gid, whether or not it has a name. */
ImportHeading import_heading_of_id(bool group, id_t id);

/* The uid or gid of a name. -ENOENT: nobody has it. */
int import_find_id(bool group, const char *name, id_t *ret);
