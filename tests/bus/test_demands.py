# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policy table, row by row, against the real polkitd: a user who is granted everything gets what they ask
for, and a user who is denied a single one of the actions that a call requires is refused, by the call and by
CanCreateTap."""

import contextlib
import os
import pathlib
import re
import socket

import pytest
from vnic import frames, kernel
from vnic.agent import Agent
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, ROOT
from vnic.networks import NETWORK, network
from vnic.process import poll
from vnic.world import CONFIGURATION

HOST, NET = "demand0", "demand1"  # no rule of the tests, and no configuration, knows these names
LEARNT = "52:54:00:00:4d:77"

RULE = """polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.vnicd1.") != 0 || subject.user != "bob") return polkit.Result.NOT_HANDLED;
    return action.id == "%s" ? polkit.Result.NO : polkit.Result.YES;
});"""


@contextlib.contextmanager
def all_but(world, action):
    """bob is granted every action but this one."""
    world.polkit.add_rule(RULE % action)
    try:
        yield
    finally:
        world.polkit.remove_rule()


@contextlib.contextmanager
def learnt(bridge):
    """A MAC that the bridge has learnt behind an uplink."""
    kernel.make_veth("up0", "wire0", master=bridge)
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
            wire.bind(("wire0", 0))
            assert poll(lambda: wire.send(frames.plain(frames.BROADCAST, LEARNT, b"here")) and
                        any(entry["mac"] == LEARNT for entry in kernel.fdb(bridge)), 5)
            yield
    finally:
        kernel.del_link("up0")


# The situation in which each condition of the table holds: (bridge, options of CreateTap).
SITUATIONS = {
    "if_of_host": (HOST, {}),
    "if_of_network": (NET, {}),
    "if_unfiltered": (NET, {"anti_spoof": False}),
    "if_persistent": (HOST, {"persistent": True}),
    "if_of_another": (HOST, {"owner": 1001}),
    "if_learnt": (HOST, {"guest_mac": LEARNT}),
}
CREATING = ("CreateTap", "OpenTap", "CreateEndpoint", "CanCreateTap")


def read_table():
    """(requirements by name: (condition, action), methods by name: their requirements)"""
    text = (pathlib.Path(os.environ["VNICD_SOURCE"]) / "service" / "access" / "policy.c").read_text()
    demands = {name: (condition, action) for name, condition, action in re.findall(
        r'static const Requirement (\w+) = \{\s*(\w+),\s*"([^"]+)"', text)}
    rows = {member: re.findall(r"&(\w+)", names) for member, names in re.findall(
        r'\{ [A-Z]+, "(\w+)", POLICY_(?:AUTHORIZE|DRY_RUN),\s+EFFECT_[A-Z]+,\s+"[^"]*",\s*\{([^}]*)\}', text)}
    return demands, rows


DEMANDS, ROWS = read_table()


@pytest.fixture
def places(root, bridges):
    bridges(HOST)
    with network(root, NET, "isolated", services=False) as made, learnt(HOST):
        yield made


def gives_a_tap(client, method, bridge, options):
    """The call succeeds, and creates a tap that belongs to the user for whom it was made."""
    make = {"OpenTap": client.open_tap, "CreateEndpoint": client.create_endpoint}.get(method, client.create_tap)
    with make(bridge, **options) as tap:
        assert kernel.link(tap.interface)["master"] == bridge
        assert tap.get("Owner") == options.get("owner", 1002)
        tap.release()
    assert kernel.wait_gone(tap.interface)


def test_the_table_is_read_whole():
    """The tests below depend on it: every condition has its situation, and every method its row."""
    assert {condition for condition, _ in DEMANDS.values()} == set(SITUATIONS) | {"always"}
    assert set(ROWS) == {*CREATING, "ListBridges", "CreateNetwork", "Reload", "Delete", "Release"}
    assert {name for names in ROWS.values() for name in names} == set(DEMANDS)
    # Everything that can be requested is required, and CanCreateTap says the same beforehand.
    assert ROWS["CreateTap"] == ROWS["OpenTap"] == ROWS["CreateEndpoint"] == ROWS["CanCreateTap"]
    assert {DEMANDS[name][0] for name in ROWS["CreateTap"]} == set(SITUATIONS)
    assert [DEMANDS[name] for name in ROWS["ListBridges"]] == [
        ("if_of_host", "org.vnicd1.use-bridge"), ("if_of_network", "org.vnicd1.use-network")]


def test_with_every_action_granted_all_of_it_succeeds(world, bob, places):
    with all_but(world, "none"):
        for bridge, options in SITUATIONS.values():
            for method in ("CreateTap", "OpenTap", "CreateEndpoint"):
                if method != "OpenTap" or "persistent" not in options:
                    gives_a_tap(bob, method, bridge, options)
            assert bob.can_create_tap(bridge, **options)[0] == "yes", options
        assert {name: entry["access"] for name, entry in bob.list_bridges().items() if name in (HOST, NET)} == \
            {HOST: "yes", NET: "yes"}


def needed(condition):
    """All actions that a situation requires: its own, and that of its bridge."""
    bridge = SITUATIONS[condition][0]
    wanted = {condition, "if_of_host" if bridge == HOST else "if_of_network"}
    return {DEMANDS[name][1] for name in ROWS["CreateTap"] if DEMANDS[name][0] in wanted}


def refused(client, condition, action):
    """The call in every form, and the dry run; the action is named, unless the MAC is the reason."""
    bridge, options = SITUATIONS[condition]
    of_mac = condition == "if_learnt" and action == "org.vnicd1.manage-endpoints"
    errors = [client.create_tap_error(bridge, **options), client.create_endpoint_error(bridge, **options)]
    if "persistent" not in options:
        errors.append(client.open_tap_error(bridge, **options))
    for error in errors:
        assert error.short == "MacInUse" if of_mac else error.name == ACCESS_DENIED and action in error.message, error
    answer, reason = client.can_create_tap(bridge, **options)
    assert answer == "no" and reason


@pytest.mark.parametrize("action", sorted({DEMANDS[name][1] for name in ROWS["CreateTap"]}))
def test_without_one_of_them_whatever_demands_it_is_refused_and_nothing_else(world, bob, places, action):
    """The others are granted, and nothing is created."""
    before = kernel.snapshot()
    with all_but(world, action):
        for condition, (bridge, options) in SITUATIONS.items():
            if action in needed(condition):
                refused(bob, condition, action)
            else:
                assert bob.can_create_tap(bridge, **options)[0] == "yes", condition
    assert kernel.snapshot() == before


def test_whoever_leaves_out_the_isolation_of_guests_needs_what_unfiltered_ones_do(world, root, bob):
    with network(root, NET, "isolated", services=False, guests_isolated=True):
        with all_but(world, "org.vnicd1.use-unfiltered"):
            error = bob.create_tap_error(NET, isolated=False)
            assert error.name == ACCESS_DENIED and "org.vnicd1.use-unfiltered" in error.message
            assert bob.can_create_tap(NET, isolated=False)[0] == "no"
            gives_a_tap(bob, "CreateTap", NET, {})
        with all_but(world, "none"):
            gives_a_tap(bob, "CreateTap", NET, {"isolated": False})


def test_the_configuration_grants_the_use_of_a_bridge_and_nothing_else(world, bob, places):
    """AllowBridges= stands for use-bridge and use-network; polkit denies bob everything else."""
    world.configure(f"{CONFIGURATION}[User bob]\nAllowBridges={HOST} {NET}\n")
    world.reload()
    world.polkit.add_rule(RULE.replace("== \"%s\" ? polkit.Result.NO : polkit.Result.YES", "? polkit.Result.NO : null"))
    try:
        for condition, (bridge, options) in SITUATIONS.items():
            if condition in ("if_of_host", "if_of_network"):
                gives_a_tap(bob, "CreateTap", bridge, options)
            else:
                refused(bob, condition, next(action for one, action in DEMANDS.values() if one == condition))
    finally:
        world.polkit.remove_rule()
        world.configure(CONFIGURATION)
        world.reload()


def test_what_only_tells_asks_no_person(world, alice, bridges):
    bridges("ask0")
    with Agent(world, alice, "accept") as agent:
        answer, _ = alice.start(ROOT, MANAGER, "CanCreateTap", "sbba{sv}", ("ask0", True, False, {}),
                                interactive=True).result()
        listed = alice.start(ROOT, MANAGER, "ListBridges", interactive=True).result()[0]
        assert answer == "challenge"
        assert [entry["access"] for entry in listed if entry["name"] == "ask0"] == ["challenge"]
        assert agent.prompts == []


@pytest.mark.parametrize("condition,action", [DEMANDS[name] for name in ROWS["ListBridges"]])
def test_the_list_says_no_without_its_action(world, bob, places, condition, action):
    bridge, other = (HOST, NET) if condition == "if_of_host" else (NET, HOST)
    with all_but(world, action):
        listed = bob.list_bridges()
        assert (listed[bridge]["access"], listed[other]["access"]) == ("no", "yes")


def test_what_changes_the_host_is_demanded_likewise(world, root, bob, places):
    """CreateNetwork, Delete, Reload, and Release of another user's endpoint."""
    with root.create_tap(HOST) as tap:
        calls = {"CreateNetwork": (ROOT, MANAGER, "ssa{sv}", ("demand2", "isolated", {})),
                 "Delete": (places.path, NETWORK, "", ()), "Reload": (ROOT, MANAGER, "", ()),
                 "Release": (tap.endpoint, ENDPOINT, "", ())}
        for method, (path, interface, signature, values) in calls.items():
            (_, action), = [DEMANDS[name] for name in ROWS[method]]
            with all_but(world, action):
                error = bob.error(path, interface, method, signature, values)
                assert error.name == ACCESS_DENIED and action in error.message, method
        assert kernel.exists(tap.interface) and kernel.exists(NET) and not kernel.exists("demand2")
        with all_but(world, "none"):
            made = bob.call(*calls["CreateNetwork"][:2], "CreateNetwork", *calls["CreateNetwork"][2:])[0]
            assert kernel.exists("demand2")
            bob.call(made, NETWORK, "Delete")
            bob.call(ROOT, MANAGER, "Reload")
            bob.call(tap.endpoint, ENDPOINT, "Release")
            assert kernel.wait_gone(tap.interface) and kernel.wait_gone("demand2")
