/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one function of every fuzz target, which libFuzzer, or the driver that replays a corpus,
 * calls with some bytes. A target that finds a guarantee broken aborts the program.
 */

#include <stddef.h>
#include <stdint.h>

/* Returns 0. The bytes are valid for the call, and exactly that many: a sanitizer sees one read
 * past them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
