#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs bench-create in a world, on each bus daemon, and shows what it says as a table.

    sudo tests/lib/world --build build tests/bench/create.py [--rounds N] [--check]

--check: fails if CreateTap(1) with a polkit check takes more than twice what it cannot do without.
"""

import argparse
import json
import pathlib
import pwd
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from vnic import kernel  # noqa: E402
from vnic.world import World  # noqa: E402

LIMIT = 2.0
WORDS = (("limit", "bare kernel calls"), ("bus", "empty bus call"), ("polkit", "one CheckAuthorization"),
         ("create", "CreateTap(1)"))


def measure(daemon, rounds):
    with World(bus=daemon) as world, kernel.bridge("yes0", mac="02:00:00:00:00:01"):
        out = subprocess.run([world.build / "tests" / "bench" / "bench-create", "yes0",
                              str(pwd.getpwnam("alice").pw_uid), str(rounds)], check=True, timeout=600,
                             stdout=subprocess.PIPE, text=True,
                             env={"DBUS_SYSTEM_BUS_ADDRESS": world.bus.address}).stdout
    return json.loads(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    results = {daemon: measure(daemon, arguments.rounds) for daemon in ("dbus-daemon", "dbus-broker")}

    print(f"{'median of ' + str(arguments.rounds) + ' rounds, µs':<28}" +
          "".join(f"{daemon:>14}" for daemon in results))
    for key, words in WORDS:
        print(f"{words:<28}" + "".join(f"{result[key]:>14.0f}" for result in results.values()))
    print(f"{'CreateTap / the sum of them':<28}" +
          "".join(f"{result['ratio']:>14.2f}" for result in results.values()))
    if arguments.check and any(result["ratio"] > LIMIT for result in results.values()):
        sys.exit(f"CreateTap takes more than {LIMIT} times what it cannot do without.")


if __name__ == "__main__":
    main()
