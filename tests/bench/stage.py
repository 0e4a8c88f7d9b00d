# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of all benchmarks: a world with its bridges, the C programs with time-outs, and the results.

A Found collects rows (samples of one thing), ratios (with their targets), curves and notes; it becomes the
JSON. Every failure is a Broken with a sentence.
"""

import contextlib
import json
import pathlib
import selectors
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))

from vnic import kernel  # noqa: E402
from vnic.client import BusError  # noqa: E402
from vnic.world import World  # noqa: E402

# The configuration grants alice and bob no0, for which polkit's rules would say no; for yes0 polkit is consulted.
# The limits that protect against load must not affect the measurements.
CONFIGURATION = """[Limits]
Creations=100000
Endpoints=4096
Queues=4096
[User alice]
AllowBridges={0}
[User bob]
AllowBridges={0}
"""
GRANTED = "no0"
ASKED = "yes0"


class Broken(Exception):
    """A benchmark cannot be run; the text is for users."""


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Found:
    """rows: name → unit, n, median, min, p95, p99. ratios: name → value, target, at_most. curves: name → series."""

    def __init__(self):
        self.rows, self.ratios, self.curves, self.notes = {}, {}, {}, []

    def row(self, name, values, unit="µs"):
        """Add samples of one thing; returns their median."""
        self.rows[name] = {"unit": unit, "n": len(values), "median": statistics.median(values),
                           "min": min(values), "p95": percentile(values, 0.95), "p99": percentile(values, 0.99),
                           "max": max(values)}
        return self.rows[name]["median"]

    def ratio(self, name, value, target=None, at_most=True, unit="×"):
        self.ratios[name] = {"value": value, "unit": unit, "target": target, "at_most": at_most,
                             "met": None if target is None else (value <= target if at_most else value >= target)}

    def point(self, curve, series, x, y):
        self.curves.setdefault(curve, {}).setdefault(series, []).append([x, y])

    def note(self, text):
        self.notes.append(text)

    def as_json(self):
        return {"rows": self.rows, "ratios": self.ratios, "curves": self.curves, "notes": self.notes}


class Stage:
    """A running world with its bridges; it starts the C programs."""

    def __init__(self, quick, bus="dbus-daemon", bus_extra=""):
        self.quick = quick
        self.world = World(bus=bus, bus_extra=bus_extra)
        self.programs = self.world.build / "tests" / "bench"
        self._made = []
        self.world.configure(CONFIGURATION.format(GRANTED))

    def __enter__(self):
        self.world.start()
        for name in (GRANTED, ASKED):
            self.bridge(name)
            # As on a host, one port stays. Without it the bridge itself goes up and down with each tap.
            kernel.make_veth(f"up-{name}", f"out-{name}", master=name)
        return self

    def __exit__(self, *_):
        self.world.stop()
        for name in (f"up-{GRANTED}", f"up-{ASKED}", *self._made):
            kernel.del_link(name)

    def bridge(self, name, **how):
        number = len(self._made) + 1
        self._made.append(kernel.make_bridge(name, mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}", **how))
        return name

    def environment(self):
        return {"DBUS_SYSTEM_BUS_ADDRESS": self.world.bus.address, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def run(self, program, *arguments, timeout=120):
        """The JSON that one of the programs prints; Broken with its own message."""
        command = [str(self.programs / program), *map(str, arguments)]
        try:
            done = subprocess.run(command, env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=timeout + 10, check=False)
        except subprocess.TimeoutExpired:
            raise Broken(f"{program} did not end in {timeout + 10} s") from None
        if done.returncode != 0:
            raise Broken(f"{program}: {done.stderr.strip() or f'exit status {done.returncode}'}")
        return json.loads(done.stdout)

    def calls(self, rounds, timeout=280, **tasks):
        """bench-calls: name → samples. Names may have dashes: write them with underscores."""
        words = [f"{name.replace('_', '-')}={task}" for name, task in tasks.items()]
        return self.run("bench-calls", timeout, rounds, *words, timeout=timeout)

    def rss(self, field="Rss"):
        """Resident memory of the service in KiB (Rss, or Private: what it does not share)."""
        total = 0
        for line in pathlib.Path(f"/proc/{self.world.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:" if field == "Rss" else "Private_"):
                total += int(line.split()[1])
        return total


class Program:
    """One of the programs, used line by line; every answer has a time-out."""

    def __init__(self, stage, name, *arguments):
        self.name = name
        self.popen = subprocess.Popen([str(stage.programs / name), *map(str, arguments)], env=stage.environment(),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
        try:
            self.popen.wait(1 if kind else 120)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(60)

    def line(self, timeout):
        with selectors.DefaultSelector() as selector:
            selector.register(self.popen.stdout, selectors.EVENT_READ)
            if not selector.select(timeout):
                raise Broken(f"{self.name} said nothing for {timeout} s")
        text = self.popen.stdout.readline()
        if not text:
            raise Broken(f"{self.name}: {self.popen.stderr.read().strip() or 'has ended'}")
        return text

    def ask(self, command, timeout=240):
        """The JSON that answers a command."""
        try:
            self.popen.stdin.write(command + "\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            raise Broken(f"{self.name}: {self.popen.stderr.read().strip() or 'has ended'}") from None
        return json.loads(self.line(timeout))


def load_together(stage, *loads, seconds, timeout=60):
    """Several bench-load at the same time: (user, role, bridge, n) each; their answers in that order."""
    with contextlib.ExitStack() as stack:
        programs = [stack.enter_context(Program(stage, "bench-load", user, role, bridge, seconds, n))
                    for user, role, bridge, n in loads]
        for program in programs:
            program.line(20)
        for program in programs:
            program.popen.stdin.write("go\n")
            program.popen.stdin.flush()
        return [json.loads(program.line(seconds + timeout)) for program in programs]


__all__ = ["ASKED", "BusError", "Broken", "CONFIGURATION", "Found", "GRANTED", "HERE", "Program", "Stage", "World", "kernel",
           "load_together", "percentile"]
