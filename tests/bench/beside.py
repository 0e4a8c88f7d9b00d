# SPDX-License-Identifier: LGPL-2.1-or-later
"""What callers of the service experience beside each flood that an unrelated user may send
(tests/lib/vnic/floods.py)."""

import collections
import contextlib
import os
import pathlib

from stage import ASKED, GRANTED, Broken, Stage, percentile
from vnic import floods
from vnic.client import Client

# p99 of CreateTap: that many ms, or that many times the p99 of an empty call to a service that is not flooded.
TARGET, TIMES = 50, 3
QUICK = ("GetAll of a network",)


@contextlib.contextmanager
def stage(quick, bus, what):
    with contextlib.ExitStack() as stack:
        if what.endswith(floods.PAST_POLICY):
            stack.enter_context(floods.past_policy(pathlib.Path(os.environ["VNICD_SOURCE"])))
        made = Stage(quick, bus)
        made.world.configure(floods.CONFIGURATION)
        stack.enter_context(made)
        made.bridge(floods.DENIED)
        root = stack.enter_context(Client(made.world, "root"))
        yield made.world, stack.enter_context(floods.target(made.world, root, 20 if quick else floods.PORTS))


def beside_floods(found, quick, bus):
    """CreateTap and an empty call to another service in turns, beside each flood from four connections."""
    seconds, rounds, head_start = (1, 3, 0.3) if quick else (12, 110, 1)
    assert (floods.GRANTED, floods.ASKED) == (GRANTED, ASKED)
    for i, what in enumerate(QUICK if quick else floods.names()):
        with stage(quick, bus, what) as (world, target):
            if i == 0:
                record(found, "no flood", floods.meet(world, seconds, rounds))
            record(found, what, floods.meet_beside(world, floods.make(what, target), seconds, rounds,
                                                   head_start=head_start))


def record(found, what, met):
    for name, values in (("CreateTap", met.granted), ("CreateTap over a connection that stays", met.kept),
                         ("CreateTap over a new connection", met.new), ("CreateTap by polkit", met.asked),
                         ("an empty call", met.empty)):
        if not values:
            raise Broken(f"{what}: there was no time for {name}.")
        found.row(f"{what}: {name}", [value * 1e3 for value in values], "ms")
    create, empty = percentile(met.granted, 0.99) * 1e3, percentile(met.empty, 0.99) * 1e3
    found.ratio(f"{what}: p99 of CreateTap", create, max(TARGET, TIMES * empty), unit="ms")
    found.ratio(f"{what}: p99 of CreateTap / of an empty call", create / empty)
    if met.errors:
        found.ratio(f"{what}: calls of CreateTap that fail", len(met.errors), 0, unit="")
        found.note(f"{what}: " + ", ".join(f"{count} × {name}" for name, count in
                                            collections.Counter(met.errors).items()))
    if met.seconds:
        found.row(f"{what}: messages", [met.sent / met.seconds], "a second")
        for server, spent in met.processor.items():
            found.row(f"{what}: processor time of the {server}", [100 * spent / met.seconds], "%")


def floods_daemon(found, quick):
    """Beside floods under dbus-daemon."""
    beside_floods(found, quick, "dbus-daemon")


def floods_broker(found, quick):
    """Beside floods under dbus-broker."""
    beside_floods(found, quick, "dbus-broker")


__all__ = ["floods_broker", "floods_daemon"]
