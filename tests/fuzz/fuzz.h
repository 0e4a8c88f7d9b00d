/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every fuzz target has: the one function that libFuzzer, or the driver that replays a corpus,
 * calls with some bytes. A target that finds a promise broken ends the program.
 */

#include <stddef.h>
#include <stdint.h>

/* Returns 0. The bytes are valid for the call, and exactly so many: a sanitizer sees one read past
 * them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
