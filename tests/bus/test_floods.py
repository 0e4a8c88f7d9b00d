# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an unrelated user sends to the service over four connections, and what an ordinary user experiences
beside it: every call is answered, and none takes much longer than the bus and the machine take for an empty
one.

This is the short form: medians of few calls, each beside an empty call to another service. tools/bench floods
is the long one, with the p99.
"""

import os
import statistics
import time

import pytest
from vnic import floods, kernel
from vnic.client import MANAGER, ROOT, Client
from vnic.floods import NO_REPLY
from vnic.process import poll

# Both allow for a machine that does other things as well; a real fault takes seconds.
MOST, TIMES = 0.1, 6
ROUNDS, SECONDS = 10, 20  # two calls of CreateTap and two empty ones in each
FLOODS = ["forged NameOwnerChanged", "forged JobRemoved",
          "GetAll of the manager" + NO_REPLY, "GetAll of an endpoint" + NO_REPLY, "GetAll of a network",
          "GetAll of a network" + NO_REPLY, "ListBridges" + NO_REPLY, "GetManagedObjects" + NO_REPLY,
          "unknown methods, objects, properties", "unknown methods, objects, properties" + NO_REPLY,
          "4,000 arrays", "4,000 arrays" + NO_REPLY, "2,000 options" + NO_REPLY, "strings of 1 MiB" + NO_REPLY,
          "call and hang up", "CreateTap that is denied", "CreateTap that is denied" + NO_REPLY,
          "OpenQueues of a foreign endpoint", "Release of a foreign endpoint" + NO_REPLY]
# dbus-broker accepts and queues as many messages as a sender likes: those that expect no reply, or are large, delay
# everybody's calls for seconds, even those to a program that does nothing but read (docs/performance.md).
if os.environ.get("VNICD_TEST_BUS") == "dbus-broker":
    FLOODS = [what for what in FLOODS if not what.endswith(NO_REPLY) and what != "4,000 arrays"]


@pytest.fixture(scope="module")
def target(world):
    """Bridges of which alice may use one, and objects to ask about."""
    before = (world.configuration / "vnicd.conf").read_text()
    with kernel.bridge(floods.GRANTED, mac="02:00:00:00:00:01"), kernel.bridge(floods.DENIED), \
            kernel.bridge(floods.ASKED, mac="02:00:00:00:00:02"), Client(world, "root") as root:
        kernel.make_veth("up0", "out0", master=floods.GRANTED)
        world.configure(floods.CONFIGURATION)
        world.reload()
        with floods.target(world, root) as made:
            yield made
        kernel.del_link("up0")
        world.configure(before)
        world.reload()


@pytest.fixture
def rest(world, target):
    """Work that the flood has left is done before the next test."""
    with Client(world, "root") as root:
        yield
        assert poll(lambda: set(kernel.our_links()) == {target.interface}, 10)
        begin = time.monotonic()
        root.get(ROOT, MANAGER, "Version")
        assert time.monotonic() - begin < 5, "the flood is over, and the service is still busy with it"


def slower(met):
    """How much longer CreateTap takes than it may; at most 1 is good."""
    create, empty = statistics.median(met.granted), statistics.median(met.empty)
    return create / max(MOST, TIMES * empty)


@pytest.mark.deadline(150)
@pytest.mark.parametrize("what", FLOODS)
def test_beside_a_flood_an_ordinary_call_is_answered_soon(world, target, rest, what):
    flood = floods.make(what, target)
    # polkit is not asked about a caller that has left; a forged signal must not end a question.
    asked = floods.ASKED if what.startswith("forged") else "-"
    met = floods.meet_beside(world, flood, SECONDS, ROUNDS, asked, head_start=0.3)
    if slower(met) > 1 and not met.errors:
        # Another process may have used the machine.
        met = floods.meet_beside(world, flood, SECONDS, ROUNDS, asked, head_start=0.3)
    assert met.bytes > 4000, "this was no flood"
    assert met.errors == []
    assert len(met.granted) == 2 * ROUNDS, "not all calls were answered in time"
    assert slower(met) <= 1, f"CreateTap {statistics.median(met.granted):.3f} s, an empty call " \
        f"{statistics.median(met.empty):.3f} s"
