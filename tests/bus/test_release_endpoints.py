# SPDX-License-Identifier: LGPL-2.1-or-later
"""ReleaseEndpoints: which of the caller's endpoints go, and that no others do."""

import pytest
from gi.repository import GLib
from vnic import kernel
from vnic.client import MANAGER, ROOT, Client
from vnic.networks import network
from vnic.process import poll

V = GLib.Variant


@pytest.fixture
def places(bridges):
    bridges("yes0")
    bridges("yes1")


@pytest.fixture
def make():
    """make(client, bridge, label) → the name of an interface; the queues are closed with the test."""
    made = []

    def one(client, bridge, **options):
        made.append(client.create_tap(bridge, **options))
        return made[-1].interface

    yield one
    for tap in made:
        tap.close()
    assert poll(lambda: kernel.our_links() == [], 3.0)


def left(*names):
    return sorted(kernel.our_links()) == sorted(names)


def test_a_prefix_takes_those_labels_that_begin_with_it(alice, places, make):
    make(alice, "yes0", label="vm-1")
    make(alice, "yes0", label="vm-")
    others = [make(alice, "yes0", label="xvm-1"), make(alice, "yes0", label="VM-2"), make(alice, "yes0", label="vm"),
              make(alice, "yes0")]
    signals = alice.subscribe(MANAGER)
    assert alice.release_endpoints(label_prefix="vm-") == 2
    assert left(*others)
    assert {signal[3][2] for signal in signals.all()} == {"released"}
    assert alice.release_endpoints(label_prefix="vm-") == 0
    assert alice.release_endpoints(label_prefix="vm") == 1


def test_a_bridge_takes_those_that_are_on_it_now(alice, places, make):
    """An administrator moves one, deletes the bridge of another and renames a bridge."""
    stays = make(alice, "yes0")
    moved = make(alice, "yes0")
    kernel.run("ip", "link", "set", moved, "master", "yes1")
    path = f"/org/vnicd1/endpoint/{moved}"
    assert poll(lambda: alice.get(path, "org.vnicd1.Endpoint", "Bridge") == "yes1", 3.0)
    assert alice.release_endpoints(bridge="yes1") == 1 and left(stays)
    kernel.run("ip", "link", "set", "yes0", "name", "renamed0")
    try:
        assert alice.release_endpoints(bridge="yes0") == 0 and left(stays)
        assert alice.release_endpoints(bridge="renamed0") == 1 and left()
    finally:
        kernel.run("ip", "link", "set", "renamed0", "name", "yes0")


def test_no_bridge_is_a_place_too(alice, carol, bridges, make):
    bridges("yes0")
    on_none = make(carol, "-")
    lost = make(carol, "yes0")
    other = make(carol, bridges("yes1"))
    kernel.del_link("yes0")
    path = f"/org/vnicd1/endpoint/{lost}"
    assert poll(lambda: carol.get(path, "org.vnicd1.Endpoint", "Bridge") == "", 3.0)
    assert carol.release_endpoints(bridge="yes0") == 0 and left(on_none, lost, other)
    assert carol.release_endpoints(bridge="-") == 0 and left(on_none, lost, other)
    assert carol.release_endpoints(bridge="") == 2 and left(other)


def test_a_network_is_named_as_it_is(root, make):
    with network(root, "yesnet", "isolated", services=False):
        make(root, "yesnet")
        assert root.release_endpoints(bridge="yesnet") == 1 and left()


def test_a_connection_takes_what_was_made_over_it(world, alice, root, places, make):
    with Client(world, "alice") as another:
        mine, others = make(alice, "yes0"), make(another, "yes0")
        for_alice = make(root, "yes0", owner=alice.uid)
        assert root.release_endpoints(this_connection=True) == 0
        assert left(mine, others, for_alice)
        assert alice.release_endpoints(this_connection=True) == 1 and left(others, for_alice)
        assert alice.release_endpoints(this_connection=True) == 0
        assert alice.release_endpoints(this_connection=False) == 2 and left()


def test_it_takes_what_each_way_of_making_one_has_made_over_the_connection(alice, places):
    taps = [alice.create_tap("yes0"), alice.open_tap("yes0"), alice.create_endpoint("yes0")]
    assert alice.release_endpoints(this_connection=True) == 3 and left()
    for tap in taps:
        tap.close()


