# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long systemd-networkd takes for the same work, in turns with CreateTap: figures for docs/performance.md.

The figures decide nothing; that both have made a tap on the bridge is what is asserted.
"""

import os
import pathlib
import statistics
import subprocess
import time

import pytest
import system

ROUNDS = 50 if os.environ.get("VNICD_TEST_LONG") == "1" else 3
FOLDER = pathlib.Path("/run/systemd/network")


def is_port(name):
    folder = pathlib.Path("/sys/class/net") / name
    try:
        return (folder / "master").exists() and int((folder / "flags").read_text(), 16) & 1
    except FileNotFoundError:
        return False


def by_networkd(name):
    """From the moment that its files are there until the tap is up on the bridge."""
    (FOLDER / f"50-{name}.netdev").write_text(f"[NetDev]\nName={name}\nKind=tap\n[Tap]\nVNetHeader=yes\nUser=carol\n")
    (FOLDER / f"50-{name}.network").write_text(f"[Match]\nName={name}\n[Network]\nBridge=br0\nLinkLocalAddressing=no\n"
                                               "ConfigureWithoutCarrier=yes\n")
    begin = time.perf_counter()
    subprocess.run(["networkctl", "reload"], check=True)
    assert system.poll(lambda: is_port(name), 10, 0.0002), system.said("networkctl", "status", name)
    return time.perf_counter() - begin


def by_call(carol):
    begin = time.perf_counter()
    tap = carol.create_tap("br0", True)
    took = time.perf_counter() - begin
    with tap:
        assert is_port(tap.interface)
    return took


@pytest.fixture
def networkd(bridge):
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Else it does not take the bridge for one of its own, and joins nothing to it.
    (FOLDER / "50-peer-br0.netdev").write_text("[NetDev]\nName=br0\nKind=bridge\n")
    # Where there is a udev it waits for its word on each link, also on those from before.
    system.run("systemctl", "start", "systemd-udevd")
    system.run("udevadm", "trigger", "--action=add", "--settle", f"/sys/class/net/{bridge}")
    system.run("systemctl", "start", "systemd-networkd")
    yield
    for file in FOLDER.glob("50-peer*"):
        file.unlink()
    system.said("systemctl", "stop", "systemd-networkd", "systemd-udevd")
    for name in [name for name in system.links() if name.startswith("peer")]:
        system.run("ip", "link", "delete", name)


def test_networkd_makes_a_tap_too(networkd, carol):
    system.configure("[Limits]\nCreations=1000\n[Group vm]\nAllowBridges=br0\n")
    system.restart()
    tool, others, ours = [], [], []
    for number in range(ROUNDS):
        begin = time.perf_counter()
        system.run("networkctl", "--version")
        tool.append(time.perf_counter() - begin)
        others.append(by_networkd(f"peer{number}"))
        ours.append(by_call(carol))
    median = [1000 * statistics.median(series) for series in (tool, others, ours)]
    print("networkctl alone %.2f ms, reload until the tap is a port %.2f ms, CreateTap granted %.2f ms" % tuple(median))
    assert len([name for name in system.links() if name.startswith("peer")]) == ROUNDS
