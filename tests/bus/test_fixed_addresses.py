# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses that a guest is sure to get: those that are reserved with its tap (the option `address`), and those of
Host= in the definition of a network; with a real dnsmasq, which is reloaded as systemd would do it."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import pytest
from vnic import kernel, variant
from vnic.client import MANAGER, ROOT, BusError, Tap
from vnic.machine import Machine
from vnic.networks import CONFIGURATIONS, NETWORK, defined, network, path_of, served
from vnic.process import poll
from vnic.systemd import FakeSystemd, Job

pytestmark = [pytest.mark.deadline(150), pytest.mark.once,
              pytest.mark.skipif(not shutil.which("dnsmasq"), reason="dnsmasq is not installed")]

A, B, C = "52:54:00:00:88:01", "52:54:00:00:88:02", "52:54:00:00:88:03"


@pytest.fixture
def systemd(world):
    with FakeSystemd(world) as fake:
        yield fake


def end_at_once(job):
    job.accept()
    job.end("done")


@contextlib.contextmanager
def serving(systemd, name):
    """The services of a network; its dnsmasq is reloaded when systemd is asked to."""
    with served(name) as dnsmasq:
        def carry_out(job):
            job.accept()
            if job.member == "ReloadUnit" and job.unit == f"vnicd-network@{name}.service":
                dnsmasq.signal(signal.SIGHUP)
            job.end("done")

        systemd.auto = carry_out
        try:
            yield
        finally:
            systemd.auto = Job.accept


@pytest.fixture
def net(root, systemd):
    """Room for thirteen guests."""
    with network(root, "yesfix", services=False, addresses=["10.78.0.1/28"]) as made, serving(systemd, made.name):
        yield made
    assert poll(lambda: not (CONFIGURATIONS / "yesfix.hosts").exists(), 5)


@pytest.fixture
def define(world):
    """define("Host=…", …): see networks.defined()."""
    with defined(world, 30) as write:
        yield write


def reserved(name):
    """What dnsmasq is told: (MAC, address) and maybe a name."""
    return {tuple(file.name.split(",")) for file in (CONFIGURATIONS / f"{name}.hosts").glob("[!.]*")}


def got(tap, name="guest", mac=None):
    with Machine(tap, name, mac) as machine:
        return machine.dhcp().get("ip")


def gone(tap):
    tap.close()
    kernel.wait_gone(tap.interface)


def test_a_guest_gets_the_address_that_was_asked_for(alice, net):
    with alice.create_tap(net.name, False, address="10.78.0.9") as tap:
        mac = tap.get("GuestMac")
        assert (mac, "10.78.0.9") in reserved(net.name)
        assert got(tap) == "10.78.0.9"
    with alice.open_tap(net.name, False, address="10.78.0.8", guest_mac=A) as tap:
        assert (A, "10.78.0.8") in reserved(net.name)
        assert got(tap) == "10.78.0.8"


def test_vnicctl_asks_for_it_and_fails_as_for_a_mac_that_is_taken(world, alice, net):
    with alice.create_tap(net.name, False, address="10.78.0.9"):
        for address, expected in (("10.78.0.9", 8), ("10.79.0.9", 7), ("x", 7)):
            status, _, err = world.output_as("alice", [world.tool("vnicctl"), "create", "--bridge", net.name, "--address", address])
            assert status == expected and err
    kept = world.run_as("alice", [world.tool("vnicctl"), "create", "--bridge", net.name, "--address", "10.78.0.9", "--guest-mac", A],
                        stdin=subprocess.PIPE)
    try:
        assert poll(lambda: reserved(net.name) == {(A, "10.78.0.9")}, 10)
    finally:
        kept.communicate(timeout=10)
    assert poll(lambda: not kernel.our_links(), 5)


def test_nobody_else_is_given_it_while_the_tap_lives(alice, bob, net):
    with alice.create_tap(net.name, False, address="10.78.0.9"), contextlib.ExitStack() as others:
        for i in range(12):
            tap = others.enter_context(bob.create_tap(net.name, False))
            address = others.enter_context(Machine(tap, f"guest{i}")).dhcp().get("ip")
            assert address and address != "10.78.0.9"
        refused = bob.create_tap_error(net.name, False, address="10.78.0.9")
        assert refused.short == "AddressInUse" and "10.78.0.9" in str(refused)
        assert bob.can_create_tap(net.name, False, address="10.78.0.9")[0] == "no"


