#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""No file over 600 lines, no function over 60, main.c of the service at most 120.

With the layout of .clang-format (which has a test of its own) a function ends with a "}" alone in the
first column, and begins at the last line before it that has a word there.
"""

import re
import sys

from tap import Report, c_files, source, without_comments

FILE_MAX = 600
FUNCTION_MAX = 60
SPECIAL = {"service/main.c": 120}


def functions(text):
    """(first line of the head, number of lines) of each function."""
    start, head = None, ""
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if re.match(r"[A-Za-z_]", line):
            start, head = number, line
        elif line == "}" and start is not None:
            yield head, start, number - start + 1
            start = None


def main():
    root = source()
    report = Report()
    too_long, too_tall, seen, lengths = [], [], 0, []

    for path in c_files(root, "common", "service", "client-cli", "networks"):
        text = path.read_text()
        name = str(path.relative_to(root))
        limit = SPECIAL.get(name, FILE_MAX)
        n = len(text.splitlines())
        if n > limit:
            too_long.append(f"{name}: {n} lines, {limit} are the most")
        for head, line, height in functions(text):
            seen += 1
            lengths.append(height)
            if height > FUNCTION_MAX:
                too_tall.append(f"{name}:{line}: {head.strip()} has {height} lines")
    if seen < 100:
        too_tall.append(f"only {seen} functions were found")
    lengths.sort()
    report.case("no file is too long", too_long)
    report.case(f"no function has over {FUNCTION_MAX} lines", too_tall)
    if lengths:
        median, ninetieth = lengths[len(lengths) // 2], lengths[len(lengths) * 9 // 10]
        print(f"# {seen} functions, median {median}, nine in ten up to {ninetieth} lines")
        report.case("half of the functions have 15 lines at most, nine in ten 45",
                    [] if median <= 15 and ninetieth <= 45 else [f"{median}, {ninetieth}"])
    return report.done()


sys.exit(main())
