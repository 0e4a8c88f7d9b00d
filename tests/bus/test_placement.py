# SPDX-License-Identifier: LGPL-2.1-or-later
"""Placement of a tap: what CanCreateTap and CreateTap check before anybody is prompted, and what decides
which action polkit is asked about."""

import collections
import concurrent.futures
import contextlib
import os
import signal
import subprocess
import threading
import time

import pytest
from vnic import kernel
from vnic.networks import NETWORK, Network, network
from vnic.process import poll

# CanCreateTap immediately after a change to its answer


@pytest.mark.parametrize("again", range(3))
def test_can_create_tap_in_the_same_breath_as_a_creation_with_the_label(alice, bridge, world, again):
    """The queues of the tap are in flight to their holder for some 10 ms, during which CreateTap would
    wait."""
    pid = world.pid
    with alice.create_tap(bridge, label=f"web{again}") as tap:
        answer, sentence = alice.can_create_tap(bridge, label=f"web{again}")
        assert (answer, f"web{again}" in sentence) == ("no", True)
        assert kernel.exists(tap.interface)
    # Nobody holds it any more: CreateTap would wait for its removal, and then succeed.
    assert alice.can_create_tap(bridge, label=f"web{again}") == ("yes", "You may create this tap.")
    assert not kernel.exists(tap.interface)
    assert world.pid == pid and world.service.alive()


def test_can_create_tap_in_the_same_breath_as_the_last_of_the_quota(alice, bridge):
    with contextlib.ExitStack() as stack:
        for _ in range(32):
            last = stack.enter_context(alice.create_tap(bridge))
        assert alice.can_create_tap(bridge)[0] == "quota"
        last.close()
        assert alice.can_create_tap(bridge)[0] == "yes"
        assert not kernel.exists(last.interface)


def test_can_create_tap_in_the_same_breath_as_a_release(alice, bridge):
    with alice.create_tap(bridge, guest_mac="52:54:00:00:77:01") as tap:
        pending = alice.start(tap.endpoint, "org.vnicd1.Endpoint", "Release")
        assert alice.can_create_tap(bridge, guest_mac="52:54:00:00:77:01")[0] == "yes"
        assert not kernel.exists(tap.interface)
        pending.result()


def test_can_create_tap_in_the_same_breath_as_the_end_of_a_network(root):
    made = Network(root, "yesnet", "isolated")
    pending = root.start(made.path, "org.vnicd1.Network", "Delete")
    answer, sentence = root.can_create_tap("yesnet")
    assert answer == "no" and "yesnet" in sentence
    assert not kernel.exists("yesnet")
    pending.result()


# Which action polkit is asked about depends on the ports of a network

RULE = """polkit.addRule(function (action, subject) {
    if (action.id == "org.vnicd1.use-network" && action.lookup("bridge") == "lan-net") return polkit.Result.YES;
    if (action.id == "org.vnicd1.use-bridge" && action.lookup("bridge") == "lan-net") return polkit.Result.NO;
    return polkit.Result.NOT_HANDLED;
});"""


@contextlib.contextmanager
def network_for_all(world, root, kind="isolated"):
    """A network that everybody may use, as long as it does not lead to a LAN; returns its object."""
    world.polkit.add_rule(RULE)
    try:
        with network(root, "lan-net", kind, services=False) as made:
            try:
                yield made
            finally:
                kernel.del_link("lan0")
    finally:
        world.polkit.remove_rule()


def add_lan(to="lan-net"):
    kernel.make_veth("lan0", "lan1", master=to)


def said_to_be_shared(world, alice, made):
    """Whether each method and property that shows the network reports its foreign port."""
    explained = world.output_as("alice", [world.tool("vnicctl"), "explain", "lan-net"])[1]
    listed = alice.list_bridges()["lan-net"]
    return {"ListBridges": listed["kind"] == "bridge", "ListBridges' access": listed["access"] == "no",
            "CanCreateTap": alice.can_create_tap("lan-net")[0] == "no",
            "explain": "use-bridge" in explained,
            "Warnings": any("not vnicd's" in text for text in made.get("Warnings"))}


def everywhere(answer):
    return dict.fromkeys(("ListBridges", "ListBridges' access", "CanCreateTap", "explain", "Warnings"), answer)


def test_a_tap_that_was_moved_away_does_not_stand_for_a_foreign_port(world, root, alice):
    with network_for_all(world, root) as made, alice.create_tap("lan-net") as tap:
        assert said_to_be_shared(world, alice, made) == everywhere(False)
        add_lan()
        kernel.run("ip", "link", "set", tap.interface, "nomaster")
        assert kernel.ports("lan-net") == ["lan0"]
        assert poll(lambda: said_to_be_shared(world, alice, made) == everywhere(True), 5), \
            said_to_be_shared(world, alice, made)
        assert made.get("Ports") == 1
        error = alice.create_tap_error("lan-net")
        assert error.short == "AccessDenied"
        assert kernel.ports("lan-net") == ["lan0"]
        kernel.run("ip", "link", "set", "lan0", "nomaster")
        assert poll(lambda: said_to_be_shared(world, alice, made) == everywhere(False), 5)
        with alice.create_tap("lan-net"):
            assert made.get("Ports") == 1


def test_a_tap_that_was_made_for_another_bridge_is_foreign_on_a_network(world, root, alice, bridge):
    """The network's filters do not cover it, and nobody has authorized it to be there."""
    with network_for_all(world, root) as made, alice.create_tap(bridge) as tap, alice.create_tap("lan-net") as own:
        kernel.run("ip", "link", "set", tap.interface, "master", "lan-net")
        kernel.run("ip", "link", "set", own.interface, "nomaster")
        assert poll(lambda: said_to_be_shared(world, alice, made) == everywhere(True), 5), \
            said_to_be_shared(world, alice, made)
        assert alice.create_tap_error("lan-net").short == "AccessDenied"
        kernel.run("ip", "link", "set", tap.interface, "nomaster")


