#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing is left for later in the sources, and each says under which licence it is."""

import re
import sys

from tap import Report, source, tracked_files

# Put together here, so that this file does not name them itself.
LATER = re.compile("|".join(rf"\b{a}{b}\b" for a, b in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"))))
LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"

SOURCE_ENDINGS = {".c", ".h", ".py", ".sh", ".rules", ".policy", ".conf", ".xml"}
HEAD_LINES = 12


def is_source(path, text):
    return path.suffix in SOURCE_ENDINGS or text.startswith("#!")


def main():
    root = source()
    report = Report()
    later, unlicensed, seen = [], [], 0

    for path in tracked_files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        seen += 1
        name = path.relative_to(root)
        for number, line in enumerate(text.splitlines(), 1):
            if LATER.search(line):
                later.append(f"{name}:{number}: {line.strip()[:80]}")
        if is_source(path, text) and LICENCE not in "\n".join(text.splitlines()[:HEAD_LINES]):
            unlicensed.append(str(name))
    report.case("nothing is marked as left for later", later)
    report.case("every source file names its licence", unlicensed)
    report.case("there were sources to look at", [] if seen > 50 else [f"only {seen} files"])
    return report.done()


sys.exit(main())
