#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The man pages have no errors that mandoc knows, and vnicctl(1) has every verb and option that vnicctl has."""

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
    report.case("vnicctl(1) has every option", [f"--{option} is missing" for option in options
                                                if not re.search(rf"(Fl -?|--)-?{option}\b", text)])
    verbs = sorted(path.stem[5:] for path in (root / "client-cli").glob("verb-*.c"))
    report.case("vnicctl(1) has every verb", [f"{verb} is missing" for verb in verbs if verb not in text])
    sys.exit(report.done())


if __name__ == "__main__":
    main()
