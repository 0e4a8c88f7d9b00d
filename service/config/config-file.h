/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files of the configuration, as text. Whoever can write one decides who may use a bridge, so a
 * file counts only if it and its folder belong to root (or to the user we run as) and nobody else
 * can write to them. It knows nothing of what is in them.
 */

#include <stddef.h>

#include "common/failure.h"

#define CONFIG_FILE_MAX ((size_t)1024 * 1024) /* bytes */

/* How a file name or a word of a file is shown in a sentence: printable ASCII, and not endless. */
#define CONFIG_SHOWN_SIZE 128

/* Into buffer of size bytes, which it returns. */
const char *config_show(const char *text, char *buffer, size_t size);

/* A word of a file, for the arguments of a sentence. */
typedef struct ConfigWord {
        char text[48];
} ConfigWord;

ConfigWord config_word(const char *text);

/* Opens a folder of another one (or of AT_FDCWD). path is what failures call it. Returns the fd.
 * -ENOENT: there is none. InvalidConfiguration (-EINVAL). */
int config_folder_open(int parent, const char *name, const char *path, Failure *failure);

/* The names of the files NAME.conf in the folder, sorted by their bytes; *ret is an array that ends
 * with NULL. InvalidConfiguration (-EINVAL). -ENOMEM. */
int config_folder_list(int folder, const char *path, char ***ret, Failure *failure);

/* Takes NULL. */
void config_names_free(char **names);

/* The whole file, with a zero byte after it. path is what failures call it. -ENOENT: there is none.
 * InvalidConfiguration (-EINVAL). -ENOMEM. */
int config_file_read(int folder, const char *name, const char *path, char **ret, size_t *ret_size,
                Failure *failure);
