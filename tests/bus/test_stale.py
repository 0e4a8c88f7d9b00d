# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was checked before the question is checked again after the answer: whatever changes while polkit, or a
user, decides about a call, a yes holds for what was asked about, and nothing is created where it no longer
fits."""

import contextlib
import socket

import pytest
from gi.repository import GLib
from vnic import frames, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, Client
from vnic.networks import NETWORK, Network
from vnic.process import poll
from vnic.world import CONFIGURATION

GUEST = "52:54:00:00:5a:01"
V = GLib.Variant


class Scene:
    """The objects of the calls; they are removed with the test."""

    def __init__(self, world, stack):
        self.world, self.stack = world, stack
        self.root, self.alice = (stack.enter_context(Client(world, user)) for user in ("root", "alice"))

    def bridge(self, name="br0"):
        self.stack.callback(kernel.del_link, name)
        kernel.make_bridge(name)

    def network(self, kind="isolated"):
        made = Network(self.root, "yesnet", kind)
        self.stack.callback(self.delete_network)
        return made

    def delete_network(self):
        if kernel.exists("yesnet"):
            self.root.call(ROOT + "/network/yesnet", NETWORK, "Delete")

    def port(self, bridge):
        """A foreign port. It forwards only when the kernel's worker has told the bridge of its carrier."""
        kernel.make_veth("lan0", "lan1", master=bridge)
        self.stack.callback(kernel.del_link, "lan0")
        assert poll(lambda: kernel.bridge_port("lan0")["state"] == "forwarding", 5)

    def tap(self, bridge, *words, **options):
        return self.stack.enter_context(self.root.create_tap(bridge, *words, **options))

    def configure(self, text, name="vnicd.conf"):
        self.stack.callback(self.forget, name)
        self.world.configure(text, name)
        self.world.reload()

    def define(self):
        """The network comes up with its first tap."""
        self.configure("[Network]\nKind=isolated\n", "networks/yesnet.conf")
        self.stack.callback(self.delete_network)

    def forget(self, name):
        (self.world.configuration / name).unlink(missing_ok=True)
        self.world.configure(CONFIGURATION)
        self.world.reload()

    @staticmethod
    def shared(network):
        """Whether it has a foreign port, as far as the service knows."""
        return any("not vnicd's" in text for text in network.get("Warnings"))

    def start_create_network(self, **options):
        return self.alice.start(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", ("yesnet", "isolated", options))


def names_in(listed):
    return [entry["name"] for entry in listed[0]]


CASES = []


def case(steps):
    """A generator that yields the call when it has begun, and, when it has changed something, how the call
    has to end: the last part of its error name, or a check of its reply."""
    CASES.append(steps)
    return steps


# Placement of a tap

@case
def the_bridge_is_made_again(scene):
    scene.bridge()
    yield scene.alice.start_open_tap("br0")
    kernel.del_link("br0")
    kernel.make_bridge("br0")
    yield "Stale"


@case
def a_network_is_made_in_the_place_of_the_bridge(scene):
    scene.bridge("yesnet")
    yield scene.alice.start_create_tap("yesnet")
    kernel.del_link("yesnet")
    scene.network()
    yield "Stale"


@case
def a_bridge_is_made_in_the_place_of_the_network(scene):
    scene.network()
    yield scene.alice.start_create_tap("yesnet")
    scene.delete_network()
    assert poll(lambda: not kernel.exists("yesnet"), 5)
    scene.bridge("yesnet")
    yield "Stale"


@case
def the_network_is_shared_with_others(scene):
    """Then use-bridge is required, and nobody was asked about that."""
    network = scene.network()
    yield scene.alice.start_create_tap("yesnet")
    scene.port("yesnet")
    assert poll(lambda: scene.shared(network), 5)
    yield "Stale"


@case
def the_network_is_shared_no_more(scene):
    network = scene.network()
    scene.port("yesnet")
    assert poll(lambda: scene.shared(network), 5)
    yield scene.alice.start_create_tap("yesnet")
    kernel.del_link("lan0")
    assert poll(lambda: not scene.shared(network), 5)
    yield "Stale"


@case
def the_definition_of_the_network_goes(scene):
    scene.configure("[Network]\nKind=isolated\n", "networks/yesnet.conf")
    yield scene.alice.start_create_tap("yesnet")
    (scene.world.configuration / "networks" / "yesnet.conf").unlink()
    scene.world.reload()
    yield "Stale"


# Properties of a tap

@case
def the_mac_is_learnt_behind_an_uplink(scene):
    scene.bridge()
    scene.port("br0")
    yield scene.alice.start_create_tap("br0", guest_mac=GUEST)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as wire:
        wire.bind(("lan1", 0))
        assert poll(lambda: wire.send(frames.plain(frames.BROADCAST, GUEST)) and
                    any(entry["mac"] == GUEST for entry in kernel.fdb("br0")), 5)
    yield "Stale"


@case
def the_mac_is_taken(scene):
    scene.bridge()
    yield scene.alice.start_create_tap("br0", guest_mac=GUEST)
    scene.tap("br0", guest_mac=GUEST)
    yield "MacInUse"


@case
def the_mtu_of_the_bridge_is_another(scene):
    scene.bridge()
    yield scene.alice.start_create_tap("br0", mtu=1500)
    kernel.run("ip", "link", "set", "br0", "mtu", 9000)
    yield "InvalidOption"


@case
def the_bridge_is_full(scene):
    scene.configure(CONFIGURATION + "PortsPerBridge=1\n")
    scene.bridge()
    yield scene.alice.start_create_tap("br0")
    scene.tap("br0")
    yield "BridgeFull"


@case
def the_users_limit_is_lower(scene):
    scene.bridge()
    yield scene.alice.start_create_tap("br0")
    scene.configure(CONFIGURATION + "Endpoints=0\n")
    yield "QuotaExceeded"


# Networks

@case
def a_link_takes_the_name_of_a_new_network(scene):
    yield scene.start_create_network()
    scene.bridge("yesnet")
    yield "NameTaken"


@case
def the_configuration_takes_the_name_of_a_new_network(scene):
    yield scene.start_create_network()
    scene.configure("[Network]\nKind=nat\n", "networks/yesnet.conf")
    yield "NameTaken"


@case
def somebody_else_makes_the_network(scene):
    yield scene.start_create_network()
    scene.network("nat")
    yield "NameTaken"


@case
def somebody_else_takes_its_addresses(scene):
    yield scene.start_create_network(addresses=V("as", ["10.70.9.1/24"]))
    scene.bridge()
    kernel.run("ip", "address", "add", "10.70.9.7/24", "dev", "br0")
    yield "AddressInUse"


@case
def a_network_is_deleted_by_somebody_else(scene):
    network = scene.network()
    yield scene.alice.start(network.path, NETWORK, "Delete")
    network.delete()
    yield "UnknownObject"


@case
def a_network_to_be_deleted_is_made_again(scene):
    network = scene.network()
    yield scene.alice.start(network.path, NETWORK, "Delete")
    network.delete()
    scene.network()
    yield "Stale"


# Existing objects

@case
def an_endpoint_is_released_by_somebody_else(scene):
    scene.bridge()
    tap = scene.tap("br0")
    yield scene.alice.start(tap.endpoint, ENDPOINT, "Release")
    tap.release()
    yield "UnknownObject"


@case
def bridges_come_and_go_beside_a_list(scene):
    scene.bridge("br0")
    scene.bridge("br1")
    yield scene.alice.start(ROOT, MANAGER, "ListBridges")
    kernel.del_link("br1")
    scene.bridge("br2")
    yield lambda listed: names_in(listed) == ["br0", "br2"]


@case
def a_bridge_is_made_again_beside_a_list(scene):
    scene.bridge("br0")
    yield scene.alice.start(ROOT, MANAGER, "ListBridges")
    kernel.del_link("br0")
    scene.bridge("br0")
    yield lambda listed: names_in(listed) == ["br0"]


@case
def a_defined_network_comes_up_beside_a_list(scene):
    scene.define()
    yield scene.alice.start(ROOT, MANAGER, "ListBridges")
    scene.tap("yesnet")
    yield lambda listed: [(entry["name"], entry["up"]) for entry in listed[0]] == [("yesnet", True)]


@case
def a_defined_network_begins_to_end_beside_a_list(scene):
    scene.define()
    scene.tap("yesnet")
    yield scene.alice.start(ROOT, MANAGER, "ListBridges")
    scene.delete_network()
    yield lambda listed: [(entry["name"], entry["up"]) for entry in listed[0]] == [("yesnet", False)]


@case
def a_network_is_shared_beside_the_question_whether_one_could(scene):
    """The state is checked, and polkit asked, once more."""
    network = scene.network()
    yield scene.alice.start(ROOT, MANAGER, "CanCreateTap", "sbba{sv}", ("yesnet", True, False, {}))
    scene.port("yesnet")
    assert poll(lambda: scene.shared(network), 5)
    yield lambda answer: answer[0] == "yes"


@pytest.fixture(scope="module")
def polkit(world):
    """One polkitd for all of them: asking it takes a moment, starting it does not."""
    with world.polkit_as("hang") as hanging:
        yield hanging


@pytest.mark.parametrize("steps", CASES, ids=lambda steps: steps.__name__)
def test_a_yes_is_for_what_was_asked_about(world, polkit, steps):
    polkit.checks.clear()
    polkit.auto = None
    with contextlib.ExitStack() as stack:
        running = steps(Scene(world, stack))
        pending = next(running)
        polkit.wait_for_check()
        expected = next(running)
        before, ours = kernel.snapshot(), kernel.our_links()
        polkit.auto = lambda check: (True, False, {})
        for check in list(polkit.checks):
            if not check.answered:
                check.answer(True)
        if isinstance(expected, str):
            error = pending.error()
            assert error.short == expected, error
        else:
            answer = pending.result()
            assert expected(answer), answer
        assert kernel.differences(before, kernel.snapshot()) == []
        assert kernel.our_links() == ours