def test_the_reservation_ends_with_its_tap(alice, bob, net, systemd):
    gone(alice.create_tap(net.name, False, address="10.78.0.9", guest_mac=A))
    assert poll(lambda: reserved(net.name) == set(), 5), reserved(net.name)
    assert poll(lambda: [job for job in systemd.jobs if job.member == "ReloadUnit"], 5)
    # The same MAC, which asked for nothing, gets any; and another guest may have it.
    with bob.create_tap(net.name, False, address="10.78.0.9") as tap, alice.create_tap(net.name, False, guest_mac=A) as other:
        assert got(other) != "10.78.0.9"
        assert got(tap) == "10.78.0.9"


def test_a_guest_that_starts_again_gets_it_again_at_once(alice, net):
    for _ in range(5):
        with alice.create_tap(net.name, False, address="10.78.0.9", guest_mac=A):
            pass
    with alice.create_tap(net.name, False, address="10.78.0.9", guest_mac=A) as tap:
        assert got(tap) == "10.78.0.9"


def test_what_a_present_guest_has_leased_is_in_use(alice, bob, net):
    with bob.create_tap(net.name, False) as tap, Machine(tap, "guest") as machine:
        address = machine.dhcp()["ip"]
        links = set(kernel.our_links())
        refused = alice.create_tap_error(net.name, False, address=address)
        assert refused.short == "AddressInUse" and machine.mac in str(refused)
        assert set(kernel.our_links()) == links
        assert poll(lambda: reserved(net.name) == set(), 5)
        assert machine.dhcp()["ip"] == address
    # A guest may ask for the one that it has.
    with bob.create_tap(net.name, False, guest_mac=A) as tap:
        address = got(tap)
    with bob.create_tap(net.name, False, guest_mac=A, address=address) as tap:
        assert got(tap) == address


def test_what_a_guest_that_is_gone_has_leased_is_free(alice, bob, net):
    with bob.create_tap(net.name, False, guest_mac=A) as tap:
        address = got(tap)
    kernel.wait_gone(tap.interface)
    assert [one[1] for one in net.leases() if one[0] == address] == [A]
    with alice.create_tap(net.name, False, address=address) as tap:
        assert got(tap) == address
        with bob.create_tap(net.name, False, guest_mac=A) as other:
            assert got(other, "other") not in (None, address)


def test_a_guest_with_a_mac_of_its_own_gets_it_too(alice, net):
    with alice.create_tap(net.name, False, address="10.78.0.9") as tap, Machine(tap, "guest", mac=B) as machine:
        assert machine.dhcp(timeout=20)
        assert poll(lambda: tap.get("GuestMac") == B, 5)
        assert poll(lambda: reserved(net.name) == {(B, "10.78.0.9")}, 5), reserved(net.name)
        assert machine.dhcp()["ip"] == "10.78.0.9"


@pytest.mark.parametrize("address", ["", "10.78.0", "10.78.0.09", "10.78.0.9/28", " 10.78.0.9", "fd00::1", "::ffff:10.78.0.9",
                                     "10.78.0.0", "10.78.0.15", "10.78.0.16", "10.79.0.9", "0.0.0.0", "255.255.255.255",
                                     "10.78.0.9\n", "10.78.0.9,ignore"])
def test_what_is_no_address_of_a_guest_there_is_refused(alice, net, address):
    links = set(kernel.our_links())
    refused = alice.create_tap_error(net.name, False, address=address)
    assert refused.short == "InvalidOption" and "address" in str(refused)
    assert set(kernel.our_links()) == links and poll(lambda: reserved(net.name) == set(), 5)


def test_the_hosts_own_address_is_in_use(alice, net):
    assert alice.create_tap_error(net.name, False, address="10.78.0.1").short == "AddressInUse"


def test_where_nobody_gives_addresses_none_can_be_asked_for(alice, root, bridge):
    for where in (bridge, "-"):
        refused = root.create_tap_error(where, False, address="10.78.0.9")
        assert refused.short == "InvalidOption" and "network" in str(refused)
    for options in ({"dhcp": False}, {"host_access": False}, {"addresses": ["fd00:78::1/64"]}):
        with network(root, "yesnone", "isolated", services=False, **options):
            assert alice.create_tap_error("yesnone", False, address="10.78.0.9").short == "InvalidOption"


