# SPDX-License-Identifier: LGPL-2.1-or-later
"""Access control as a whole: introspection, the contract and the policy table name the same methods, and a
user without rights can call what is listed here and nothing else (threat 5)."""

import contextlib
import re
import xml.etree.ElementTree as tree

import pytest
from gi.repository import GLib
from vnic import kernel
from vnic.agent import Agent
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, MAY_ASK, OBJECTS, PROPERTIES, ROOT, TAP
from vnic.contract import interfaces
from vnic.networks import NETWORK, network
from vnic.process import poll

INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"

DENY_ALL = """polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.vnicd1.") == 0 && subject.user == "bob") {
        return polkit.Result.NO;
    }
});
"""

# What everybody may call: each only affects or reveals what is the caller's own or no secret.
FOR_EVERYBODY = {(MANAGER, "CanCreateTap"), (MANAGER, "ListBridges"), (MANAGER, "GetEndpoint"),
                 (MANAGER, "ReleaseAll"), (MANAGER, "ReleaseEndpoints"), (NETWORK, "GetLeases"),
                 (NETWORK, "ListLeases")}

STANDARD = {(PROPERTIES, "Get"), (PROPERTIES, "GetAll"), (PROPERTIES, "Set"), (INTROSPECTABLE, "Introspect"),
            (OBJECTS, "GetManagedObjects"), (PEER, "Ping"), (PEER, "GetMachineId")}


def arguments(tap):
    """Plausible arguments for each method, with which an authorized caller would succeed."""
    persistent = {"persistent": GLib.Variant("b", True)}
    owner = {"owner": GLib.Variant("u", 1001)}
    return {
        (MANAGER, "CreateTap"): [("sbba{sv}", (name, True, False, options)) for name in ("yes0", "-")
                                 for options in ({}, persistent, owner)],
        (MANAGER, "OpenTap"): [("sba{sv}", (name, True, options)) for name in ("yes0", "-")
                               for options in ({}, owner)],
        (MANAGER, "CreateEndpoint"): [("ssa{sv}", ("tap", name, options)) for name in ("yes0", "-")
                                      for options in ({}, persistent, owner)],
        (MANAGER, "CanCreateTap"): [("sbba{sv}", ("yes0", True, False, {}))],
        (MANAGER, "ListBridges"): [("", ())],
        (MANAGER, "GetEndpoint"): [("s", (tap.interface,))],
        (MANAGER, "ReleaseAll"): [("", ())],
        (MANAGER, "ReleaseEndpoints"): [("a{sv}", ({},))],
        (MANAGER, "CreateNetwork"): [("ssa{sv}", ("yesother", "isolated", {}))],
        (MANAGER, "Reload"): [("", ())],
        (ENDPOINT, "Release"): [("", ())],
        (TAP, "OpenQueues"): [("u", (1,))],
        (TAP, "OpenQueue"): [("", ())],
        (NETWORK, "Delete"): [("", ())],
        (NETWORK, "GetLeases"): [("", ())],
        (NETWORK, "ListLeases"): [("", ())],
    }


@pytest.fixture
def tap(alice, bridge):
    """Another user's tap."""
    with alice.create_tap(bridge, True, True, queues=1) as made:
        yield made


@pytest.fixture
def net(root):
    with network(root, "yesnet", "isolated", services=False) as made:
        yield made


@pytest.fixture
def nobody(world, bob):
    """bob, whom polkit denies everything."""
    world.polkit.add_rule(DENY_ALL)
    yield bob
    world.polkit.remove_rule()


def introspect(client, path):
    text = client.call(path, INTROSPECTABLE, "Introspect")[0]
    return tree.fromstring(text).findall("interface")


def methods(client, *objects):
    """(path, interface, method) of everything that the service reports by introspection."""
    return [(path, part.get("name"), method.get("name")) for path in (ROOT, *objects)
            for part in introspect(client, path) for method in part.findall("method")]


