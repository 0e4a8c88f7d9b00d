#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""clang's static analyzer has nothing to say about any C file: no value that nobody has written is read, no null
pointer followed, and so on for all that it checks by default. Takes the source and, for the flags of each file,
the build (compile_commands.json).

It sees one file at a time, and takes every outcome of a function that is elsewhere for possible: also of a
CanCreateTap that takes an errno for success.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

from tap import SKIPPED, Report, source

FOLDERS = ("common", "service", "client-cli", "networks")
# It does not know the attribute "cleanup": what _cleanup_free_ frees is a leak to it, and what _cleanup_close_
# closes a value that is never read. Also an intrusive list is more than it can follow from free() to free(). The
# sanitizers and valgrind look for leaks and use after free.
LEFT_OUT = ("unix.Malloc", "deadcode.DeadStores")
# States of a file that it looks at: four times less than by default finds the same and takes half of the time.
NODES_MAX = 60000
# gcc's own, and what a compiler writes.
WITH_ARGUMENT = {"-o", "-MF", "-MQ", "-MT"}
DROPPED = {"-c", "-MD", "-MMD"}


def flags_of(command):
    """What decides how the file is understood: no output, no warnings, nothing that only gcc has."""
    words = iter(shlex.split(command))
    if pathlib.Path(next(words)).name == "ccache":  # which meson takes by itself where it is installed
        next(words)
    kept = []
    for word in words:
        if word in WITH_ARGUMENT:
            next(words)
        elif word not in DROPPED and not word.startswith(("-W", "-f", "-O", "-g")):
            kept.append(word)
    return kept


def analyze(build, entry):
    """The findings, a line each."""
    left_out = [part for checker in LEFT_OUT for part in ("-Xclang", f"-analyzer-disable-checker={checker}")]
    done = subprocess.run(
        ["clang", "--analyze", "--analyzer-output", "text", "-fno-color-diagnostics", "-w", *left_out,
         "-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={NODES_MAX}", *flags_of(entry["command"])],
        cwd=build, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    findings = [line for line in lines if re.search(r": (warning|error|fatal error|note): ", line)]
    if done.returncode != 0:
        findings += [f"clang ended with {done.returncode}", *lines[:5]]
    return findings


def files_of(root, build):
    """Each .c file of ours once, with how it is compiled."""
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if path.is_relative_to(root) and path.relative_to(root).parts[0] in FOLDERS:
            entries.setdefault(path, entry)
    return entries


def main():
    root = source()
    build = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else root / "build").resolve()
    report = Report()

    if not shutil.which("clang"):
        print("1..0 # SKIP there is no clang")
        return SKIPPED
    entries = files_of(root, build)
    # The big ones first, so that none is left for the end.
    paths = sorted(entries, key=lambda path: -path.stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(paths, pool.map(lambda path: analyze(build, entries[path]), paths)))
    for path in sorted(paths):
        report.case(f"{path.relative_to(root)} is clean", found[path])
    missing = {path for folder in FOLDERS for path in (root / folder).rglob("*.c")} - entries.keys()
    report.case("every file is compiled, and so looked at", sorted(map(str, missing)))
    return report.done()


sys.exit(main())