def test_a_network_that_comes_back_at_once_keeps_the_folder_that_its_dnsmasq_watches(root):
    """Even if the folder takes long to be emptied."""
    options = {"services": False, "addresses": ["10.78.0.1/28"]}
    folder = CONFIGURATIONS / "yesfix.hosts"
    with network(root, "yesfix", **options):
        for i in range(60000):
            os.mknod(folder / f".{i}")
    with network(root, "yesfix", **options):
        number = folder.stat().st_ino
        assert poll(lambda: not any(folder.iterdir()), 20)
        with root.create_tap("yesfix", False, address="10.78.0.9"):
            assert folder.stat().st_ino == number


@pytest.mark.restarts
def test_reservations_outlive_a_restart_of_the_service(world, alice, bob, net):
    stale = alice.create_tap(net.name, False, address="10.78.0.8", guest_mac=B)
    with alice.create_tap(net.name, False, address="10.78.0.9", guest_mac=A) as tap:
        world.stop_service()
        gone(stale)
        world.start_service()
        assert bob.create_tap_error(net.name, False, address="10.78.0.9").short == "AddressInUse"
        assert poll(lambda: reserved(net.name) == {(A, "10.78.0.9")}, 5), reserved(net.name)
        assert got(tap) == "10.78.0.9"
        with bob.create_tap(net.name, False, address="10.78.0.8") as other:
            assert got(other, "other") == "10.78.0.8"


@pytest.mark.restarts
def test_a_vnicd_that_is_killed_before_dnsmasq_was_reloaded_has_that_done_at_its_next_start(world, alice, root, systemd):
    """Otherwise dnsmasq would keep the address for a guest that is gone."""
    with network(root, "yesfix", services=False, addresses=["10.78.0.1/28"]):
        systemd.auto = None
        gone(alice.create_tap("yesfix", False, address="10.78.0.9", guest_mac=A))
        assert poll(lambda: reserved("yesfix") == set(), 5)
        assert poll(lambda: [job for job in systemd.jobs if job.member == "ReloadUnit"], 5)
        world.kill_service()
        systemd.auto, before = end_at_once, len(systemd.jobs)
        world.start_service()
        assert poll(lambda: [job for job in systemd.jobs[before:] if job.member == "ReloadUnit"], 5)
        assert poll(lambda: not any((CONFIGURATIONS / "yesfix.hosts").iterdir()), 5)
        # And that is it.
        before = len(systemd.jobs)
        world.restart_service()
        assert poll(lambda: len(systemd.jobs) > before, 5)
        with alice.create_tap("yesfix", False, address="10.78.0.9"):
            assert not [job for job in systemd.jobs[before:] if job.member == "ReloadUnit"]


def test_what_is_removed_while_a_reload_ends_is_reloaded_too(alice, root, systemd):
    """Otherwise dnsmasq would keep the address of the guest that left second."""
    def reloads():
        return [job for job in systemd.jobs if job.member == "ReloadUnit"]

    folder = CONFIGURATIONS / "yesfix.hosts"
    with network(root, "yesfix", services=False, addresses=["10.78.0.1/28"]):
        systemd.auto = None
        first = alice.create_tap("yesfix", False, address="10.78.0.9", guest_mac=A)
        second = alice.create_tap("yesfix", False, address="10.78.0.8", guest_mac=B)
        gone(first)
        assert poll(lambda: len(reloads()) == 1, 5)
        for i in range(60000):
            os.mknod(folder / f".{i}")
        gone(second)
        assert poll(lambda: len(os.listdir(folder)) < 60000, 10)
        end_at_once(reloads()[0])
        assert poll(lambda: len(reloads()) == 2, 20)
        assert os.listdir(folder) == [".reload"]
        end_at_once(reloads()[1])
        assert poll(lambda: not os.listdir(folder), 5)


def test_who_reserves_in_a_loop_does_not_have_dnsmasq_reloaded_each_time(alice, root, systemd):
    with network(root, "yesfix", services=False, addresses=["10.78.0.1/28"]):
        systemd.auto, began = end_at_once, time.monotonic()
        while time.monotonic() < began + 2:
            gone(alice.create_tap("yesfix", False, address="10.78.0.9", guest_mac=A))
        reloads = len([job for job in systemd.jobs if job.member == "ReloadUnit"])
        assert 1 < reloads < 16 + 4 * (time.monotonic() - began)


