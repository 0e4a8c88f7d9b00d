/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * bridge.conf of QEMU's bridge helper: "allow NAME", "deny NAME", "include FILE", where NAME may be
 * "all". What no line allows is refused there, and one line that denies is enough.
 */

#include "import-file.h"
#include "import.h"

/* readers: who can read the file, and to whom it speaks therefore. -ENOMEM */
int import_bridge_conf(Import *import, const char *path, const ImportReaders *readers,
                const char *text, size_t size);