def test_the_service_the_contract_and_the_table_have_the_same_methods(alice, tap, net, world):
    said = {(interface, member) for _, interface, member in methods(alice, tap.endpoint, net.path)}
    contract = {(part.get("name"), method.get("name"))
                for part in interfaces()
                for method in part.findall("method")}
    text = (world.source / "service" / "access" / "policy.c").read_text()
    names = {"MANAGER": MANAGER, "ENDPOINT": ENDPOINT, "TAP": TAP, "NETWORK": NETWORK}
    table = {(names.get(first) or f"org.freedesktop.DBus.{second}", member): signature
             for first, second, member, signature in re.findall(
                 r'\{ ([A-Z]+)(?: "([A-Za-z]+)")?, "([A-Za-z]+)", POLICY_[A-Z_]+,\s+EFFECT_[A-Z]+,\s+"([^"]*)"', text)}
    ours = {one for one in said if one[0].startswith("org.vnicd1.")}
    assert ours == contract
    assert set(table) == contract | STANDARD
    assert said == set(table)
    for part in interfaces():
        for method in part.findall("method"):
            assert table[part.get("name"), method.get("name")] == "".join(
                one.get("type") for one in method.findall("arg") if one.get("direction") != "out")


def test_a_user_without_rights_is_refused_all_but_the_list(nobody, tap, net):
    before = kernel.snapshot(), kernel.our_links()
    known = arguments(tap)
    refused = set()
    for path, interface, member in methods(nobody, tap.endpoint, net.path):
        if not interface.startswith("org.vnicd1."):
            continue
        assert (interface, member) in known, f"{interface}.{member} has no arguments in this test"
        for signature, values in known[interface, member]:
            for interactive in (False, True):
                pending = nobody.start(path, interface, member, signature, values,
                                       interactive=interactive)
                if (interface, member) in FOR_EVERYBODY:
                    pending.result()
                else:
                    error = pending.error()
                    assert error.name == ACCESS_DENIED, (member, values, error)
                    refused.add((interface, member))
    assert refused | FOR_EVERYBODY == set(known)
    assert (kernel.snapshot(), kernel.our_links()) == before
    assert nobody.can_create_tap("yes0")[0] == "no"
    assert {entry["access"] for entry in nobody.list_bridges().values()} == {"no"}


def test_every_property_is_read_by_all_and_written_by_nobody(nobody, root, tap, net):
    seen = 0
    for path in (ROOT, tap.endpoint, net.path):
        for part in introspect(nobody, path):
            if not part.get("name").startswith("org.vnicd1."):
                continue
            values = nobody.get_all(path, part.get("name"))
            for one in part.findall("property"):
                name, kind = one.get("name"), one.get("type")
                assert one.get("access") == "read"
                assert nobody.get(path, part.get("name"), name) == values[name]
                for client in (nobody, root):
                    error = client.error(path, PROPERTIES, "Set", "ssv",
                                         (part.get("name"), name, GLib.Variant(kind, values[name])))
                    assert error.short == "PropertyReadOnly", (name, error)
                seen += 1
            assert nobody.get_all(path, part.get("name")) == values
    assert seen > 40


@pytest.mark.parametrize("interface,member", [
    (MANAGER, "Nonsense"), (MANAGER, "Release"), (MANAGER, "createtap"), (MANAGER, "OpenQueues"),
    (ENDPOINT, "Get"), (PROPERTIES, "Nonsense"), (PEER, "Nonsense"), (OBJECTS, "CreateTap"),
    (INTROSPECTABLE, "Get"), (NETWORK, "Release"), (None, "ReleaseAll")])
def test_what_is_not_in_the_table_does_not_exist_for_anybody(alice, root, tap, interface, member):
    """The calls include arguments that a method of that name accepts."""
    for client in (alice, root):
        for path in (ROOT, tap.endpoint, "/", "/org/vnicd1/endpoint"):
            for signature, values in (("", ()), ("u", (1,)), ("sbba{sv}", ("yes0", True, False, {}))):
                error = client.error(path, interface, member, signature, values)
                assert error.short in ("UnknownMethod", "UnknownInterface"), (path, error)
    assert kernel.exists(tap.interface)


def test_the_standard_interfaces_answer(alice, tap):
    for path in (ROOT, tap.endpoint):
        assert alice.call(path, PEER, "Ping") == ()
        assert len(alice.call(path, PEER, "GetMachineId")[0]) == 32
    assert tap.endpoint in alice.managed_objects()


@pytest.mark.restarts
def test_whoever_asks_for_a_machine_id_that_the_host_does_not_have_is_told_so(world, alice):
    """sd-bus answers that call itself otherwise, and would close the connection instead."""
    assert world.stop_service() == 0
    with contextlib.ExitStack() as stack:
        kernel.run("mount", "--bind", "/dev/null", "/etc/machine-id")
        stack.callback(kernel.run, "umount", "/etc/machine-id")
        world.start_service()
        stack.callback(world.restart_service)
        pid = world.pid
        error = alice.error(ROOT, PEER, "GetMachineId")
        assert error.short == "NotSupported" and "machine-id" in error.message
        assert alice.call(ROOT, PEER, "Ping") == () and world.pid == pid


