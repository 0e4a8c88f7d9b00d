# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service on the bus: the contract file, the bus policy, hostile messages, privileges, activation."""

import os
import pathlib
import pwd
import random
import subprocess
import sys
import xml.etree.ElementTree as tree

import pytest
from gi.repository import GLib
from vnic import kernel
from vnic.client import ENDPOINT, MANAGER, ROOT, TAP, BusError, Client
from vnic.contract import interfaces
from vnic.networks import NETWORK, network
from vnic.process import poll, status_field

OURS = "org.vnicd1."
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"


def shape(interface):
    """An interface without order and comments; properties that do not say otherwise emit changes."""
    def arguments(member):
        return [(part.get("name"), part.get("type"), part.get("direction"))
                for part in member.findall("arg")]

    def emits(member):
        notes = [note.get("value") for note in member.findall("annotation") if note.get("name") == EMITS]
        return notes[0] if notes else "true"

    return {"methods": {part.get("name"): [(name, kind, way or "in") for name, kind, way in arguments(part)]
                        for part in interface.findall("method")},
            "signals": {part.get("name"): [argument[:2] for argument in arguments(part)]
                        for part in interface.findall("signal")},
            "properties": {part.get("name"): (part.get("type"), part.get("access"), emits(part))
                           for part in interface.findall("property")}}


def introspect(client, path):
    text = client.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]
    return {part.get("name"): shape(part) for part in tree.fromstring(text).findall("interface")
            if part.get("name").startswith(OURS)}


def test_the_contract_is_what_the_service_says_of_itself(alice, root, bridge):
    contract = {part.get("name"): shape(part) for part in interfaces()}
    with alice.create_tap(bridge) as tap, network(root, "yesnet", "isolated", services=False) as net:
        said = introspect(alice, ROOT) | introspect(alice, tap.endpoint) | introspect(alice, net.path)
    assert said == contract
    assert set(said) == {MANAGER, ENDPOINT, TAP, NETWORK}


def test_the_objects_are_found_by_walking_the_tree(alice, bridge):
    def children(path):
        text = alice.call(path, "org.freedesktop.DBus.Introspectable", "Introspect")[0]
        return [node.get("name") for node in tree.fromstring(text).findall("node")]

    with alice.create_tap(bridge) as tap:
        assert "endpoint" in "/".join(children(ROOT))
        assert children(ROOT + "/endpoint") == [tap.interface]
        assert not introspect(alice, ROOT + "/endpoint")


def test_the_properties_of_the_manager_are_the_hosts(alice, world):
    said = alice.get_all(ROOT, MANAGER)
    status, out, _ = world.output_as("alice", [world.program, "--version"])
    assert status == 0 and out == f"vnicd {said['Version']}\n"
    assert said["OffloadMask"] == sum(kernel.OFFLOADS[name] for name in said["OffloadsSupported"])
    assert {"csum", "tso4", "tso6"} <= set(said["OffloadsSupported"])
    assert said["VnetHdrSizes"] == [10, 12, 20, 24]
    assert (said["MaxQueues"], said["MaxFdsPerMessage"]) == (256, 16)
    assert (said["EndpointsPerUser"], said["QueuesPerUser"]) == (32, 64)


@pytest.mark.parametrize("user", ["alice", "polkitd"])
def test_the_name_is_the_services_own(world, user):
    with Client(world, user) as client, pytest.raises(BusError) as caught:
        client.bus_call("RequestName", "su", ("org.vnicd1", 4))
    assert caught.value.short == "AccessDenied"


def test_a_message_with_fds_does_not_get_through(alice, bridge, world):
    """If a client's last fd of a tap were closed in the service's loop, the loop would sleep."""
    before = world.service_fds()
    reader, writer = os.pipe()
    try:
        for count in (1, 16):
            with pytest.raises(BusError) as caught:
                alice.call(ROOT, MANAGER, "CreateTap", "sbba{sv}", (bridge, True, False, {}),
                           fds=[reader] * count)
            assert caught.value.short == "AccessDenied"
    finally:
        os.close(reader)
        os.close(writer)
    assert world.service_fds() == before and kernel.our_links() == []


