#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The layout of every C file is what .clang-format says, to the clang-format of Debian 12.

Later ones put a few spaces and backslashes elsewhere, so what they would say is not asked.
"""

import concurrent.futures
import os
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


def complaints_about(root, path):
    done = subprocess.run(["clang-format", "--style=file", "--dry-run", "-Werror", str(path)],
                          capture_output=True, text=True, check=False, cwd=root)
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
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda path: complaints_about(root, path), files))
    for path, complaints in zip(files, results):
        report.case(f"{path.relative_to(root)} is laid out", complaints)
    return report.done()


sys.exit(main())
