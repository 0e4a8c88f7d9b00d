/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The files of the configuration, as text. Whoever can write one decides who may use a bridge, so a
 * file is read only if it and its folder belong to root (or to the user that the service runs as)
 * and nobody else can write to them. The content of the files is parsed elsewhere.
 */

#include <stddef.h>

#include "common/failure.h"

#define CONFIG_FILE_MAX ((size_t)1024 * 1024) /* bytes */

/* Room for a file name in an error message: what does not fit is cut off. */
#define CONFIG_SHOWN_SIZE 128

/* Copies the text as printable ASCII into buffer of size bytes, and returns buffer. */
const char *config_show(const char *text, char *buffer, size_t size);

/* A word of a file as printable ASCII, by value, for the arguments of an error message. */
typedef struct ConfigWord {
        char text[48];
} ConfigWord;

ConfigWord config_word(const char *text);

/* Opens a folder inside parent, which may be AT_FDCWD, and returns its fd. Failures call it path.
 * -ENOENT: there is none. InvalidConfiguration (-EINVAL). */
int config_folder_open(int parent, const char *name, const char *path, Failure *failure);

/* Lists the names of the files NAME.conf in the folder, sorted as bytes; *ret is a NULL-terminated
 * array for config_names_free(). InvalidConfiguration (-EINVAL). -ENOMEM. */
int config_folder_list(int folder, const char *path, char ***ret, Failure *failure);

/* Takes NULL. */
void config_names_free(char **names);

/* Reads the whole file, and adds a zero byte. Failures call it path. -ENOENT: there is none.
 * InvalidConfiguration (-EINVAL). -ENOMEM. */
int config_file_read(int folder, const char *name, const char *path, char **ret, size_t *ret_size,
                Failure *failure);
