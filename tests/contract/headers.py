#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every header compiles alone, and twice in one file."""

import concurrent.futures
import os
import shlex
import subprocess
import sys

from tap import Report, c_files, source

PACKAGES = ("libsystemd", "libnl-3.0", "jansson")


def flags(root):
    found = []
    for package in PACKAGES:
        answer = subprocess.run(["pkg-config", "--cflags", package], capture_output=True, text=True,
                                check=False)
        found += shlex.split(answer.stdout)
    return ["-std=gnu11", "-D_GNU_SOURCE", '-DVNICD_VERSION="0"', "-Wall", "-Wextra",
            "-Wno-unused-parameter", "-Werror", "-I", str(root), "-I", str(root / "service"), *found]


def compile_alone(header, arguments):
    text = f'#include "{header}"\n#include "{header}"\n'
    compiler = os.environ.get("CC", "gcc").split()
    done = subprocess.run([*compiler, "-fsyntax-only", *arguments, "-I", str(header.parent), "-x",
                           "c", "-"], input=text, capture_output=True, text=True, check=False)
    return done.stderr.splitlines()[:5] if done.returncode else []


def main():
    root = source()
    report = Report()
    arguments = flags(root)
    headers = [path for path in c_files(root, "common", "service", "client-cli", "networks") if path.suffix == ".h"]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda header: compile_alone(header, arguments), headers))
    for header, complaints in zip(headers, results):
        report.case(f"{header.relative_to(root)} compiles alone", complaints)
    report.case("every header has #pragma once",
                [str(header) for header in headers if "#pragma once" not in header.read_text()])
    return report.done()


sys.exit(main())
