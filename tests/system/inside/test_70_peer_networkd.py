# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long systemd-networkd takes for the same work, in turns with CreateTap: figures for
docs/performance.md.

The figures decide nothing; the assertion is that both have created a tap on the bridge.
"""

import os
import pathlib
import statistics
import subprocess
import time

import pytest
import system

ROUNDS = 50 if os.environ.get("VNICD_TEST_LONG") == "1" else 3
BRIDGE = "peerbr"
FOLDER = pathlib.Path("/run/systemd/network")


def is_port(name):
    folder = pathlib.Path("/sys/class/net") / name
    try:
        return (folder / "master").exists() and int((folder / "flags").read_text(), 16) & 1
    except FileNotFoundError:
        return False


def by_networkd(name):
    """From the moment its files are there until the tap is up on the bridge."""
    (FOLDER / f"50-{name}.netdev").write_text(f"[NetDev]\nName={name}\nKind=tap\n[Tap]\nVNetHeader=yes\nUser=carol\n")
    (FOLDER / f"50-{name}.network").write_text(f"[Match]\nName={name}\n[Network]\nBridge={BRIDGE}\nLinkLocalAddressing=no\n"
                                               "ConfigureWithoutCarrier=yes\n")
    begin = time.perf_counter()
    subprocess.run(["networkctl", "reload"], check=True)
    assert system.poll(lambda: is_port(name), 10, 0.0002), system.said("networkctl", "status", name)
    return time.perf_counter() - begin


def by_call(carol):
    begin = time.perf_counter()
    tap = carol.create_tap(BRIDGE, True)
    took = time.perf_counter() - begin
    with tap:
        assert is_port(tap.interface)
    return took


@pytest.fixture
def networkd():
    """It joins taps to bridges that it has created itself."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"50-{BRIDGE}.netdev").write_text(f"[NetDev]\nName={BRIDGE}\nKind=bridge\n")
    (FOLDER / f"50-{BRIDGE}.network").write_text(f"[Match]\nName={BRIDGE}\n[Network]\nLinkLocalAddressing=no\n"
                                                 "ConfigureWithoutCarrier=yes\n")
    # If there is a udev it waits for its word on each link.
    system.run("systemctl", "start", "systemd-udevd")
    system.run("systemctl", "restart", "systemd-networkd")
    assert system.poll(lambda: BRIDGE in system.links() and "UP" in system.links()[BRIDGE]["flags"], 20), \
        system.said("networkctl", "status", BRIDGE)
    yield
    for file in FOLDER.glob("50-peer*"):
        file.unlink()
    system.said("systemctl", "stop", "systemd-networkd", "systemd-udevd")
    for name in [name for name in system.links() if name.startswith("peer")]:
        system.run("ip", "link", "delete", name)


def test_networkd_makes_a_tap_too(networkd, carol):
    system.configure(f"[Limits]\nCreations=1000\n[Group vm]\nAllowBridges={BRIDGE}\n")
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
    assert len([name for name in system.links() if name.startswith("peer") and name != BRIDGE]) == ROUNDS