def test_oversize_and_odd_messages_are_refused_and_cost_nothing(alice, bridge, world):
    pid = world.pid
    nested = GLib.Variant("s", "x")
    for _ in range(30):
        nested = GLib.Variant("v", nested)
    for options, refusal in (({"label": GLib.Variant("s", "x" * 1_000_000)}, "InvalidArgs"),
                             ({"label": GLib.Variant("s", "x" * 60_000)}, "InvalidOption"),
                             ({"label": nested}, "InvalidOption"),
                             ({"mtu": GLib.Variant("ay", b"\0" * 1_000_000)}, "InvalidArgs"),
                             ({f"key{i}": GLib.Variant("u", i) for i in range(20000)}, "InvalidArgs"),
                             ({f"key{i}": GLib.Variant("u", i) for i in range(150)}, "InvalidOption")):
        assert alice.create_tap_error(bridge, **options).short == refusal
    assert alice.error(ROOT, MANAGER, "GetEndpoint", "s", ("x" * 1_000_000,)).short == "InvalidArgs"
    assert alice.error(ROOT, MANAGER, "GetEndpoint", "s", ("x" * 60_000,)).short == "NoSuchEndpoint"
    path = "/org/vnicd1/endpoint/" + "a" * 60_000
    assert alice.error(path, ENDPOINT, "Release").short.startswith("Unknown")
    # Beyond 64 KiB sd-bus drops the message unread.
    alice.start(path + "a" * 1_000_000, ENDPOINT, "Release").discard()
    assert world.pid == pid
    # Big messages make big heaps; what counts is that they do not add up.
    for _ in range(20):
        alice.create_tap_error(bridge, label=GLib.Variant("s", "x" * 1_000_000))
    settled = world.service_rss()
    for _ in range(20):
        alice.create_tap_error(bridge, label=GLib.Variant("s", "x" * 1_000_000))
    assert world.service_rss() <= settled + 2048


def random_variant(numbers, depth=0):
    kinds = ["b", "u", "i", "t", "s", "as", "ay", "v"] if depth < 4 else ["b", "s"]
    kind = numbers.choice(kinds)
    text = "".join(chr(numbers.choice([0x41, 0x24, 0x0a, 0x1b, 0x202e, 0xe9])) for _ in range(6))
    value = {"b": True, "u": numbers.getrandbits(32), "i": -5, "t": numbers.getrandbits(64), "s": text,
             "as": [text] * 3, "ay": os.urandom(5)}.get(kind)
    return GLib.Variant(kind, value if kind != "v" else random_variant(numbers, depth + 1))


def test_random_options_are_refused_by_name_or_served(alice, bridge, world):
    pid = world.pid
    numbers = random.Random(1)
    keys = ["queues", "label", "guest_mac", "mtu", "isolated", "anti_spoof", "vnet_hdr_size", "x"]
    for _ in range(500):
        options = {key: random_variant(numbers) for key in numbers.sample(keys, numbers.randint(1, 4))}
        try:
            flags = [numbers.random() < 0.5 for _ in range(numbers.randint(1, 2))]
            with (alice.create_tap if len(flags) == 2 else alice.open_tap)(bridge, *flags, **options):
                pass
        except BusError as error:
            assert error.short in ("InvalidOption", "VnetHdrRequired"), error
    assert world.pid == pid
    assert poll(lambda: not kernel.our_links(), 2.0)


def test_every_method_refuses_wrong_arguments(alice, bridge, world):
    pid = world.pid
    with alice.create_tap(bridge) as tap:
        for path in (ROOT, tap.endpoint):
            for interface, members in introspect(alice, path).items():
                for method in members["methods"]:
                    for signature, values in (("ay", (b"x" * 100,)), ("uu", (1, 2))):
                        error = alice.error(path, interface, method, signature, values)
                        assert error.short == "InvalidArgs", (method, signature)
        assert kernel.exists(tap.interface)
    assert world.pid == pid


def test_the_service_has_one_capability_and_is_nobody(world):
    assert status_field(world.pid, "Uid").split()[0] == str(pwd.getpwnam("vnicd").pw_uid)
    for field in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status_field(world.pid, field), 16) == 1 << 12  # CAP_NET_ADMIN
    assert status_field(world.pid, "NoNewPrivs") == "1"


def test_it_takes_no_arguments(world):
    status, _, err = world.output_as("alice", [world.program, "--nonsense"])
    assert status == 1 and "--help" in err
    status, out, _ = world.output_as("alice", [world.program, "--help"])
    assert status == 0 and "org.vnicd1" in out


def test_a_second_service_does_not_take_over(world, bridge, alice):
    with alice.create_tap(bridge) as tap:
        status, _, err = world.output_as("vnicd", [world.program])
        assert status == 1 and err
        assert kernel.exists(tap.interface) and tap.endpoint in alice.managed_objects()


def test_the_activation_file_is_for_our_name_and_the_unit(world):
    lines = (world.build / "dbus" / "org.vnicd1.service").read_text().splitlines()
    assert {"Name=org.vnicd1", "User=vnicd", "SystemdService=vnicd.service"} <= set(lines)
    assert any(line.startswith("Exec=/") and line.endswith("/vnicd") for line in lines)


def test_the_first_call_starts_the_service(world):
    """This runs in a world of its own: on a bus that starts services as root, with an activation file that
    drops root."""
    here = pathlib.Path(__file__).resolve().parent
    done = subprocess.run([here.parent / "lib" / "world", "--build", world.build, "--source", world.source,
                           sys.executable, here / "activation.py"], timeout=50, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
