#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One benchmark, inside a world: run.py NAME FILE [--quick]. The results go to FILE, as JSON (see
tools/bench)."""

import json
import pathlib
import subprocess
import sys

from benchmarks import ALL, Found
from stage import Broken, BusError
from vnic.floods import Failed


def main():
    name, file = sys.argv[1:3]
    found = Found()
    try:
        ALL[name](found, "--quick" in sys.argv)
    except (Broken, BusError, Failed, RuntimeError, OSError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
    pathlib.Path(file).write_text(json.dumps(found.as_json(), ensure_ascii=False))


if __name__ == "__main__":
    main()
