#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The layout of every C file is what .clang-format says, to the clang-format of Debian 12.

Later ones put a few spaces and backslashes elsewhere, so what they would say is not asked.
"""

import re
import shutil
import subprocess
import sys

from tap import SKIPPED, Report, c_files, source

VERSION = "14"


def version():
    said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+)", said)
    return found[1] if found else "of no known version"


def check(root, paths):
    return subprocess.run(["clang-format", "--style=file", "--dry-run", "-Werror", *map(str, paths)],
                          capture_output=True, text=True, check=False, cwd=root)


def complaints_about(root, path):
    done = check(root, [path])
    return done.stderr.splitlines()[:3] if done.returncode else []


def main():
    root = source()
    report = Report()

    if not shutil.which("clang-format"):
        print("1..0 # SKIP there is no clang-format")
        return SKIPPED
    if version() != VERSION:
        print(f"1..1\nok 1 - files are laid out # SKIP this is clang-format {version()}, not {VERSION}")
        return 0
    if not (root / ".clang-format").is_file():
        report.case(".clang-format is there", ["it is not"])
        return report.done()
    files = c_files(root, "common", "service", "client-cli", "networks", "tests")
    # It takes longer to start than to look at a hundred files.
    laid_out = check(root, files).returncode == 0
    for path in files:
        report.case(f"{path.relative_to(root)} is laid out", [] if laid_out else complaints_about(root, path))
    return report.done()


sys.exit(main())