# The requirements of one call

def test_each_demand_asks_for_its_own_action_with_its_own_details(alice, bob, root, tap, bridges, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (False, False, {})
        options = {"persistent": GLib.Variant("b", True), "owner": GLib.Variant("u", 1002)}
        assert alice.create_tap_error("br0", **options).name == ACCESS_DENIED
        asked = {check.action: check.details for check in polkit.checks}
        plain = {"bridge": "br0", "kind": "tap", "queues": "1"}
        assert asked == {"org.vnicd1.use-bridge": plain, "org.vnicd1.create-persistent": plain,
                         "org.vnicd1.manage-endpoints": {"owner": "1002", "bridge": "br0"}}
        polkit.checks.clear()
        alice.list_bridges()
        assert [check.details for check in polkit.checks if check.details["bridge"] == "br0"] == \
            [{"bridge": "br0"}]
        polkit.checks.clear()
        assert bob.error(tap.endpoint, ENDPOINT, "Release").name == ACCESS_DENIED
        assert bob.error(ROOT, MANAGER, "Reload").name == ACCESS_DENIED
        assert [(check.action, check.details) for check in polkit.checks] == [
            ("org.vnicd1.manage-endpoints", {"endpoint": tap.interface, "owner": "1001"}),
            ("org.vnicd1.reload", {})]
        polkit.checks.clear()
        root.call(ROOT, MANAGER, "Reload")
        assert polkit.checks == []


def test_one_yes_of_two_is_a_no(alice, bridges, world):
    bridges("br0")
    for granted in ("org.vnicd1.use-bridge", "org.vnicd1.create-persistent"):
        with world.polkit_as("hang") as polkit:
            polkit.auto = lambda check, granted=granted: (check.action == granted, False, {})
            error = alice.create_tap_error("br0", persistent=True)
            assert error.name == ACCESS_DENIED and granted not in error.message
            assert len(polkit.checks) == 2
    assert kernel.our_links() == []


def test_the_prompts_of_one_call_come_one_after_the_other(alice, bridges, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        pending = alice.start_create_tap("br0", interactive=True, persistent=True)
        polkit.wait_for_check(3)
        assert not poll(lambda: len(polkit.checks) > 3, 0.3)
        assert [check.interactive for check in polkit.checks] == [False, False, True]
        assert polkit.checks[2].action == "org.vnicd1.use-bridge"
        polkit.checks[2].answer(True)
        second = polkit.wait_for_check(4)
        assert second.interactive and second.action == "org.vnicd1.create-persistent"
        second.answer(True)
        endpoint, interface, _, queues = pending.result()
        assert queues == [] and kernel.exists(interface)
    alice.call(endpoint, ENDPOINT, "Release")


def test_after_a_prompt_that_is_not_granted_the_rest_are_not_shown(alice, bridges, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        pending = alice.start_create_tap("br0", interactive=True, persistent=True)
        polkit.wait_for_check(3).answer(False, True, {"polkit.dismissed": "true"})
        error = pending.error()
        assert error.name == ACCESS_DENIED and "dismissed" in error.message
        assert len(polkit.checks) == 3
    assert kernel.our_links() == []


def test_nobody_is_prompted_for_a_call_that_is_denied_anyway(alice, bridges, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (False, "persistent" not in check.action, {})
        error = alice.create_tap_error("br0", interactive=True, persistent=True)
        assert error.name == ACCESS_DENIED and "create-persistent" in error.message
        assert not any(check.interactive for check in polkit.checks)


def test_a_person_is_asked_twice_for_what_needs_two_answers(alice, bridges, world):
    """This uses the real polkit and an agent."""
    bridges("ask0")
    assert alice.create_tap_error("ask0", persistent=True).name == MAY_ASK
    with Agent(world, alice, "accept") as agent:
        tap = alice.create_tap("ask0", interactive=True, persistent=True)
        assert [prompt.action for prompt in agent.prompts] == \
            ["org.vnicd1.use-bridge", "org.vnicd1.create-persistent"]
        assert "ask0" in agent.prompts[1].message
    tap.release()