def test_a_tap_whose_tag_was_changed_is_foreign(world, root, alice):
    with network_for_all(world, root) as made, alice.create_tap("lan-net") as tap:
        tag = kernel.alias(tap.interface)
        kernel.run("ip", "link", "set", tap.interface, "alias", tag + " x")
        assert poll(lambda: said_to_be_shared(world, alice, made) == everywhere(True), 5)
        kernel.del_link(tap.interface)


def noise(lines):
    """Link events without meaning, more than are read in one go."""
    batch = "".join(f"link set lo alias noise{number}\n" for number in range(lines)) + "link set lo alias ''\n"
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True, timeout=20)


def test_a_foreign_port_is_seen_while_link_events_are_behind(world, root, alice):
    """Taps of the network have been closed, which the service has not read yet."""
    with network_for_all(world, root):
        others = [alice.create_tap("lan-net") for _ in range(8)]
        time.sleep(0.1)  # the service's copies of their queues are closed
        add_lan()
        assert poll(lambda: alice.list_bridges()["lan-net"]["kind"] == "bridge", 5)
        os.kill(world.pid, signal.SIGSTOP)
        try:
            noise(1500)
            for tap in others:
                tap.close()
            pending = [alice.start_create_tap("lan-net") for _ in range(3)]
            time.sleep(0.2)
        finally:
            os.kill(world.pid, signal.SIGCONT)
        answers = [attempt.error().short for attempt in pending]
        assert answers == ["AccessDenied"] * 3
        assert kernel.ports("lan-net") == ["lan0"]


@pytest.mark.once
@pytest.mark.deadline(90)
def test_whether_one_could_is_yes_or_no_while_a_network_comes_and_goes(root, alice, bob, world):
    """It never fails: nothing is wrong with the question."""
    answers, ended = collections.Counter(), threading.Event()

    def ask(client, mac):
        while not ended.is_set():
            answers[client.can_create_tap("yesnet", guest_mac=mac)[0]] += 1

    with concurrent.futures.ThreadPoolExecutor(3) as pool, world.client("root") as maker:
        asking = [pool.submit(ask, client, f"52:54:00:00:77:1{number}") for number, client in
                  enumerate((root, alice, bob))]
        try:
            for _ in range(25):
                Network(maker, "yesnet", "isolated").delete()
        finally:
            ended.set()
        for each in asking:
            each.result()
    assert answers["yes"] and answers["no"] and set(answers) == {"yes", "no"}


# A foreign port counts as use

DEFINITION = "[Network]\nKind=isolated\n"
IDLE = 10  # seconds that an unused network stays


@pytest.mark.once
@pytest.mark.deadline(90)
@pytest.mark.parametrize("renamed", [False, True])
def test_a_network_with_a_port_of_others_stays_also_under_another_name(world, alice, renamed):
    world.configure(DEFINITION, "networks/yesdef.conf")
    world.reload()
    name = "lan-br" if renamed else "yesdef"
    try:
        with alice.create_tap("yesdef"):
            add_lan("yesdef")
            if renamed:
                kernel.run("ip", "link", "set", "yesdef", "down")
                kernel.run("ip", "link", "set", "yesdef", "name", name)
                kernel.run("ip", "link", "set", name, "up")
                kernel.make_bridge("yesdef", mac="02:00:00:00:00:55")  # an empty one, of that name
        time.sleep(IDLE + 2)
        assert kernel.exists(name), "the network is gone, and with it the bridge of lan0"
        assert kernel.ports(name) == ["lan0"]
    finally:
        for link in ("lan0", "yesdef", "lan-br"):
            kernel.del_link(link)
        poll(lambda: "/org/vnicd1/network/yesdef" not in world.root.managed_objects(), 5)
        (world.configuration / "networks" / "yesdef.conf").unlink()
        world.reload()


def test_the_ports_of_a_renamed_network_are_its_own(root, alice):
    with network(root, "yesnet", "isolated", services=False) as made, alice.create_tap("yesnet"):
        kernel.run("ip", "link", "set", "yesnet", "down")
        kernel.run("ip", "link", "set", "yesnet", "name", "lan-br")
        kernel.make_bridge("yesnet", mac="02:00:00:00:00:56")
        for number in range(3):
            kernel.make_veth(f"lan{number}", f"far{number}", master="yesnet")
        try:
            assert len(kernel.ports("lan-br")) == 1
            assert made.get("Ports") == 1
            assert not any("not vnicd's" in text for text in made.get("Warnings"))
        finally:
            for link in ("lan0", "lan1", "lan2", "yesnet"):
                kernel.del_link(link)


def test_a_network_whose_bridge_an_administrator_has_taken_over_is_forgotten(root, world):
    made = Network(root, "lostnet", "isolated")
    try:
        kernel.run("ip", "link", "set", "lostnet", "group", "0")
        error = root.error(made.path, NETWORK, "Delete")
        assert error.short == "Stale"
        assert kernel.exists("lostnet")
        assert made.path not in root.managed_objects()
        assert poll(lambda: "vnicd-lostnet" not in kernel.run("nft", "list", "tables"), 1)
        said = world.service.output()
        time.sleep(2.5)
        assert world.service.output() == said  # it is not retried
        with root.create_tap("lostnet") as tap:
            assert kernel.ports("lostnet") == [tap.interface]
    finally:
        kernel.del_link("lostnet")
