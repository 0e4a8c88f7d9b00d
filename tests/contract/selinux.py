#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The SELinux module of the documentation compiles, by the commands that it gives."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from tap import SKIPPED, Report, source


def compile_module(text):
    """What checkmodule complains of."""
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder) / "vnicd-bus.te"
        module.write_text(text, encoding="utf-8")
        done = subprocess.run(["checkmodule", "-M", "-m", "-o", "vnicd-bus.mod", module.name], cwd=folder,
                              capture_output=True, text=True, check=False)
    return (done.stderr + done.stdout).splitlines() if done.returncode else []


def main():
    if not shutil.which("checkmodule"):
        print("1..0 # SKIP checkmodule is missing")
        return SKIPPED
    report = Report()
    text = (source() / "docs" / "selinux" / "vnicd-bus.te").read_text(encoding="utf-8")
    report.case("the module compiles", compile_module(text))
    report.case("a permission that it does not require would be seen",
                [] if compile_module(text.replace("{ read write };\n}", "{ read };\n}")) else ["it was not"])
    return report.done()


sys.exit(main())
