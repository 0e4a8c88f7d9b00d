# SPDX-License-Identifier: LGPL-2.1-or-later
"""CreateEndpoint: one round trip tells all that a VMM needs; otherwise it is CreateTap."""

import os

import pytest
from gi.repository import GLib
from vnic import frames, kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, TAP, BusError, Client
from vnic.networks import network
from vnic.process import poll
from vnic.rawclient import NO_REPLY, RawClient

MAC = "52:54:00:00:00:81"


def properties(client, tap):
    return client.get_all(tap.endpoint, ENDPOINT) | client.get_all(tap.endpoint, TAP)


def test_the_result_is_what_the_properties_say_and_the_queue_works(alice, bridge):
    with alice.create_tap(bridge) as neighbour, alice.create_endpoint(bridge, label="one") as tap:
        said = properties(alice, tap)
        assert tap.result == {"guest_mac": said["GuestMac"], "interface": said["Interface"], "mtu": said["Mtu"],
                              "offloads": said["OffloadsSupported"], "queues": 1}
        assert (said["Label"], said["Kind"], said["Bridge"]) == ("one", "tap", bridge)
        assert (said["VnetHdr"], said["Multiqueue"], said["Queues"]) == (True, False, 1)
        assert tap.offloads == neighbour.offloads and tap.offloads
        (queue,) = tap.fds
        assert kernel.queue_info(queue)[0] == tap.interface
        assert not os.get_blocking(queue) and not os.get_inheritable(queue)
        frame = frames.plain(frames.BROADCAST, "52:54:00:00:00:71", b"out")
        frames.send(queue, frame, frames.hdr())
        assert frames.receive(neighbour.fds[0], 2.0, want=lambda got: got == frame)
    assert kernel.wait_gone(tap.interface)


def test_the_result_has_what_was_asked_for(alice, bridges):
    bridges("yes0", mtu=9000)
    with alice.create_endpoint("yes0", guest_mac=MAC, queues=3, vnet_hdr_size=12) as tap:
        assert tap.result["guest_mac"] == MAC and tap.result["mtu"] == 9000 and tap.result["queues"] == 3
        assert len(tap.fds) == 3 and {kernel.queue_info(fd)[0] for fd in tap.fds} == {tap.interface}
        assert tap.get("VnetHdrSize") == 12
    with alice.create_endpoint("yes0", vnet_hdr=False) as tap:
        assert tap.offloads == [] and not tap.get("VnetHdr")


def test_several_queues_make_it_multiqueue_unless_that_is_refused(alice, bridge):
    for options, multiqueue, queues in (({}, False, 1), ({"queues": 1}, False, 1), ({"queues": 2}, True, 2),
                                        ({"queues": 1, "multiqueue": True}, True, 1),
                                        ({"multiqueue": False}, False, 1),
                                        ({"multiqueue": True}, True, min(os.cpu_count(), 8))):
        with alice.create_endpoint(bridge, **options) as tap:
            assert (tap.get("Multiqueue"), tap.result["queues"], len(tap.fds)) == (multiqueue, queues, queues), options
    error = alice.create_endpoint_error(bridge, queues=2, multiqueue=False)
    assert error.short == "InvalidOption" and "multiqueue" in error.message


def test_a_persistent_one_has_its_queues_but_none_of_their_fds(carol, bridge):
    tap = carol.create_endpoint(bridge, queues=2, persistent=True)
    assert tap.fds == [] and tap.result["queues"] == 2
    tap.open_queues(2)
    assert kernel.numqueues(tap.interface) == (2, 0)
    tap.close()
    tap.release()


def test_of_a_network_it_has_the_networks_mtu_and_the_generated_mac(root):
    with network(root, "yesnet", "isolated", services=False, mtu=1400), root.create_endpoint("yesnet") as tap:
        assert tap.result["mtu"] == 1400 and tap.result["guest_mac"].startswith("52:54:00:")
        assert kernel.link(tap.interface)["address"] == "fe" + tap.result["guest_mac"][2:]


@pytest.mark.parametrize("kind", ("", "Tap", "tap ", "macvtap", "x" * 50000, "\u202epat", "a\nb"))
def test_another_kind_is_refused_and_the_answer_names_those_there_are(alice, bridge, kind):
    error = alice.create_endpoint_error(bridge, kind=kind)
    assert error.short == "InvalidOption" and '"kind"' in error.message and '"tap"' in error.message
    assert len(error.message) < 200 and kernel.our_links() == []


