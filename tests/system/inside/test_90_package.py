# SPDX-License-Identifier: LGPL-2.1-or-later
"""An upgrade and a purge with live endpoints. These tests are the last: nothing of vnicd is left after
them."""

import contextlib
import json
import os
import pathlib

import pytest
import system
from vnic import kernel
from vnic.upgrade import Traffic, older_tag

NEWER = pathlib.Path(os.environ.get("VNICD_TEST_PACKAGES", "/nowhere")) / "newer"

pytestmark = pytest.mark.skipif(not NEWER.is_dir(), reason="there are no packages to upgrade to")


def test_an_upgrade_from_0_1_0_leaves_live_taps_loses_no_frame_and_starts_the_new_one(bridge, carol):
    """The taps are on a bridge of the host, and on a network; the tags that 0.1.0 wrote are rewritten
    once."""
    system.configure("[Group vm]\nAllowBridges=br0 vnicbr0\n")
    system.restart()
    before = pathlib.Path("/etc/vnicd/vnicd.conf").read_text()
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(carol.create_tap(bridge, True)) for _ in range(6)]
        guest = stack.enter_context(carol.create_tap("vnicbr0", True))
        indexes = {name: link["ifindex"] for name, link in system.taps().items()}
        made = {name: link["ifalias"] for name, link in system.taps().items()}
        system.run("systemctl", "kill", "--signal=KILL", system.UNIT)
        system.run("systemctl", "stop", system.UNIT)
        for name in made:
            kernel.run("ip", "link", "set", name, "alias", older_tag(name))
        assert all("persistent=" not in link["ifalias"] for link in system.taps().values())
        with Traffic(list(zip(taps[::2], taps[1::2]))) as traffic:
            system.run("apt-get", "-q", "-y", "install", *sorted(NEWER.glob("*.deb")), timeout=120)
            assert system.run("dpkg-query", "-W", "-f", "${Version}", "vnicd").endswith("+rebuilt1")
            assert system.poll(lambda: system.pid() != 0, 10)
            assert system.poll(lambda: all("persistent=" in link["ifalias"] for link in system.taps().values()), 10)
        assert sum(traffic.sent.values()) > 1000 and traffic.lost() == {}
        assert {name: link["ifindex"] for name, link in system.taps().items()} == indexes
        assert carol.get(taps[0].endpoint, "org.vnicd1.Endpoint", "Owner") == 1003
        tag = system.taps()[guest.interface]["ifalias"]
        assert tag.split(" isolated=")[1] == made[guest.interface].split(" isolated=")[1]
        written = {name: link["ifalias"] for name, link in system.taps().items()}
        pid = system.pid()
        system.restart()
        assert system.poll(lambda: system.pid() not in (0, pid), 10)
        with carol.create_tap(bridge) as another:
            assert another.interface in system.taps()
            assert {name: link["ifalias"] for name, link in system.taps().items()
                    if name != another.interface} == written, "once"
    assert pathlib.Path("/etc/vnicd/vnicd.conf").read_text() == before
    # The next test expects a host without networks.
    assert system.poll(lambda: "vnicbr0" not in system.links(), 30)


def test_the_interfaces_are_in_the_package_for_developers_which_does_not_need_the_service():
    """And the other packages do not need that one: a host that runs machines has no use for it."""
    listed = {package: system.run("dpkg-query", "-L", package).splitlines() for package in ("vnicd", "vnicd-dev")}
    interfaces = sorted(pathlib.Path("/usr/share/dbus-1/interfaces").glob("org.vnicd1.*"))
    assert [path.name for path in interfaces] == [f"org.vnicd1.{name}.xml"
                                                  for name in ("Endpoint", "Manager", "Network", "Tap")]
    wanted = {*map(str, interfaces), "/usr/share/pkgconfig/vnicd.pc", "/usr/share/doc/vnicd-dev/examples/create-tap.c"}
    assert wanted <= set(listed["vnicd-dev"]) and not wanted & set(listed["vnicd"])
    for package in ("vnicd", "vnicd-networks", "vnicctl"):
        needs = system.run("dpkg-query", "-W", "-f", "${Depends} ${Recommends}", package)
        assert "vnicd-dev" not in needs
    assert "vnic" not in system.run("dpkg-query", "-W", "-f", "${Depends} ${Recommends}", "vnicd-dev")


ZONES = pathlib.Path("/etc/firewalld/zones")


@pytest.mark.parametrize("own", [True, False])
def test_firewalld_is_never_given_two_zones_with_the_default_network(own):
    """It rejects its whole configuration then: a zone of the administrator's that has vnicbr0 keeps it."""
    shipped = ZONES / "vnicd.xml"
    home = ZONES / "home.xml"
    ZONES.mkdir(parents=True, exist_ok=True)
    try:
        home.write_text(f'<zone><interface name="{"vnicbr0" if own else "eth0"}"/></zone>\n')
        system.run("/var/lib/dpkg/info/vnicd-networks.postinst", "configure", "0.1.0")
        assert shipped.exists() == own
        if own:
            assert "vnicbr0" not in shipped.read_text() and "<zone" in shipped.read_text()
        assert 'interface name="vnicbr0"' in pathlib.Path("/usr/lib/firewalld/zones/vnicd.xml").read_text()
    finally:
        for file in (shipped, home):
            file.unlink(missing_ok=True)


def forwarding():
    return {str(file): file.read_text() for device in ("all", "up0")
            for file in pathlib.Path("/proc/sys/net").glob(f"ipv?/conf/{device}/*forwarding")}


def test_a_purge_leaves_live_taps_and_nothing_else(bridge, uplink, carol):
    """The very last test: it removes networks with the taps on them, since nothing would filter those any
    more."""
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
            system.run("apt-get", "-q", "-y", "purge", "vnicd", "vnicd-networks", "vnicd-libvirt", "vnicctl", "vnicd-dev",
                       timeout=120)
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
