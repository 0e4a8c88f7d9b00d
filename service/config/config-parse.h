/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Parses vnicd.conf: its sections, its keys and their values.
 */

#include <stddef.h>

#include "common/failure.h"
#include "config/config-section.h"

/* Adds the content of a file to the sections. Failures call the file name; number is its position
 * among the files, from 1. text has size bytes and a zero byte after them. InvalidConfiguration
 * (-EINVAL): the first bad line; the sections are then incomplete and must be discarded. -ENOMEM.
 */
int config_parse(Sections *sections, const char *name, unsigned number, const char *text,
                size_t size, Failure *failure);