@pytest.mark.parametrize("options,name,word", (
    ({"nonsense": 1}, "InvalidOption", "nonsense"), ({"mtu": 12}, "InvalidOption", "mtu"),
    ({"vnet_hdr": GLib.Variant("u", 1)}, "InvalidOption", "vnet_hdr"),
    ({"multiqueue": GLib.Variant("s", "yes")}, "InvalidOption", "multiqueue"),
    ({"queues": 17}, "InvalidOption", "queues"),
    ({"queues": 0}, "InvalidOption", "queues"), ({"vnet_hdr": False, "vnet_hdr_size": 12}, "VnetHdrRequired", "vnet_hdr")))
def test_a_wrong_option_is_refused_by_name(alice, bridge, options, name, word):
    error = alice.create_endpoint_error(bridge, **options)
    assert error.short == name and f'"{word}' in error.message
    assert kernel.our_links() == []


@pytest.mark.parametrize("member,signature,flags", (("CreateTap", "sbba{sv}", (True, True)),
                                                    ("CanCreateTap", "sbba{sv}", (True, True)),
                                                    ("OpenTap", "sba{sv}", (True,))))
def test_what_the_others_have_as_arguments_they_do_not_take_as_options(alice, bridge, member, signature, flags):
    for key in ("vnet_hdr", "multiqueue"):
        options = {key: GLib.Variant("b", True)}
        error = alice.error(ROOT, MANAGER, member, signature, (bridge, *flags, options))
        assert error.short == "InvalidOption" and f'"{key}"' in error.message


def test_it_is_refused_as_create_tap_is(alice, bridge):
    assert alice.create_endpoint_error("gone0").short == "NoSuchBridge"
    assert alice.create_endpoint_error("lo").short == "NotABridge"
    assert alice.create_endpoint_error("").short == "NoSuchNetwork"
    with alice.create_endpoint(bridge, label="web", guest_mac=MAC) as tap:
        assert alice.create_endpoint_error(bridge, label="web").short == "NameTaken"
        assert alice.create_endpoint_error(bridge, guest_mac=MAC).short == "MacInUse"
        tap.release()


def test_it_counts_as_create_tap_does(world, alice, bridge):
    taps = [(alice.create_endpoint if number % 2 else alice.create_tap)(bridge) for number in range(32)]
    assert alice.create_endpoint_error(bridge).short == alice.create_tap_error(bridge).short == "QuotaExceeded"
    for tap in taps:
        tap.close()
    assert poll(lambda: kernel.our_links() == [], 3.0)
    world.configure("[Limits]\nCreations=100000\n[User carol]\nCreations=10\n")
    world.reload()
    try:
        with Client(world, "carol") as client:
            errors = []
            for _ in range(15):
                try:
                    client.create_endpoint(bridge).close()
                except BusError as error:
                    errors.append(error.short)
        assert set(errors) == {"LimitsExceeded"} and len(errors) >= 3
    finally:
        world.configure()
        world.reload()


def test_it_asks_polkit_what_create_tap_asks_once(world, bob, bridges):
    """It goes on after a yes, though it is dispatched a second time for that."""
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        asked = []
        for start in (bob.start_create_tap, bob.start_create_endpoint):
            polkit.checks.clear()
            polkit.auto = lambda check: (True, False, {}) if check.interactive else (False, True, {})
            *_, fds = start("br0", interactive=True, owner=1001).result()
            os.close(fds[0])
            assert poll(lambda: kernel.our_links() == [], 5)
            asked.append(sorted((check.action, check.interactive, *check.details.items()) for check in polkit.checks))
            polkit.auto = lambda check: (False, False, {})
            assert start("br0").error().short == "AccessDenied"
        assert asked[0] == asked[1] and len(asked[0]) == 4


def test_without_a_reply_nothing_is_made(world, alice, bridge):
    client = RawClient(world, "alice")
    client.receive_reply(client.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    before = kernel.next_ifindex()
    client.send_create_endpoint(bridge, flags=NO_REPLY)
    client.receive_reply(client.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    client.close()
    assert kernel.next_ifindex() == before + 1 and kernel.our_links() == []


def test_more_queues_are_for_the_connection_that_created_it(world, alice, bridge):
    with alice.create_endpoint(bridge, multiqueue=True, queues=1) as tap:
        tap.open_queue()
        with Client(world, "alice") as another:
            assert another.error(tap.endpoint, TAP, "OpenQueue").short == "AccessDenied"
