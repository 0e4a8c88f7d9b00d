# SPDX-License-Identifier: LGPL-2.1-or-later
"""A fresh machine with the package's own definition: the first tap that names no bridge brings the default
network up, its guest reaches the outside, and the last tap takes the network with it."""

import contextlib
import json
import os
import pathlib
import shutil

import pytest
from vnic import kernel
from vnic.client import BusError
from vnic.machine import Machine
from vnic.networks import CONFIGURATIONS, NETWORK, internet, path_of, served
from vnic.process import poll

pytestmark = [pytest.mark.deadline(120), pytest.mark.once]
SHIPPED = pathlib.Path(os.environ["VNICD_SOURCE"]) / "networks" / "vnicbr0.conf"
LINGER = 10  # seconds that a network outlives its last port


@pytest.fixture
def defined(world, root):
    """The network, defined as the package does it."""
    file = world.configuration / "networks" / "vnicbr0.conf"
    file.parent.mkdir(mode=0o755, exist_ok=True)
    shutil.copy(SHIPPED, file)
    file.chmod(0o644)
    world.reload()
    yield
    file.unlink()
    world.reload()
    if kernel.exists("vnicbr0"):
        with contextlib.suppress(BusError):  # it may already be going down
            root.call(path_of("vnicbr0"), NETWORK, "Delete")
    assert poll(lambda: not kernel.exists("vnicbr0"), LINGER + 5)


def test_without_a_definition_there_is_no_default(alice):
    with pytest.raises(BusError) as refused:
        alice.create_tap("")
    assert refused.value.short in ("NoSuchNetwork", "NoSuchBridge")


@pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")
def test_the_first_tap_brings_it_up_and_its_guest_reaches_out(world, alice, bob, defined):
    with internet() as outside:
        assert not kernel.exists("vnicbr0")
        with alice.create_tap("", False) as tap, served("vnicbr0"), Machine(tap, "web") as web:
            assert kernel.link(tap.interface)["master"] == "vnicbr0"
            assert web.dhcp() and web.ipv6()
            assert web.pings(outside.SERVER4) and web.pings(outside.SERVER6)
            assert bob.list_bridges()["vnicbr0"]["kind"] == "nat"
            with bob.create_tap("vnicbr0", False) as other, Machine(other, "db") as db:
                told = db.dhcp()
                assert web.pings(told["ip"]) and told["ip"] in web.resolve("db", told["dns"])
        assert kernel.wait_gone(tap.interface)
        # It stays for a while, so that the next machine finds it as it was.
        before = kernel.addresses("vnicbr0")
        with alice.create_tap("", False):
            assert kernel.addresses("vnicbr0") == before
        assert kernel.exists("vnicbr0")
        assert poll(lambda: not kernel.exists("vnicbr0"), LINGER + 5)
        assert "vnicd-vnicbr0" not in kernel.run("nft", "list", "tables")
        assert poll(lambda: not (CONFIGURATIONS / "vnicbr0.conf").exists(), 3)


def test_explain_names_the_network_that_polkit_is_told(world, defined):
    """The rule that users copy would otherwise compare with an empty name."""
    out = world.output_as("alice", [world.tool("vnicctl"), "explain", "--json", ""])[1]
    assert json.loads(out)["bridge"] == "vnicbr0"
    assert json.loads(out)["action"] == "org.vnicd1.use-network"


def test_many_first_taps_at_once_bring_up_one_network(alice, bob, defined):
    calls = [client.start_create_tap("", False) for client in (alice, bob) for _ in range(5)]
    taps = [call.result() for call in calls]
    try:
        assert len(kernel.ports("vnicbr0")) == 10
    finally:
        for client_tap in taps:
            for fd in client_tap[3]:
                os.close(fd)


def test_a_definition_that_is_changed_counts_when_the_network_comes_up_again(world, root, alice, defined):
    with alice.create_tap("", False):
        before = kernel.addresses("vnicbr0")
        file = world.configuration / "networks" / "vnicbr0.conf"
        file.write_text("[Network]\nKind=isolated\nAddress=10.98.76.1/24\n", encoding="ascii")
        world.reload()
        assert kernel.addresses("vnicbr0") == before
    root.call(path_of("vnicbr0"), NETWORK, "Delete")
    assert not kernel.exists("vnicbr0")
    with alice.create_tap("", False):
        assert "10.98.76.1/24" in kernel.addresses("vnicbr0")


BAD = {"[Network]\nKind=nat\nColour=red\n": 3, "Kind=nat\n": 1, "[Network]\nKind=bridge\n": 2,
       "[Network]\nKind=nat\nAddress=10.0.0.1\n": 3}


def test_a_bad_definition_is_refused_with_its_line_and_the_last_good_one_stays(world, alice, defined):
    file = world.configuration / "networks" / "vnicbr0.conf"
    for text, line in BAD.items():
        file.write_text(text, encoding="ascii")
        with pytest.raises(BusError) as refused:
            world.reload()
        assert f"vnicbr0.conf:{line}" in refused.value.message
    with alice.create_tap("", False):
        assert kernel.exists("vnicbr0")
    shutil.copy(SHIPPED, file)
    world.reload()


def test_a_bridge_that_was_renamed_keeps_nobody_waiting(alice, defined):
    with alice.create_tap("", False) as tap:
        kernel.run("ip", "link", "set", "vnicbr0", "name", "renamed0")
        try:
            with pytest.raises(BusError) as refused:
                alice.create_tap("", False, timeout=5)
            assert refused.value.short == "NoSuchNetwork" and kernel.link(tap.interface)["master"] == "renamed0"
        finally:
            kernel.run("ip", "link", "set", "renamed0", "name", "vnicbr0")
        with alice.create_tap("", False) as other:
            assert kernel.link(other.interface)["master"] == "vnicbr0"
