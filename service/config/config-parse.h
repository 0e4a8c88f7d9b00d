/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words of a configuration file: which sections and keys there are, and what may stand in them.
 */

#include <stddef.h>

#include "common/failure.h"
#include "config/config-section.h"

/* Adds what the text says to the sections. name: what failures call the file; number: which of the
 * files it is, from 1. text has size bytes and a zero byte after them. InvalidConfiguration
 * (-EINVAL): the first line that is wrong; the sections then hold a part, and are of no use.
 * -ENOMEM. */
int config_parse(Sections *sections, const char *name, unsigned number, const char *text,
                size_t size, Failure *failure);
