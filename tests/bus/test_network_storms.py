# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host whose routes change all the time costs the service little, and keeps nobody waiting."""

import statistics
import subprocess
import time

import pytest
from vnic import LONG, kernel
from vnic.client import MANAGER, ROOT
from vnic.networks import internet, network
from vnic.process import cpu_seconds, poll

pytestmark = [pytest.mark.deadline(240), pytest.mark.once]

SECONDS = 60 if LONG else 5
CHANGES = 1000 if LONG else 500
SHARE = 0.05


@pytest.fixture
def outside():
    with internet() as made:
        yield made


def storm(world, client, lines):
    """1,000 changes, evenly over the time; returns the share of a processor, and how long an empty call
    took."""
    before, began, calls = cpu_seconds(world.pid), time.monotonic(), []
    with subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as ip:
        for number in range(CHANGES):
            ip.stdin.write(lines[number % len(lines)] + "\n")
            ip.stdin.flush()
            if number % 20 == 0:
                started = time.monotonic()
                client.get(ROOT, MANAGER, "Version")
                calls.append(time.monotonic() - started)
            time.sleep(max(0, began + SECONDS * (number + 1) / CHANGES - time.monotonic()))
        ip.stdin.close()
    took = time.monotonic() - began
    return (cpu_seconds(world.pid) - before) / took, statistics.quantiles(calls, n=50)[-1]


STORMS = {
    "behind a router": [f"route {verb} 198.18.{number}.0/24 via 203.0.113.1" for number in range(250) for verb in
                        ("add", "del")],
    "on a link": [f"route {verb} 198.18.{number}.0/24 dev uplink0" for number in range(250) for verb in ("add", "del")],
    "addresses": [f"address {verb} 198.18.{number}.1/24 dev uplink0" for number in range(250) for verb in ("add", "del")],
    "the default route": ["route replace default via 203.0.113.1", "route replace default via 203.0.113.9"],
}


@pytest.mark.parametrize("what", STORMS)
@pytest.mark.parametrize("routes", [0, 2000] if LONG else [500])
def test_a_storm_of_changes_costs_little(world, root, outside, what, routes):
    """This includes a host with many routes, each of which is inspected."""
    batch = "".join(f"route add 100.{64 + number // 250}.{number % 250}.0/24 via 203.0.113.1\n"
                    for number in range(routes))
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True, timeout=60)
    with network(root, "yesnet", services=False, reach_lan=True):
        share, slow = storm(world, root, STORMS[what])
        print(f"{what}, {routes} more routes: {100 * share:.2f} % of a processor, p98 of a call {1000 * slow:.1f} ms")
        assert share <= SHARE
        # The service has also followed the changes.
        with kernel.bridge("late0", address="192.168.99.1/24"):
            assert poll(lambda: "late0" in kernel.run("nft", "list", "table", "inet", "vnicd-uplinks-"), 30)


def test_somebody_who_switches_forwarding_off_all_the_time_costs_little(world, root, outside):
    with network(root, "yesnet", services=False):
        before, began = cpu_seconds(world.pid), time.monotonic()
        restored = 0
        while time.monotonic() < began + SECONDS:
            with open("/proc/sys/net/ipv4/conf/uplink0/forwarding", "r+", encoding="ascii") as file:
                restored += file.read(1) == "1"
                file.seek(0)
                file.write("0")
            time.sleep(0.005)
        share = (cpu_seconds(world.pid) - before) / (time.monotonic() - began)
        print(f"{100 * share:.2f} % of a processor, switched on {restored} times")
        assert share <= SHARE and restored <= 6