def test_of_many_who_want_it_at_once_one_gets_it(alice, bob, net):
    calls = [client.start_create_tap(net.name, False, address="10.78.0.9") for client in (alice, bob) * 8]
    outcomes = []
    for client, call in zip((alice, bob) * 8, calls):
        try:
            outcomes.append(call.result(20))
        except BusError as error:
            outcomes.append(error.short)
    made = [one for one in outcomes if one != "AddressInUse"]
    assert len(made) == 1, outcomes
    assert poll(lambda: len(reserved(net.name)) == 1, 5)
    gone(Tap(alice, *made[0]))
    assert poll(lambda: reserved(net.name) == set(), 5)


def test_a_caller_who_leaves_meanwhile_leaves_no_reservation(world, net):
    for _ in range(10):
        caller = world.client("alice")
        caller.start_create_tap(net.name, False, address="10.78.0.9").discard()
        caller.drop()
    with world.client("bob") as bob:
        assert poll(lambda: reserved(net.name) == set() and not kernel.our_links(), 10), reserved(net.name)
        with bob.create_tap(net.name, False, address="10.78.0.9") as tap:
            assert got(tap) == "10.78.0.9"


def test_hosts_of_the_definition_get_their_addresses_and_names(alice, define, systemd):
    define(f"Host={A} 10.79.0.5 web", f"Host={B} 10.79.0.6")
    with alice.create_tap("yesdef", False, guest_mac=A) as tap, serving(systemd, "yesdef"):
        assert poll(lambda: reserved("yesdef") == {(A, "10.79.0.5", "web"), (B, "10.79.0.6")}, 5)
        assert got(tap, "other") == "10.79.0.5"
        with alice.create_tap("yesdef", False) as third, Machine(third, "third") as machine:
            assert machine.dhcp()
            assert machine.resolve("web.yesdef.internal", "10.79.0.1") == ["10.79.0.5"]
        # Whether it is there or not, nobody else gets it.
        assert alice.create_tap_error("yesdef", False, address="10.79.0.6").short == "AddressInUse"
        assert alice.create_tap_error("yesdef", False, address="10.79.0.6", guest_mac=C).short == "AddressInUse"
        refused = alice.create_tap_error("yesdef", False, address="10.79.0.7", guest_mac=B)
        assert refused.short == "InvalidOption" and "Host=" in str(refused)
        with alice.create_tap("yesdef", False, address="10.79.0.6", guest_mac=B) as own:
            assert got(own) == "10.79.0.6"
            assert reserved("yesdef") == {(A, "10.79.0.5", "web"), (B, "10.79.0.6")}


def test_guests_get_addresses_while_those_of_absent_hosts_and_of_guests_that_are_gone_fill_the_network(alice, define, systemd):
    """The leases of guests that are gone end then: there is room for thirteen, and nine addresses are fixed."""
    define(*(f"Host=52:54:00:00:89:0{i} 10.79.0.{i + 2}" for i in range(9)))
    with alice.create_tap("yesdef", False) as tap, serving(systemd, "yesdef"), Machine(tap, "stays") as stays:
        assert stays.dhcp()
        for i in range(3):
            with alice.create_tap("yesdef", False, guest_mac=f"52:54:00:00:8a:0{i}") as leaves:
                assert got(leaves)
            kernel.wait_gone(leaves.interface)
        with alice.create_tap("yesdef", False) as late:
            assert got(late, "late")


def test_a_host_line_that_comes_later_takes_the_address_from_a_tap(alice, define, systemd):
    define()
    with alice.create_tap("yesdef", False, address="10.79.0.9", guest_mac=A) as tap, serving(systemd, "yesdef"), \
            Machine(tap, "guest") as machine:
        assert machine.dhcp()["ip"] == "10.79.0.9"
        define(f"Host={B} 10.79.0.9")
        assert poll(lambda: reserved("yesdef") == {(B, "10.79.0.9")}, 5), reserved("yesdef")
        assert poll(lambda: machine.dhcp().get("ip") not in (None, "10.79.0.9"), 10)
        with alice.create_tap("yesdef", False, guest_mac=B) as host:
            assert got(host, "host") == "10.79.0.9"


