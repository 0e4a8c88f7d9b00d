# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an unrelated user's calls cost and what they get: calls to things that do not exist are answered as
D-Bus defines it, a call whose only effect is a reply that nobody expects is dropped at once, a body is
compared with the method's signature before it is parsed, and the calls of a caller that has left are not
executed."""

import os
import signal
import struct
import time
from contextlib import ExitStack, closing

import pytest
from gi.repository import GLib
from vnic import kernel
from vnic.client import ENDPOINT, MANAGER, NAME, OBJECTS, PROPERTIES, ROOT, TAP
from vnic.contract import interfaces
from vnic.networks import NETWORK, network, path_of
from vnic.process import poll, stopped
from vnic.rawclient import NO_REPLY, WRITTEN, RawClient, asked_about, watch_questions

INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
PEER = "org.freedesktop.DBus.Peer"
NOWHERE = "/org/vnicd1/endpoint/vnic00000000"
DBUS_ERROR = "org.freedesktop.DBus.Error."


def run_queue_ns(pid):
    """Exact time on a processor: the first number of schedstat."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def known(world, user, **options):
    """A connection whose caller the service knows already."""
    caller = RawClient(world, user, **options)
    caller.receive_reply(caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    return caller


@pytest.fixture
def net(root):
    with network(root, "yesnet", "isolated", services=False) as made:
        yield made


# Calls to things that do not exist

@pytest.mark.parametrize("path, interface, member, expected", [
    (ROOT, MANAGER, "Nonsense", "UnknownMethod"),
    (ROOT, MANAGER, "createtap", "UnknownMethod"),
    (ROOT, MANAGER, "Release", "UnknownMethod"),
    (ROOT, PROPERTIES, "Nonsense", "UnknownMethod"),
    (ROOT, OBJECTS, "CreateTap", "UnknownMethod"),
    (ROOT, None, "ReleaseAll", "UnknownMethod"),
    (ROOT, "org.vnicd1.Nonsense", "CreateTap", "UnknownInterface"),
    (ROOT, "com.example.Other", "Reset", "UnknownInterface"),
    (NOWHERE, ENDPOINT, "Release", "UnknownObject"),
    (NOWHERE, ENDPOINT, "Nonsense", "UnknownObject"),
    (NOWHERE, "com.example.Other", "Reset", "UnknownObject"),
    ("/com/example", MANAGER, "ReleaseAll", "UnknownObject"),
    ("/com/example", "com.example.Other", "Reset", "UnknownObject"),
    (ROOT + "/network/none", NETWORK, "Delete", "UnknownObject")])
def test_what_does_not_exist_is_unknown_to_everybody(alice, root, path, interface, member, expected):
    for client in (alice, root):
        error = client.error(path, interface, member)
        assert error.name == DBUS_ERROR + expected, error
        assert error.message.endswith(".") and len(error.message) < 320


@pytest.mark.parametrize("interface, member", [
    (MANAGER, "CreateTap"), (MANAGER, "ReleaseAll"), (NETWORK, "Delete"), (ENDPOINT, "Nonsense"),
    ("org.vnicd1.Other", "Release")])
def test_what_another_object_has_an_endpoint_has_not(alice, bridge, interface, member):
    """The calls have arguments that the method accepts."""
    signature, values = ("sbba{sv}", ("yes0", True, False, {})) if member == "CreateTap" else ("", ())
    with alice.create_tap(bridge) as tap:
        error = alice.error(tap.endpoint, interface, member, signature, values)
        assert error.short in ("UnknownMethod", "UnknownInterface"), error
        assert kernel.exists(tap.interface)


def test_properties_that_do_not_exist_are_unknown_and_none_can_be_written(alice, root, bridge, net):
    text = GLib.Variant("s", "x")
    with alice.create_tap(bridge) as tap:
        for client in (alice, root):
            for path, interface, name in ((ROOT, MANAGER, "Version"), (tap.endpoint, ENDPOINT, "Label"),
                                          (tap.endpoint, TAP, "Queues"), (net.path, NETWORK, "Ports")):
                assert client.error(path, PROPERTIES, "Set", "ssv", (interface, name, text)).name == \
                    DBUS_ERROR + "PropertyReadOnly"
                for member, rest in (("Get", ()), ("Set", (text,))):
                    error = client.error(path, PROPERTIES, member, "ss" + "v" * len(rest), (interface, "No", *rest))
                    assert error.name == DBUS_ERROR + "UnknownProperty", error
                    error = client.error(path, PROPERTIES, member, "ss" + "v" * len(rest), ("org.no", name, *rest))
                    assert error.short in ("UnknownInterface", "UnknownProperty"), error
                assert client.error(path, PROPERTIES, "GetAll", "s", ("org.no",)).name == \
                    DBUS_ERROR + "UnknownInterface"
            assert client.error(NOWHERE, PROPERTIES, "GetAll", "s", (ENDPOINT,)).name == DBUS_ERROR + "UnknownObject"
            assert client.error(NOWHERE, PROPERTIES, "Get", "ss", (ENDPOINT, "Mtu")).name == \
                DBUS_ERROR + "UnknownObject"


# Calls that expect no reply

def methods_of():
    """(interface, member, in-signature) of the contract, and of D-Bus itself."""
    for part in interfaces():
        for method in part.findall("method"):
            yield (part.get("name"), method.get("name"),
                   "".join(one.get("type") for one in method.findall("arg") if one.get("direction") != "out"))
    yield from ((PROPERTIES, "Get", "ss"), (PROPERTIES, "GetAll", "s"), (INTROSPECTABLE, "Introspect", ""),
                (OBJECTS, "GetManagedObjects", ""), (PEER, "Ping", ""), (PEER, "GetMachineId", ""))


# Those that have an effect, which a caller may want without hearing of it.
WITH_AN_EFFECT = {(MANAGER, "ReleaseAll"), (MANAGER, "ReleaseEndpoints"), (MANAGER, "CreateNetwork"),
                  (MANAGER, "Reload"), (ENDPOINT, "Release"), (NETWORK, "Delete")}


ARGUMENTS = {"sbba{sv}": ("yes0", True, False, {}), "sba{sv}": ("yes0", True, {}),
             "ssa{sv}": ("tap", "yes0", {}), "s": (NETWORK,),
             "ss": (NETWORK, "Warnings"), "u": (1,), "": ()}
CALLS = 200


def cost_of(world, caller, path, interface, member, signature, flags=NO_REPLY):
    """Nanoseconds of the service's processor time for that many calls that expect no reply."""
    before = run_queue_ns(world.pid)
    for _ in range(CALLS):
        caller.send(path, interface, member, signature, ARGUMENTS[signature] if signature else (), flags=flags)
    # Later calls on this connection are answered after them.
    caller.receive_reply(caller.send(ROOT, PEER, "Ping"))
    caller.receive_reply(caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
    return run_queue_ns(world.pid) - before


def in_pings(world, caller, path, interface, member, signature):
    """The cost of the method in costs of a ping. The two are measured in turns, each at its cheapest, and once more
    when the method looks dear: processors run at changing speeds, and what is dear is so each time."""
    ping = cost = float("inf")
    for _ in range(10):
        ping = min(ping, cost_of(world, caller, ROOT, PEER, "Ping", ""))
        cost = min(cost, cost_of(world, caller, path, interface, member, signature))
        if cost <= 2 * ping:
            break
    return cost / ping


def test_a_call_whose_only_effect_is_its_answer_costs_nothing_where_none_is_wanted(world, alice, bridge, net):
    for i in range(30):
        kernel.run("ip", "link", "add", f"p{i}", "type", "veth", "peer", "name", f"q{i}")
        kernel.run("ip", "link", "set", f"p{i}", "master", net.name)
    try:
        with alice.create_tap(bridge) as tap, closing(known(world, "bob")) as caller:
            objects = {MANAGER: ROOT, ENDPOINT: tap.endpoint, TAP: tap.endpoint}
            before = kernel.next_ifindex()
            dear = {}
            for interface, member, signature in methods_of():
                if (interface, member) in WITH_AN_EFFECT:
                    continue
                path = objects.get(interface, ROOT if interface == OBJECTS else net.path)
                pings = in_pings(world, caller, path, interface, member, signature)
                if pings > 3:
                    dear[interface, member] = round(pings, 1)
            assert not dear, f"in pings: {dear}"
            assert kernel.next_ifindex() == before + 1
    finally:
        for i in range(30):
            kernel.del_link(f"p{i}")


def test_a_call_that_does_something_does_it_without_an_answer(world, root, alice, bridge):
    tap = alice.create_tap(bridge)
    other = alice.create_tap(bridge)
    with closing(known(world, "alice")) as caller:
        caller.send(tap.endpoint, ENDPOINT, "Release", flags=NO_REPLY)
        assert poll(lambda: not kernel.exists(tap.interface), 3)
        assert kernel.exists(other.interface)
        caller.send(ROOT, MANAGER, "ReleaseAll", flags=NO_REPLY)
        assert poll(lambda: not kernel.exists(other.interface), 3)
        more = alice.create_tap(bridge, label="more")
        caller.send(ROOT, MANAGER, "ReleaseEndpoints", "a{sv}", ({"label_prefix": GLib.Variant("s", "more")},),
                    flags=NO_REPLY)
        assert poll(lambda: not kernel.exists(more.interface), 3)
    for one in (tap, other, more):
        one.close()
    with closing(known(world, "root")) as caller:
        caller.send(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", ("yesquiet", "isolated", {}), flags=NO_REPLY)
        assert poll(lambda: kernel.exists("yesquiet"), 3)
        caller.send(path_of("yesquiet"), NETWORK, "Delete", flags=NO_REPLY)
        assert poll(lambda: not kernel.exists("yesquiet"), 3)
        world.configure("[Limits]\nCreations=100000\nEndpoints=7\n")
        try:
            caller.send(ROOT, MANAGER, "Reload", flags=NO_REPLY)
            assert poll(lambda: root.get(ROOT, MANAGER, "EndpointsPerUser") == 7, 3)
        finally:
            world.configure()
            world.reload()


def test_nobody_waits_for_those_who_read_a_network_with_many_ports(world, root, alice, bridge, net):
    """Calls that expect replies, on two connections, one after the other, take turns with everybody
    else's."""
    for i in range(60):
        kernel.run("ip", "link", "add", f"p{i}", "type", "veth", "peer", "name", f"q{i}")
        kernel.run("ip", "link", "set", f"p{i}", "master", net.name)
    try:
        with closing(known(world, "bob")) as first, closing(known(world, "bob")) as second, \
                closing(known(world, "alice")) as quick:
            with stopped(world.pid):
                serials = [[one.send(net.path, PROPERTIES, "GetAll", "s", (NETWORK,)) for _ in range(50)]
                           for one in (first, second)]
                for one in (first, second):
                    one.wait_for_the_bus()
                wanted = quick.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
                quick.wait_for_the_bus()
            # The service numbers the messages it sends, so the replies tell in which order they were made.
            mine = quick.receive_reply(wanted)[0].get_serial()
            others = [one.receive_reply(number)[0].get_serial()
                      for one, numbers in zip((first, second), serials) for number in numbers]
            before = sum(number < mine for number in others)
            assert before <= 30, f"{before} of 100 answers were made before it was anybody else's turn"
    finally:
        for i in range(60):
            kernel.del_link(f"p{i}")


@pytest.mark.once
@pytest.mark.deadline(60)
def test_who_the_bus_is_too_busy_to_tell_of_is_told_to_try_again(world, alice):
    with closing(RawClient(world, "bob", timeout=30)) as caller:
        alice.list_bridges()
        with stopped(world.pid):
            serial = caller.send(ROOT, MANAGER, "ListBridges")
            caller.wait_for_the_bus()
            with stopped(world.bus.pid):
                os.kill(world.pid, signal.SIGCONT)
                time.sleep(13)
        answer, _ = caller.receive_reply(serial)
        assert answer.get_error_name() == DBUS_ERROR + "LimitsExceeded"


# What a body costs

def align(data, boundary):
    return data + b"\0" * (-len(data) % boundary)


def string(text):
    return struct.pack("<I", len(text)) + text + b"\0"


def call_with_body(serial, member, signature, body, flags=0):
    """The bytes of a call of the Manager, with a body that no library would build."""
    fields = b""
    for code, kind, value in ((1, b"o", ROOT), (2, b"s", MANAGER), (3, b"s", member), (6, b"s", NAME),
                              (8, b"g", signature)):
        fields = align(fields, 8) + bytes((code, 1)) + kind + b"\0"
        text = value.encode()
        fields += bytes((len(text),)) + text + b"\0" if kind == b"g" else string(text)
    return align(struct.pack("<BBBBIII", ord("l"), 1, flags, 1, len(body), serial, len(fields)) + fields, 8) + body


FAT = "a(" + "y" * 250 + ")"


def put_fat(data, begin):
    """An empty array with a signature of 253 bytes. Array lengths are aligned to 4 bytes and structs to 8,
    counted from the beginning of the body, which is that many bytes before data."""
    data += bytes((len(FAT),)) + FAT.encode() + b"\0"
    data += bytes(-(begin + len(data)) % 4) + struct.pack("<I", 0)
    data += bytes(-(begin + len(data)) % 8)


def fat_variants(count):
    """That many of them as the elements of an "av"."""
    data = bytearray()
    for _ in range(count):
        put_fat(data, 4)
    return struct.pack("<I", len(data)) + data


def fat_options(count):
    """("yes0", true, false, {"k": fat, "k": fat, …})."""
    start = align(string(b"yes0"), 4) + struct.pack("<II", 1, 0)
    begin = len(start) + 4
    begin += -begin % 8
    data = bytearray()
    for _ in range(count):
        data += string(b"k")
        put_fat(data, begin)
    return align(start + struct.pack("<I", len(data)), 8) + data


MIB = 1 << 20
BODIES = {
    "another signature, 4,000 fat variants": ("CreateTap", "av", lambda: fat_variants(4000)),
    "a getter with 4,000 fat variants": ("GetEndpoint", "av", lambda: fat_variants(4000)),
    "4,000 fat options": ("CreateTap", "sbba{sv}", lambda: fat_options(4000)),
    "4,000 fat options, only asked": ("CanCreateTap", "sbba{sv}", lambda: fat_options(4000))}


def cost_of_refusal(world, caller, member, signature, body):
    """Nanoseconds of the service's processor time: the least of several."""
    costs = []
    for i in range(6):
        before = run_queue_ns(world.pid)
        caller.send_bytes(call_with_body(1000 + i, member, signature, body))
        answer, _ = caller.receive_reply(1000 + i)
        assert answer.get_error_name() == DBUS_ERROR + "InvalidArgs", answer.get_error_name()
        costs.append(run_queue_ns(world.pid) - before)
    return min(costs)


@pytest.mark.once  # what the sanitizers' allocator takes for a megabyte varies by more than a refusal
@pytest.mark.parametrize("what", BODIES)
def test_to_refuse_a_body_takes_little_more_than_to_receive_it(world, alice, what):
    """It is compared with as many plain bytes: the signature is compared, and parsing ends after the first 64
    KiB."""
    member, signature, body = BODIES[what]
    with closing(known(world, "bob")) as caller:
        cost = cost_of_refusal(world, caller, member, signature, body())
        plain = cost_of_refusal(world, caller, "GetEndpoint", "ay", struct.pack("<I", MIB) + bytes(MIB))
    print(f"{what}: {cost / 1e6:.2f} ms, {plain / 1e6:.2f} for as many bytes")
    assert cost < 8 * plain, f"{cost / 1e6:.2f} ms, {plain / 1e6:.2f} for as many bytes"


@pytest.mark.parametrize("member, signature", [("CreateTap", "ss"), ("GetEndpoint", "u"), ("ReleaseAll", "s"),
                                               ("CreateEndpoint", "ss"), ("ReleaseEndpoints", "a{ss}"),
                                               ("ListBridges", "av"), ("Reload", "i"), ("CreateNetwork", "ssa{ss}")])
def test_what_has_another_signature_is_refused_before_anybody_asks_who_calls(world, root, member, signature):
    """This is seen by a monitor of the bus."""
    values = {"s": ("x",), "ss": ("x", "y"), "u": (1,), "av": ([],), "i": (1,), "ssa{ss}": ("x", "nat", {}),
              "a{ss}": ({},)}
    error = root.error(ROOT, MANAGER, member, signature, values[signature])
    assert error.name == DBUS_ERROR + "InvalidArgs" and f'"{signature}"' not in error.message, error
    with closing(RawClient(world, "root")) as watcher, closing(RawClient(world, "bob")) as caller:
        watch_questions(watcher)
        serials = [caller.send(ROOT, MANAGER, member, signature, values[signature]) for _ in range(3)]
        names = [caller.receive_reply(serial)[0].get_error_name() for serial in serials]
        assert set(names) == {DBUS_ERROR + "InvalidArgs"}
        assert caller.unique not in asked_about(watcher)
        caller.receive_reply(caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",)))
        assert caller.unique in asked_about(watcher)


# Callers that have left

def test_the_calls_of_a_known_caller_who_has_left_are_not_carried_out(world, root, bridge):
    before = kernel.next_ifindex()
    with closing(known(world, "root")) as caller:
        with stopped(world.pid):
            for i in range(WRITTEN - 3):  # the departure, to two matches of the service, is written too
                caller.send_create_tap(bridge, persistent=True, label=f"n{i}")
            caller.wait_for_the_bus()
            caller.close()
            assert poll(lambda: not root.bus_call("NameHasOwner", "s", (caller.unique,))[0], 5)
            # The bus knows it; after some iterations of its loop it has also told the service.
            for _ in range(5):
                root.bus_call("GetId")
    root.list_bridges()
    assert kernel.our_links() == []
    # One may already have been on its way to its handler.
    assert kernel.next_ifindex() - before in (1, 2)


def test_the_calls_of_those_who_have_left_keep_nobody_waiting(world, alice, bob, bridge):
    """Queued calls of callers that have left are not executed."""
    with ExitStack() as stack:
        callers = [stack.enter_context(closing(known(world, "alice"))) for _ in range(4)]
        with stopped(world.pid):
            # As many calls as may wait for one user, from four connections, since a bus lets each wait for 128 replies.
            for one in callers:
                for _ in range(127):
                    one.send(ROOT, MANAGER, "ListBridges")
                one.wait_for_the_bus()
                one.close()
            assert poll(lambda: not bob.bus_call("NameHasOwner", "s", (callers[-1].unique,))[0], 5)
        before = run_queue_ns(world.pid)
        assert "yes0" in alice.list_bridges()
        spent = run_queue_ns(world.pid) - before
        one = run_queue_ns(world.pid)
        alice.list_bridges()
        one = run_queue_ns(world.pid) - one
    assert spent < 200 * one, f"{spent / 1e6:.0f} ms, and {one / 1e6:.1f} for a ListBridges"


# An authorization is valid until the call is answered

@pytest.mark.deadline(60)
def test_who_said_yes_is_not_asked_again_when_the_call_then_has_to_wait(world, alice, bridges):
    bridges("ask0")
    bridges("yes0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (True, False, {}) if check.details.get("bridge") == "yes0" \
            else (None if check.interactive else (False, True, {}))
        pending = alice.start_create_tap("ask0", interactive=True, label="web")
        prompt = polkit.wait_for_check(2)
        assert prompt.interactive
        other = alice.create_tap("yes0", label="web")
        with stopped(world.pid):  # with copies of the queues, which keep this tap: its label is free when they are closed
            other.close()
            prompt.answer(True)
            for _ in range(2):
                alice.bus_call("GetId")
        endpoint, interface, _, fds = pending.result(5)
        assert kernel.link(interface)["master"] == "ask0"
        for fd in fds:
            os.close(fd)
        of_ask = [check for check in polkit.checks if check.details.get("bridge") == "ask0"]
        assert [check.interactive for check in of_ask] == [False, True]
    assert poll(lambda: not kernel.exists(interface), 3)
