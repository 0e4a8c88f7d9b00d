# SPDX-License-Identifier: LGPL-2.1-or-later
"""With udev, NetworkManager, systemd-networkd, avahi and ModemManager running, all settings are kept."""

import contextlib
import json
import pathlib
import resource
import shutil
import time

import pytest
import system
from vnic import LONG
from vnic.client import ENDPOINT

COUNT = 1000 if LONG else 100
SERVICES = ("systemd-udevd", "systemd-networkd", "NetworkManager", "avahi-daemon", "ModemManager")
# This would take every interface that nobody else has claimed.
GREEDY = pathlib.Path("/run/systemd/network/80-greedy.network")
EAGER = pathlib.Path("/run/NetworkManager/conf.d/80-eager.conf")


@pytest.fixture
def many_files():
    """A queue is an fd, and the limit of a login is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (COUNT + 1024, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def managers():
    if missing := [name for name in SERVICES if not system.succeeds("systemctl", "cat", name)]:
        pytest.skip(f"not installed: {missing}")
    GREEDY.parent.mkdir(parents=True, exist_ok=True)
    GREEDY.write_text("[Match]\nName=vnic* other*\n[Network]\nDHCP=yes\nLinkLocalAddressing=yes\nConfigureWithoutCarrier=yes\n"
                      "DHCPServer=yes\nAddress=192.0.2.1/24\n")
    EAGER.parent.mkdir(parents=True, exist_ok=True)
    EAGER.write_text("[keyfile]\nunmanaged-devices=none\n[main]\nno-auto-default=\n")
    for service in SERVICES:
        system.run("systemctl", "start", service)
    system.run("udevadm", "settle")
    yield
    GREEDY.unlink()
    EAGER.unlink()
    for service in reversed(SERVICES):
        system.said("systemctl", "stop", service)


def dress(link):
    """Everything that another program could have changed."""
    port = link["linkinfo"].get("info_slave_data", {})
    return {key: link.get(key) for key in ("ifindex", "address", "mtu", "master", "ifalias", "altnames", "operstate",
                                           "addr_info", "inet6_addr_gen_mode", "txqlen", "qdisc")} | \
        link["linkinfo"]["info_data"] | {key: port.get(key) for key in ("learning", "locked", "isolated", "flood",
                                                                       "guard", "priority", "cost")}


def test_the_managers_would_take_another_tap(managers):
    """This shows that the greedy file works: otherwise the next test would prove nothing."""
    system.run("ip", "tuntap", "add", "other0", "mode", "tap")
    try:
        system.run("ip", "link", "set", "other0", "up")
        assert system.poll(lambda: "192.0.2.1" in json.dumps(system.links()["other0"]["addr_info"]), 20), \
            system.said("networkctl", "status", "other0")
    finally:
        system.run("ip", "link", "delete", "other0")


def test_what_is_set_on_taps_stays_set(managers, many_files, bridge, carol):
    system.configure(f"[Limits]\nCreations=100000\nEndpoints={COUNT}\nQueues={COUNT}\n[Group vm]\nAllowBridges=br0\n")
    system.restart()
    with contextlib.ExitStack() as stack:
        taps, wanted = [], {}
        for _ in range(COUNT):
            taps.append(stack.enter_context(carol.create_tap(bridge, True)))
        at_once = {name: dress(link) for name, link in system.taps().items()}
        for tap in taps:
            wanted[tap.interface] = carol.get(tap.endpoint, ENDPOINT, "HostMac")
        system.run("udevadm", "settle", "--timeout=120", timeout=150)
        time.sleep(60 if COUNT > 100 else 3)
        later = {name: dress(link) for name, link in system.taps().items()}
        assert len(later) == COUNT
        changed = {name: (at_once[name], later[name]) for name in later
                   if {**at_once[name], "operstate": later[name]["operstate"]} != later[name]}
        assert changed == {}, list(changed.items())[:2]
        assert all(link["addr_info"] == [] and not link["altnames"] for link in later.values())
        assert {name: later[name]["address"].upper() for name in wanted} == \
            {name: mac.upper() for name, mac in wanted.items()}
        one = taps[0].interface
        properties = system.run("udevadm", "info", f"/sys/class/net/{one}")
        for word in ("ID_NET_MANAGED_BY=org.vnicd1", "NM_UNMANAGED=1", "ID_MM_DEVICE_IGNORE=1",
                     "ID_NET_LINK_FILE=/usr/lib/systemd/network/10-vnicd.link"):
            assert word in properties, properties
        if shutil.which("nmcli"):
            listed = system.run("nmcli", "-t", "-f", "DEVICE,STATE", "device").splitlines()
            mine = [line for line in listed if line.startswith("vnic")]
            assert mine and all(line.endswith(":unmanaged") for line in mine), mine[:3]
        listed = [line.split() for line in system.run("networkctl", "--no-legend", "--no-pager", "list").splitlines()]
        assert {row[-1] for row in listed if len(row) > 3 and row[1].startswith("vnic")} == {"unmanaged"}
    assert system.poll(lambda: not system.taps(), 60)


def test_udev_says_of_a_network_and_its_taps_that_they_are_not_theirs(managers, uplink, carol):
    """It goes by the group that the kernel shows for the bridge, and by the name of the tap: nobody else sets
    them up."""
    system.configure("[Group vm]\nAllowBridges=vnicbr0\n")
    system.restart()
    try:
        with carol.create_tap("", True) as tap:
            network = system.links()[tap.interface]["master"]
            wanted = {entry["local"] for entry in system.links()[network]["addr_info"] if entry["scope"] == "global"}
            assert wanted, system.links()[network]
            for link in (network, tap.interface):
                system.run("udevadm", "settle", "--timeout=60", timeout=90)
                properties = system.run("udevadm", "info", f"/sys/class/net/{link}").splitlines()
                for word in ("ID_NET_MANAGED_BY=org.vnicd1", "NM_UNMANAGED=1", "ID_MM_DEVICE_IGNORE=1"):
                    assert f"E: {word}" in properties, "\n".join(properties)
            time.sleep(3)
            listed = [line.split() for line in system.run("networkctl", "--no-legend", "--no-pager", "list").splitlines()]
            assert {row[1]: row[-1] for row in listed if row[1] in (network, tap.interface)} == \
                {network: "unmanaged", tap.interface: "unmanaged"}
            if shutil.which("nmcli"):
                states = dict(line.rsplit(":", 1) for line in
                              system.run("nmcli", "-t", "-f", "DEVICE,STATE", "device").splitlines())
                assert (states[network], states[tap.interface]) == ("unmanaged", "unmanaged"), states
            now = {entry["local"] for entry in system.links()[network]["addr_info"] if entry["scope"] == "global"}
            assert now == wanted
    finally:
        if "vnicbr0" in system.links():
            system.run("vnicctl", "network", "delete", "vnicbr0")