def test_hosts_change_with_a_reload_while_guests_keep_their_leases(world, alice, define, systemd):
    define(f"Host={A} 10.79.0.5")
    with alice.create_tap("yesdef", False) as stays, serving(systemd, "yesdef"), Machine(stays, "stays") as machine:
        had = machine.dhcp()["ip"]
        free = next(f"10.79.0.{i}" for i in range(8, 14) if f"10.79.0.{i}" != had)
        define(f"Host={A} {free} db", f"Host={B} 10.79.0.5")
        assert poll(lambda: reserved("yesdef") == {(A, free, "db"), (B, "10.79.0.5")}, 5), reserved("yesdef")
        assert poll(lambda: [job for job in systemd.jobs if job.member == "ReloadUnit"], 5)
        for mac, address in ((A, free), (B, "10.79.0.5")):
            with alice.create_tap("yesdef", False, guest_mac=mac) as tap:
                assert got(tap) == address
            kernel.wait_gone(tap.interface)
        assert machine.dhcp()["ip"] == had
        # A bad line changes nothing.
        world.configure("[Network]\nKind=isolated\nAddress=10.79.0.1/28\nHost=x\n", "networks/yesdef.conf")
        with pytest.raises(BusError) as refused:
            world.reload()
        assert refused.value.short == "InvalidConfiguration" and "yesdef.conf:4:" in str(refused.value)
        time.sleep(0.5)
        assert reserved("yesdef") == {(A, free, "db"), (B, "10.79.0.5")}


def test_the_first_tap_of_a_network_has_its_address_reserved_before_it_comes_up(world, alice, define, systemd):
    define(f"Host={A} 10.79.0.5")
    for options in ({"address": "10.79.0.5"}, {"address": "10.79.0.99"}, {"address": "10.79.0.9", "guest_mac": A}):
        assert alice.create_tap_error("yesdef", False, **options).short in ("AddressInUse", "InvalidOption")
        assert not kernel.exists("yesdef") and poll(lambda: reserved("yesdef") == set(), 5)
    with alice.create_tap("yesdef", False, address="10.79.0.9") as tap, serving(systemd, "yesdef"):
        assert got(tap) == "10.79.0.9"
        assert poll(lambda: len(reserved("yesdef")) == 2, 5)
    world.root.call(path_of("yesdef"), NETWORK, "Delete")
    assert poll(lambda: not (CONFIGURATIONS / "yesdef.hosts").exists(), 5)


def test_a_network_without_a_subnet_yet_takes_no_address(world, alice, define):
    define()
    world.configure("[Network]\nKind=isolated\n", "networks/yesdef.conf")
    world.reload()
    refused = alice.create_tap_error("yesdef", False, address="10.79.0.9")
    assert refused.short == "InvalidOption" and "Address=" in str(refused)
    assert not kernel.exists("yesdef")


def test_hosts_are_not_for_a_network_that_somebody_created(world, root, alice, define):
    with network(root, "yesdef", "isolated", services=False, addresses=["10.79.0.1/28"]):
        define(f"Host={A} 10.79.0.5")
        with alice.create_tap("yesdef", False, address="10.79.0.5", guest_mac=B):
            assert reserved("yesdef") == {(B, "10.79.0.5")}


def test_the_name_of_a_host_is_no_other_guests(alice, define, systemd):
    define(f"Host={A} 10.79.0.5 web")
    with alice.create_tap("yesdef", False) as tap, serving(systemd, "yesdef"), Machine(tap, "web") as thief:
        told = thief.dhcp()
        assert told and told["ip"] != "10.79.0.5"
        assert thief.resolve("web.yesdef.internal", "10.79.0.1") == []
        with alice.create_tap("yesdef", False, guest_mac=A) as own, Machine(own, "other") as web:
            assert web.dhcp()["ip"] == "10.79.0.5"
            assert thief.dhcp()["ip"] == told["ip"]
            assert thief.resolve("web.yesdef.internal", "10.79.0.1") == ["10.79.0.5"]


def test_create_endpoint_takes_it_as_well(alice, net):
    path, result, fds = alice.call(ROOT, MANAGER, "CreateEndpoint", "ssa{sv}", (
        "tap", net.name, variant.options({"vnet_hdr": False, "address": "10.78.0.9"})))
    try:
        assert (result["guest_mac"], "10.78.0.9") in reserved(net.name), path
    finally:
        for fd in fds:
            os.close(fd)
    kernel.wait_gone(result["interface"])