@pytest.mark.restarts
def test_after_a_restart_no_connection_has_made_anything(world, alice, places, make):
    name = make(alice, "yes0", label="web")
    world.restart_service()
    assert alice.release_endpoints(this_connection=True) == 0 and left(name)
    assert alice.release_endpoints(label_prefix="web", bridge="yes0") == 1 and left()


def test_all_that_is_given_has_to_hold(world, alice, places, make):
    with Client(world, "alice") as another:
        wanted = make(alice, "yes0", label="vm-1")
        others = [make(alice, "yes1", label="vm-2"), make(alice, "yes0", label="web"), make(another, "yes0", label="vm-3")]
        given = {"label_prefix": "vm-", "bridge": "yes0", "this_connection": True}
        assert alice.release_endpoints(**given) == 1
        assert left(*others) and wanted not in kernel.our_links()
        assert alice.release_endpoints(**given) == 0


def test_without_a_filter_all_go_and_no_other_users_do_even_for_root(alice, bob, root, places, make):
    bobs = make(bob, "yes0", label="web")
    for client in (alice, root):
        make(client, "yes0", label="web")
        make(client, "yes1")
        assert client.release_endpoints(label_prefix="web") == 1
        assert client.release_endpoints() == 1
        assert client.release_endpoints(bridge="yes0") == client.release_endpoints() == 0
        assert left(bobs)


@pytest.mark.parametrize("given,word", (
    ({"nonsense": V("b", True)}, "nonsense"), ({"label": V("s", "web")}, "label"), ({"Bridge": V("s", "yes0")}, "Bridge"),
    ({"label_prefix": V("s", "")}, "label_prefix"), ({"label_prefix": V("s", "a b")}, "label_prefix"),
    ({"label_prefix": V("s", "x" * 33)}, "label_prefix"), ({"label_prefix": V("u", 1)}, "label_prefix"),
    ({"label_prefix": V("as", ["web"])}, "label_prefix"), ({"this_connection": V("s", "yes")}, "this_connection"),
    ({"this_connection": V("u", 1)}, "this_connection"), ({"bridge": V("b", True)}, "bridge"),
    ({"bridge": V("v", V("s", "yes0"))}, "bridge"), ({"interactive": V("b", True)}, "interactive"),
    ({"bridge": V("s", "yes0"), "owner": V("u", 1001)}, "owner")))
def test_what_is_no_filter_releases_nothing(alice, places, make, given, word):
    name = make(alice, "yes0", label="web")
    error = alice.error(ROOT, MANAGER, "ReleaseEndpoints", "a{sv}", (given,))
    assert error.short == "InvalidOption" and f'"{word}"' in error.message and len(error.message) < 320
    assert left(name)


def test_a_key_that_is_there_twice_releases_nothing(alice, places, make):
    name = make(alice, "yes0")
    given = GLib.VariantBuilder(GLib.VariantType("a{sv}"))
    for bridge in ("yes1", "yes0"):
        given.add_value(V.new_dict_entry(V("s", "bridge"), V("v", V("s", bridge))))
    message = alice._message(ROOT, MANAGER, "ReleaseEndpoints", "", (), "org.vnicd1", False, ())
    message.set_body(V.new_tuple(given.end()))
    reply, _ = alice.connection.send_message_with_reply_sync(message, 0, 5000, None)
    assert reply.get_error_name() == "org.vnicd1.Error.InvalidOption" and "twice" in reply.get_body().unpack()[0]
    assert left(name)


def test_names_that_no_bridge_has_take_nothing(alice, places, make):
    name = make(alice, "yes0")
    for bridge in ("gone0", "yes", "yes00", "x" * 50000, "\u202e", name):
        assert alice.release_endpoints(bridge=bridge) == 0
    assert left(name)


def test_those_that_are_going_already_are_waited_for(alice, places, make):
    for number in range(8):
        make(alice, "yes0", label=f"vm-{number}")
    pending = [alice.start(ROOT, MANAGER, "ReleaseEndpoints", "a{sv}", ({"label_prefix": V("s", "vm-")},))
               for _ in range(3)]
    pending[0].result()
    assert left()
    for one in pending[1:]:
        assert one.result()[0] <= 8
