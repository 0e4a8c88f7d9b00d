# SPDX-License-Identifier: LGPL-2.1-or-later
"""An upgrade and a purge under live endpoints. The last tests: nothing of ours is there after them."""

import contextlib
import json
import os
import pathlib

import pytest
import system

NEWER = pathlib.Path(os.environ.get("VNICD_TEST_PACKAGES", "/nowhere")) / "newer"

pytestmark = pytest.mark.skipif(not NEWER.is_dir(), reason="there are no packages to upgrade to")


def test_an_upgrade_leaves_live_taps_and_starts_the_new_one(bridge, carol):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    before = pathlib.Path("/etc/vnicd/vnicd.conf").read_text()
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(carol.create_tap(bridge, True)) for _ in range(5)]
        indexes = {name: link["ifindex"] for name, link in system.taps().items()}
        pid = system.pid()
        system.run("apt-get", "-q", "-y", "install", *sorted(NEWER.glob("*.deb")), timeout=120)
        assert system.run("dpkg-query", "-W", "-f", "${Version}", "vnicd").endswith("+rebuilt1")
        assert system.poll(lambda: system.pid() not in (0, pid), 10)
        assert {name: link["ifindex"] for name, link in system.taps().items()} == indexes
        assert carol.get(taps[0].endpoint, "org.vnicd1.Endpoint", "Owner") == 1003
        with carol.create_tap(bridge) as another:
            assert another.interface in system.taps()
    assert pathlib.Path("/etc/vnicd/vnicd.conf").read_text() == before


def forwarding():
    return {str(file): file.read_text() for device in ("all", "up0")
            for file in pathlib.Path("/proc/sys/net").glob(f"ipv?/conf/{device}/*forwarding")}


def test_a_purge_leaves_live_taps_and_nothing_else(bridge, uplink, carol):
    """The last of all: it takes networks away with the taps on them, since nobody would filter them any more."""
    system.configure("[Group vm]\nAllowBridges=br0 vnicbr0\n")
    system.restart()
    before = forwarding()
    root = system.client("root")
    foreign = "vnicffffffff"
    with contextlib.ExitStack() as stack, root, carol.create_tap(bridge, True) as live:
        on_network = stack.enter_context(carol.create_tap("", True)).interface
        assert system.poll(lambda: forwarding() != before and "vnicd-vnicbr0" in system.run("nft", "list", "tables"), 10)
        idle = root.call("/org/vnicd1", "org.vnicd1.Manager", "CreateTap", "sbba{sv}",
                         (bridge, True, False, {"persistent": _true(), "owner": _number(1003)}))[1]
        system.run("ip", "tuntap", "add", foreign, "mode", "tap")
        pid = system.pid()
        try:
            system.run("apt-get", "-q", "-y", "purge", "vnicd", "vnicd-networks", "vnicctl", timeout=120)
            links = system.links()
            assert "vnicbr0" not in links and on_network not in links
            assert "vnicd-" not in system.run("nft", "list", "tables") and forwarding() == before
            assert system.said("pgrep", "-u", "vnicd-network") == ""
            # A tap in use ends with its user; a persistent one that nobody uses would stay for ever.
            assert live.interface in links and idle not in links and foreign in links
            assert links[live.interface]["master"] == "br0"
            assert not pathlib.Path(f"/proc/{pid}").exists()
            assert system.said("pgrep", "-u", "vnicd") == ""
        finally:
            system.run("ip", "tuntap", "delete", foreign, "mode", "tap")
    assert system.poll(lambda: not system.taps(), 5)
    left = [str(path) for folder in ("/etc", "/usr", "/lib", "/var/lib", "/run")
            for path in pathlib.Path(folder).rglob("*vnic*")
            if "vnicd-tests" not in str(path) and "/dpkg/" not in str(path) and "/apt/" not in str(path)]
    assert left == [], "\n".join(left)
    assert "org.vnicd1" not in system.run("busctl", "--json=short", "list")
    assert json.loads(system.run("ip", "-j", "link", "show", "type", "bridge"))[0]["ifname"] == "br0"


def _true():
    from gi.repository import GLib
    return GLib.Variant("b", True)


def _number(value):
    from gi.repository import GLib
    return GLib.Variant("u", value)
