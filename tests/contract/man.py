#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The man pages have no errors that mandoc knows, and those of the client have every verb,
option and variable that the programs have."""

import re
import shutil
import subprocess
import sys

from tap import SKIPPED, Report, source


def main():
    if not shutil.which("mandoc"):
        print("1..0 # SKIP mandoc is missing")
        sys.exit(SKIPPED)
    root, report = source(), Report()
    for page in sorted((root / "docs" / "man").glob("*.[1-9]")):
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], text=True, check=False,
                              stdout=subprocess.PIPE)
        report.case(f"{page.name} has no errors", done.stdout.splitlines())
    text = re.sub(r"\\[&-]?", "", (root / "docs" / "man" / "vnicctl.1").read_text(encoding="utf-8"))
    options = re.findall(r'^        { "([a-z-]+)", "', (root / "client-cli" / "options.c").read_text(), re.M)
    options += re.findall(r'FIELD\(\w+, \w+, "\w+", "([a-z-]+)"', (root / "common" / "network-fields.h").read_text())
    report.case("vnicctl(1) has every option", [f"--{option} is missing" for option in options
                                                if not re.search(rf"(Fl -?|--)-?{option}\b", text)])
    verbs = sorted(path.stem[5:] for path in (root / "client-cli").glob("verb-*.c"))
    report.case("vnicctl(1) has every verb", [f"{verb} is missing" for verb in verbs if verb not in text])
    helper = (root / "docs" / "man" / "vnic-bridge-helper.8").read_text(encoding="utf-8")
    request = (root / "client-cli" / "bridge-request.c").read_text(encoding="utf-8")
    words = re.findall(r'^        { "([a-z-]+)", ', request, re.M) + re.findall(r'"(VNIC_[A-Z_]+)"', request)
    report.case("vnic-bridge-helper(8) has every option and variable",
                [f"{word} is missing" for word in words if not re.search(rf"(Fl Fl|Ev) {word}\b", helper)]
                if len(words) > 6 else ["none were found"])
    sys.exit(report.done())


if __name__ == "__main__":
    main()
