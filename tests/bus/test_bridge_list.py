# SPDX-License-Identifier: LGPL-2.1-or-later
"""ListBridges says what each bridge leads to, in terms that a person can be shown, and BridgesChanged when that
is no longer right: once for a burst of changes, and not for taps that come and go."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import time

import pytest
from vnic import kernel
from vnic.client import MANAGER, BusError
from vnic.networks import NETWORK, Internet, Network, internet, network, path_of
from vnic.process import poll
from vnic.strace import traced

QUIET = 0.4  # seconds after an event, by when a signal for it would mostly have been sent
SETTLED = 1.5  # seconds without a signal, after which none is due even on a busy machine
DEFINITION = "[Network]\nKind=isolated\nAddress=10.70.9.1/24\nDhcp=no\n"


def make_uplink(name, master, number=1):
    """A tunnel: a port that leads out of the host, which a test can create anywhere."""
    kernel.run("ip", "link", "add", name, "type", "vxlan", "id", number, "dstport", 4789)
    kernel.run("ip", "link", "set", name, "master", master)
    kernel.run("ip", "link", "set", name, "up")


@pytest.fixture
def uplinks():
    made = []

    def make(name, master):
        made.append(name)
        make_uplink(name, master, len(made))

    yield make
    for name in made:
        kernel.del_link(name)


class Changes:
    """The BridgesChanged signals that a client has received."""

    def __init__(self, client):
        self.signals = client.subscribe(MANAGER, "BridgesChanged")

    def count(self):
        return len(self.signals.all())

    def come(self):
        return self.signals.wait_for(lambda *_: True, 25)

    def settle(self, seconds=SETTLED):
        """Nothing that has happened until now is still to be told. Where that would only hide a fault, QUIET is enough."""
        self.rest(seconds)
        self.signals.clear()

    def rest(self, seconds=SETTLED):
        """How many there were, once no more come."""
        count, since = self.count(), time.monotonic()
        while time.monotonic() < since + seconds:
            time.sleep(0.02)
            if self.count() != count:
                count, since = self.count(), time.monotonic()
        return count


@pytest.fixture
def changes(alice):
    followed = Changes(alice)
    yield followed
    followed.signals.close()


@pytest.fixture
def define(world):
    """define(name, text) defines a network, which ends with the test."""
    files = []

    def make(name, text=DEFINITION):
        file = world.configuration / "networks" / f"{name}.conf"
        file.parent.mkdir(mode=0o755, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)
        files.append(file)
        world.reload()
        return file

    yield make
    for file in files:
        file.unlink(missing_ok=True)
    world.reload()
    for file in files:
        with contextlib.suppress(BusError):  # it may be down
            world.root.call(path_of(file.stem), NETWORK, "Delete")
        assert poll(lambda name=file.stem: not kernel.exists(name), 10)


# What is listed

def test_the_fields_are_what_the_kernel_says(alice, bridges, uplinks):
    bridges("yes0", address="203.0.113.9/24")
    kernel.run("ip", "address", "add", "2001:db8:9::1/64", "dev", "yes0", "nodad")
    kernel.run("ip", "address", "add", "198.51.100.1/32", "dev", "yes0")
    bridges("yes1", up=False)
    uplinks("lan0", "yes0")
    uplinks("lan1", "yes0")
    listed = alice.list_bridges()
    wide = [f"{info['local']}/{info['prefixlen']}" for entry in json.loads(kernel.run("ip", "-j", "address", "show", "dev", "yes0"))
            for info in entry["addr_info"] if info["scope"] != "link"]
    assert listed["yes0"]["addresses"] == wide and len(wide) == 3
    assert listed["yes0"]["uplinks"] == kernel.ports("yes0") == ["lan0", "lan1"]
    assert listed["yes0"]["up"] is True and listed["yes1"]["up"] is False
    assert listed["yes1"]["addresses"] == [] == listed["yes1"]["uplinks"]
    assert {entry["description"] for entry in listed.values()} == {""}
    assert {entry["default"] for entry in listed.values()} == {False}


def test_what_belongs_to_guests_and_containers_is_no_uplink(alice, bridges):
    bridges("yes0")
    kernel.make_veth("veth0", "far", master="yes0")
    kernel.run("ip", "tuntap", "add", "vnet0", "mode", "tap")
    kernel.run("ip", "link", "set", "vnet0", "master", "yes0")
    try:
        with alice.create_tap("yes0"):
            listed = alice.list_bridges()["yes0"]
            assert listed["ports"] == 3 and listed["uplinks"] == []
    finally:
        kernel.del_link("veth0")
        kernel.del_link("vnet0")


def test_a_bridge_is_up_if_it_is_set_up_and_its_cable_is_in(alice, bridges, uplinks):
    """A bridge without a port has no carrier; but the first tap on it gets through to the second."""
    bridges("yes0")
    assert alice.list_bridges()["yes0"]["up"] is True
    uplinks("lan0", "yes0")
    uplinks("lan1", "yes0")
    kernel.run("ip", "link", "set", "lan0", "down")
    assert alice.list_bridges()["yes0"]["up"] is True
    kernel.run("ip", "link", "set", "lan1", "down")
    with alice.create_tap("yes0"):
        assert alice.list_bridges()["yes0"]["up"] is False
    kernel.run("ip", "link", "set", "lan0", "up")
    kernel.run("ip", "link", "set", "yes0", "down")
    assert alice.list_bridges()["yes0"]["up"] is False


def test_the_name_of_an_uplink_is_fit_to_be_shown(alice, bridges, uplinks):
    bridges("yes0")
    uplinks("a\x1b[2J", "yes0")
    uplinks("\u202eb", "yes0")
    assert alice.list_bridges()["yes0"]["uplinks"] == ["a?[2J", "?b"]


def test_a_network_says_how_it_leads_out(world, alice, root):
    """One with a foreign port is listed as a bridge of the host, and must not be taken for the LAN behind the uplink."""
    with internet(), network(root, "yesnet", services=False) as nat, \
            network(root, "yesiso", "isolated", services=False):
        listed = alice.list_bridges()
        assert listed["yesnet"]["uplinks"] == [Internet.UPLINK] and listed["yesiso"]["uplinks"] == []
        assert listed["yesnet"]["up"] and listed["yesiso"]["up"]
        assert listed["yesnet"]["addresses"] == nat.get("Addresses")
        kernel.make_veth("veth0", "far", master="yesnet")
        try:
            assert poll(lambda: alice.list_bridges()["yesnet"]["kind"] == "bridge", 10)
            assert alice.list_bridges()["yesnet"]["uplinks"] == []
            out = world.output_as("alice", [world.tool("vnicctl"), "bridges"])[1]
            assert [line.endswith("  no uplink") for line in out.splitlines() if line.startswith("yesnet ")] == [True]
        finally:
            kernel.del_link("veth0")


def test_a_definition_describes_its_network_and_is_the_default(world, alice, define):
    file = define("vnicbr0", DEFINITION + "Description = Prüfnetz, 2. Stock \n")
    define("yesother")
    listed = alice.list_bridges()
    assert listed["vnicbr0"]["description"] == "Prüfnetz, 2. Stock" and listed["yesother"]["description"] == ""
    assert listed["vnicbr0"]["default"] is True and listed["yesother"]["default"] is False
    assert listed["vnicbr0"]["up"] is False and listed["vnicbr0"]["addresses"] == []
    with alice.create_tap(""):
        listed = alice.list_bridges()["vnicbr0"]
        assert listed["up"] is True and listed["default"] is True
        assert listed["addresses"] == ["10.70.9.1/24"] and listed["description"] == "Prüfnetz, 2. Stock"
        file.write_text(DEFINITION + "Description=Lab\n", encoding="utf-8")
        world.reload()
        assert alice.list_bridges()["vnicbr0"]["description"] == "Lab"
        kernel.run("ip", "link", "set", "vnicbr0", "name", "renamed0")
        listed = alice.list_bridges()["renamed0"]
        assert listed["description"] == "Lab" and listed["default"] is True
        kernel.run("ip", "link", "set", "renamed0", "name", "vnicbr0")


@pytest.mark.restarts
def test_a_restart_forgets_no_description(world, alice, define):
    define("yesdef", DEFINITION + "Description=Lab\n")
    with alice.create_tap("yesdef"):
        world.kill_service()
        world.start_service()
        assert alice.list_bridges()["yesdef"]["description"] == "Lab"


@pytest.mark.parametrize("text", ["", "x" * 81, "ä" * 41, "a\u202eb", "a\u2028b", "a\x1bb", "Lab # one"],
                         ids=["empty", "long", "long in bytes", "reversed", "two lines", "escape", "comment"])
def test_a_description_that_cannot_be_shown_is_refused_with_its_line(world, define, text):
    file = define("yesdef")
    file.write_text(f"{DEFINITION}Description={text}\n", encoding="utf-8")
    with pytest.raises(BusError, match=r"yesdef\.conf:5: ") as refused:
        world.reload()
    assert refused.value.short == "InvalidConfiguration"
    file.write_text(f"{DEFINITION}Description=a\nDescription=b\n", encoding="utf-8")
    with pytest.raises(BusError, match=r"yesdef\.conf:6: .* twice"):
        world.reload()
    file.write_text(DEFINITION, encoding="utf-8")


def test_other_keys_are_ascii_still(world, define):
    file = define("yesdef")
    for line in ("Domain=Description=ä", "Descriptionä=x", "DescriptionX=ä"):
        file.write_text(f"{DEFINITION}{line}\n", encoding="utf-8")
        with pytest.raises(BusError, match=r"yesdef\.conf:5: Outside of comments"):
            world.reload()
    file.write_text(DEFINITION, encoding="utf-8")


def test_a_defined_network_is_listed_all_the_time_while_its_bridge_goes(alice, root, define):
    """CreateTap waits for the end of the bridge and then makes another, so the network is there to be chosen."""
    define("yesdef")
    with contextlib.ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(alice.create_tap("yesdef"))
        deletion = root.start(path_of("yesdef"), NETWORK, "Delete")
        seen = []
        while not deletion.done() or not seen:
            seen.append(root.list_bridges().get("yesdef"))
        deletion.result()
    assert None not in seen
    assert seen[-1]["up"] is False and seen[-1]["ports"] == 0


def test_a_network_that_nobody_defines_is_not_listed_once_it_goes(alice, root):
    made = Network(root, "yesnet", "isolated")
    with contextlib.ExitStack() as stack:
        for _ in range(16):
            stack.enter_context(alice.create_tap("yesnet"))
        deletion = root.start(made.path, NETWORK, "Delete")
        assert poll(lambda: "yesnet" not in root.list_bridges(), 5)
        deletion.result()


def requests_in(text):
    return re.findall(r"nlmsg_type=(RTM_GET\w+), nlmsg_flags=NLM_F_REQUEST\|[\w|]*NLM_F_DUMP", text)


def requests(log):
    """The dumps that the service has asked the kernel for."""
    return requests_in(log.read_text(errors="replace"))


def test_many_bridges_take_one_dump_of_links_and_one_of_addresses(world, root, bridges, uplinks, changes):
    for i in range(10):
        bridges(f"yes{i}", address=f"203.0.{i}.1/24")
    uplinks("lan0", "yes7")
    with internet(), network(root, "yesnet", services=False):
        changes.settle()
        with traced(world, "-e", "trace=sendmsg,sendto", "-s", "64") as log:
            listed = root.list_bridges()
            assert poll(lambda: len(requests(log)) >= 2, 5)
            said = log.read_text(errors="replace")
    assert said.count("RTM_GET") == 2 and requests_in(said) == ["RTM_GETLINK", "RTM_GETADDR"]
    assert len(listed) == 11 and listed["yes7"]["addresses"] == ["203.0.7.1/24"]


# BridgesChanged

def set_link(*words):
    return lambda: kernel.run("ip", "link", "set", *words)


def address(verb, what, name="yes0"):
    return lambda: kernel.run("ip", "address", verb, what, "dev", name)


# One after the other; tests/unit/test-bridge-list.c has more.
CAUSES = {
    "a bridge appears": lambda: kernel.make_bridge("yes2"),
    "a bridge goes": lambda: kernel.del_link("yes2"),
    "a bridge is renamed": set_link("yes1", "name", "yes3"),
    "a bridge goes down": set_link("yes0", "down"),
    "an uplink comes": lambda: make_uplink("lan1", "yes3", 9),
    "an uplink loses its carrier": set_link("lan1", "down"),
    "an uplink goes": lambda: kernel.del_link("lan1"),
    "an IPv6 address comes": address("add", "2001:db8:9::1/64"),
    "an address goes": address("del", "198.51.100.1/24"),
}


def test_each_change_is_told(alice, bridges, uplinks, changes):
    bridges("yes0", address="198.51.100.1/24")
    bridges("yes1")
    uplinks("lan0", "yes0")
    try:
        for cause, change in CAUSES.items():
            changes.settle(QUIET)
            before = alice.list_bridges()
            change()
            try:
                changes.come()
            except AssertionError as error:
                raise AssertionError(f"it is not told that {cause}") from error
            assert alice.list_bridges() != before, cause
    finally:
        for name in ("yes2", "yes3", "lan1"):
            kernel.del_link(name)


def renew(name):
    """What a DHCP client does again and again."""
    kernel.run("ip", "address", "replace", "203.0.113.9/24", "dev", name, "valid_lft", "3600", "preferred_lft", "1800")


def test_what_the_list_does_not_show_is_not_told(world, alice, bob, bridges, uplinks, changes):
    bridges("yes0", address="203.0.113.9/24")
    bridges("yes1")
    uplinks("lan0", "yes0")
    renew("yes0")
    changes.settle()
    for name in ("yes0", "yes1"):
        for client in (alice, bob):
            with client.create_tap(name) as tap:
                kernel.set_mac(tap.fds[0], tap.interface, "02:00:00:00:00:09")
    kernel.make_veth("veth0", "far", master="yes1")
    kernel.del_link("veth0")
    renew("yes0")
    kernel.run("ip", "link", "set", "yes1", "address", "02:00:00:00:00:07")
    kernel.run("ip", "link", "set", "lan0", "alias", "spare")
    kernel.run("ip", "link", "add", "alone0", "type", "vxlan", "id", 77, "dstport", 4789)
    kernel.run("ip", "address", "add", "192.0.2.1/24", "dev", "alone0")
    kernel.run("ip", "link", "set", "alone0", "up")
    kernel.del_link("alone0")
    world.reload()
    time.sleep(QUIET)
    assert changes.count() == 0
    bridges("yes2")
    changes.come()


@pytest.mark.deadline(180)
@pytest.mark.parametrize("number", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_many_bridges_that_change_at_once_are_told_in_a_few_signals(alice, changes, tmp_path, number):
    batch = tmp_path / "batch"
    batch.write_text("".join(f"link add many{i} group 77 type bridge\n" for i in range(number)), encoding="ascii")
    changes.settle(QUIET)
    for words in (["-batch", batch], ["link", "set", "group", "77", "up"], ["link", "del", "group", "77"]):
        before = alice.list_bridges()
        began = time.monotonic()
        try:
            subprocess.run(["ip", *words], check=True, timeout=100)
        except BaseException:
            subprocess.run(["ip", "link", "del", "group", "77"], check=False, timeout=100)
            raise
        took = time.monotonic() - began
        changes.come()
        assert changes.rest(QUIET) <= 10 * took + 3
        changed = {name for name, entry in alice.list_bridges().items() if before.get(name) != entry} or before.keys()
        assert len([name for name in changed if name.startswith("many")]) == number
        changes.signals.clear()


def test_the_configuration_is_told_when_it_has_changed(world, alice, define, changes):
    file = define("yesdef", DEFINITION + "Description=Lab\n")
    changes.settle()
    world.reload()
    file.write_text("[Network]\nKind=best\n", encoding="utf-8")
    with pytest.raises(BusError):
        world.reload()
    time.sleep(QUIET)
    assert changes.count() == 0
    file.write_text(DEFINITION + "Description=Office\n", encoding="utf-8")
    world.reload()
    changes.come()
    assert alice.list_bridges()["yesdef"]["description"] == "Office"
    changes.settle(QUIET)
    world.configure("[Limits]\nCreations=100000\n[User alice]\nDenyBridges=yesdef\n")
    try:
        world.reload()
        changes.come()
        assert alice.list_bridges()["yesdef"]["access"] == "no"
    finally:
        world.configure()
        world.reload()


def test_the_life_of_a_network_is_told(alice, root, define, changes):
    define("yesdef")
    changes.settle(QUIET)
    with alice.create_tap("yesdef"):
        changes.come()
        assert alice.list_bridges()["yesdef"]["up"] is True
        changes.settle()
        with alice.create_tap("yesdef"), alice.create_tap("yesdef"):
            pass
        time.sleep(QUIET)
        assert changes.count() == 0
        root.call(path_of("yesdef"), NETWORK, "Delete")
        changes.come()
        assert alice.list_bridges()["yesdef"]["up"] is False
        time.sleep(QUIET)
        assert changes.count() == 1, "the end of the bridge is not shown, so it is not told either"


def test_a_network_that_becomes_a_bridge_of_the_host_is_told(alice, root, bridges, uplinks, changes):
    with network(root, "yesnet", "isolated", services=False):
        changes.settle(QUIET)
        kernel.make_veth("veth0", "far", master="yesnet")
        try:
            changes.come()
            assert alice.list_bridges()["yesnet"]["kind"] == "bridge"
        finally:
            kernel.del_link("veth0")


def test_another_way_out_is_told(alice, root, changes):
    with internet(), network(root, "yesnet", services=False):
        assert alice.list_bridges()["yesnet"]["uplinks"] == [Internet.UPLINK]
        kernel.run("ip", "link", "add", "vpn0", "type", "vxlan", "id", 5, "dstport", 4789)
        try:
            kernel.run("ip", "address", "add", "192.0.2.2/24", "dev", "vpn0")
            kernel.run("ip", "link", "set", "vpn0", "up")
            changes.settle(QUIET)
            kernel.run("ip", "route", "replace", "default", "via", "192.0.2.1", "dev", "vpn0")
            changes.come()
            assert "vpn0" in alice.list_bridges()["yesnet"]["uplinks"]
        finally:
            kernel.del_link("vpn0")


def test_a_way_out_that_is_no_uplink_as_a_port_is_told_too(alice, root, changes):
    with internet(), network(root, "yesnet", services=False):
        changes.settle(QUIET)
        kernel.run("ip", "tuntap", "add", "vpn0", "mode", "tun")
        try:
            kernel.run("ip", "address", "add", "192.0.2.2/24", "dev", "vpn0")
            kernel.run("ip", "link", "set", "vpn0", "up")
            changes.come()
            assert "vpn0" in alice.list_bridges()["yesnet"]["uplinks"]
            changes.settle(QUIET)
            kernel.run("ip", "link", "set", "vpn0", "name", "vpn1")
            changes.come()
            assert "vpn1" in alice.list_bridges()["yesnet"]["uplinks"]
        finally:
            kernel.del_link("vpn0")
            kernel.del_link("vpn1")


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_taps_that_come_and_go_cost_no_dump(world, alice, bridges, uplinks, changes):
    bridges("yes0", mac="02:00:00:00:00:01", address="203.0.113.9/24")
    uplinks("lan0", "yes0")
    with alice.create_tap("yes0"):
        pass
    changes.settle()
    with traced(world, "-e", "trace=sendmsg,sendto", "-s", "64") as log:
        for _ in range(5):
            with alice.create_tap("yes0") as tap:
                pass
            assert kernel.wait_gone(tap.interface)
        time.sleep(QUIET)
        assert "RTM_GETADDR" not in requests(log)
    assert changes.count() == 0


@pytest.mark.restarts
def test_after_a_restart_changes_are_told_again(world, alice, bridges, changes):
    bridges("yes0", address="203.0.113.9/24")
    world.kill_service()
    kernel.run("ip", "address", "add", "198.51.100.1/24", "dev", "yes0")
    world.start_service()
    changes.settle()
    kernel.run("ip", "address", "del", "198.51.100.1/24", "dev", "yes0")
    changes.come()
    kernel.run("ip", "link", "set", "yes0", "down")
    assert poll(lambda: changes.count() == 2, 25)


# vnicctl

def test_vnicctl_says_it_in_words(world, root, bridges, uplinks, define):
    bridges("yes0")
    bridges("yes1")
    bridges("yes2", up=False)
    uplinks("lan0", "yes0")
    uplinks("lan1", "yes0")
    define("vnicbr0", DEFINITION.replace("isolated", "nat") + "Description=Lab net\n")
    define("yesiso")
    status, out, err = world.output_as("root", [world.tool("vnicctl"), "bridges"])
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line for line in out.partition("\n\n")[0].splitlines()}
    assert lines["yes0"].endswith("  wired LAN by lan0 lan1")
    assert lines["yes1"].endswith("  no uplink")
    assert lines["yes2"].endswith("  no uplink, down")
    assert lines["vnicbr0"].endswith("  Lab net (Internet by NAT), the default")
    assert lines["yesiso"].endswith("  isolated")
    status, out, err = world.output_as("root", [world.tool("vnicctl"), "bridges", "--json"])
    assert {entry["name"]: entry for entry in json.loads(out)} == root.list_bridges()


def test_monitor_prints_that_the_bridges_have_changed_if_asked(world, alice, bridges, changes):
    changes.settle(QUIET)
    for words, event in (["--all", "--json"], {"event": "bridges"}), (["--all"], "bridges"):
        child = world.run_as("bob", [world.tool("vnicctl"), "monitor", *words])
        try:
            assert "watching" in child.stderr.readline()
            bridges(f"yes{len(words)}")
            line = child.stdout.readline().strip()
            assert (json.loads(line) if "--json" in words else line) == event
        finally:
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=10)
        assert child.returncode == 0
    child = world.run_as("bob", [world.tool("vnicctl"), "monitor"])
    try:
        assert "watching" in child.stderr.readline()
        changes.signals.clear()
        bridges("yes5")
        changes.come()
        with alice.create_tap("yes5") as tap:
            assert child.stdout.readline().split()[:2] == ["added", tap.interface]
    finally:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=10)
