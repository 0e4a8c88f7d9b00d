# SPDX-License-Identifier: LGPL-2.1-or-later
"""Identification of callers: the bus is asked once, nobody waits for its answer, and a caller that hangs up
before it gets nothing. The run queue: users are served in turn, call by call."""

import os
from contextlib import ExitStack, closing

import pytest
from vnic import kernel, variant
from vnic.client import MANAGER, ROOT
from vnic.process import poll, stopped
from vnic.rawclient import WRITTEN, RawClient, asked_about, watch_questions

WAITING_PER_CALLER = 128
LINE = 512  # calls of one user
QUESTIONS = 32  # questions about callers in flight


def answers(caller, count):
    """serial → the reply, of so many; signals are passed over. Queues that come are kept open until the last reply is
    there: a tap that ended earlier could not be asked about by one of these calls."""
    replies = {}
    with ExitStack() as queues:
        while len(replies) < count:
            message, fds = caller.receive()
            for fd in fds:
                queues.callback(os.close, fd)
            if message.get_reply_serial():
                replies[message.get_reply_serial()] = message
    return replies


def test_a_caller_who_hung_up_before_he_was_looked_at_makes_no_device(world, root, bridge):
    root.list_bridges()
    before = kernel.next_ifindex()
    with stopped(world.pid):
        for _ in range(20):
            with closing(RawClient(world, "root")) as caller:
                caller.send_create_tap(bridge)
        assert poll(lambda: not root.bus_call("NameHasOwner", "s", (caller.unique,))[0], 5)
    root.list_bridges()
    assert kernel.our_links() == []
    assert kernel.next_ifindex() == before + 1


def test_the_calls_of_one_caller_keep_their_order(world, bridge):
    with closing(RawClient(world, "root")) as caller:
        serials = []
        for i in range(10):
            serials.append(caller.send_create_tap(bridge, label=f"n{i}"))
            serials.append(caller.send(ROOT, MANAGER, "GetEndpoint", "s", (f"n{i}",)))
        replies = answers(caller, len(serials))
    assert {replies[serial].get_error_name() for serial in serials} == {None}


def test_so_many_calls_of_a_new_caller_are_kept_and_no_more(world, alice):
    alice.list_bridges()
    with closing(RawClient(world, "root")) as caller:
        with stopped(world.pid):
            serials = [caller.send(ROOT, MANAGER, "ListBridges") for _ in range(WAITING_PER_CALLER + 20)]
            for _ in range(2):  # on another connection: a bus does not let one connection wait for more replies
                alice.bus_call("GetId")
        replies = answers(caller, len(serials))
    errors = [replies[serial].get_error_name() for serial in serials]
    assert errors == [None] * WAITING_PER_CALLER + ["org.freedesktop.DBus.Error.LimitsExceeded"] * 20


def test_callers_who_have_left_before_the_bus_was_asked_about_them_cost_no_question(world, alice):
    """Everything available is read before the service asks about callers, so it learns that these have left;
    one stays."""
    alice.list_bridges()
    with closing(RawClient(world, "root")) as watcher, closing(RawClient(world, "bob")) as stays:
        watch_questions(watcher)
        names = set()
        with stopped(world.pid):
            for _ in range(200):
                with closing(RawClient(world, "bob")) as caller:
                    caller.send(ROOT, MANAGER, "ListBridges")
                    names.add(caller.unique)
            serial = stays.send(ROOT, MANAGER, "ListBridges")
            assert poll(lambda: not alice.bus_call("NameHasOwner", "s", (caller.unique,))[0], 5)
        assert stays.receive_reply(serial)[0].get_error_name() is None
        asked = asked_about(watcher)
        assert stays.unique in asked and len(asked & names) <= QUESTIONS


def test_a_caller_who_is_refused_too_much_is_served_afterwards(world):
    with closing(RawClient(world, "root")) as caller:
        with stopped(world.pid):
            for _ in range(WAITING_PER_CALLER + 20):
                caller.send(ROOT, MANAGER, "ListBridges")
        answers(caller, WAITING_PER_CALLER + 20)
        serial = caller.send(ROOT, MANAGER, "ListBridges")
        assert answers(caller, 1)[serial].get_error_name() is None


def test_many_callers_who_come_and_go_leave_no_memory_behind(world, alice):
    def storm(count):
        for i in range(count):
            with closing(RawClient(world, "alice")) as caller:
                caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
                if i % 2:
                    caller.receive()
        alice.list_bridges()

    storm(1500)  # as many callers as may be held have been there, and the sanitizers' quarantine of freed memory is full
    # One message is at least 1 KiB. What is lost is lost in every storm; what the allocator keeps for later, it keeps once.
    # A sanitizer's allocator keeps some hundred KiB more at times, as its quarantine is emptied.
    growth = []
    while len(growth) < 3 and (not growth or growth[-1] >= 640):
        before = world.service_rss()
        storm(900)
        growth.append(world.service_rss() - before)
    assert growth[-1] < 640, growth


def test_who_is_not_heard_of_any_more_is_asked_about_again(world):
    """The service remembers 64 callers; after those the first is unknown again, and is served as before."""
    with closing(RawClient(world, "alice")) as first:
        first.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
        answers(first, 1)
        with ExitStack() as stack:
            for _ in range(70):
                other = stack.enter_context(closing(RawClient(world, "bob")))
                other.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
                answers(other, 1)
            serial = first.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
            assert answers(first, 1)[serial].get_error_name() == "org.vnicd1.Error.NoSuchEndpoint"


def known(world, stack, user):
    """A caller about whom the bus has been asked already."""
    caller = stack.enter_context(closing(RawClient(world, user)))
    caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
    answers(caller, 1)
    return caller


def ifindexes(stack, caller, count):
    """The ifindexes of that many taps, in the order in which they were created."""
    found = []
    while len(found) < count:
        message, fds = caller.receive()
        for fd in fds:
            stack.callback(os.close, fd)
        if message.get_reply_serial():
            assert message.get_error_name() is None
            found.append(kernel.link(variant.unpack(message.get_body())[1])["ifindex"])
    return sorted(found)


def test_beside_a_user_who_calls_a_lot_another_waits_for_one_call(world, bridge):
    with ExitStack() as stack:
        bob, alice = known(world, stack, "bob"), known(world, stack, "alice")
        with stopped(world.pid):
            for _ in range(WRITTEN - 2):
                bob.send_create_tap(bridge)
            bob.wait_for_the_bus()
            for _ in range(2):
                alice.send_create_tap(bridge)
            alice.wait_for_the_bus()
        his, hers = ifindexes(stack, bob, WRITTEN - 2), ifindexes(stack, alice, 2)
    for i, mine in enumerate(hers):
        assert sum(number < mine for number in his) <= i + 2


@pytest.mark.parametrize("interface, member", [("ObjectManager", "GetManagedObjects"),
                                               ("Introspectable", "Introspect")])
def test_beside_a_user_who_asks_for_everything_another_waits_for_one_answer(world, interface, member):
    """The service numbers the messages it sends, so the replies tell in which order they were made."""
    with ExitStack() as stack:
        bob, alice = known(world, stack, "bob"), known(world, stack, "alice")
        with stopped(world.pid):
            for _ in range(WRITTEN - 1):
                bob.send(ROOT, f"org.freedesktop.DBus.{interface}", member)
            bob.wait_for_the_bus()
            alice.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
            alice.wait_for_the_bus()
        his = [reply.get_serial() for reply in answers(bob, WRITTEN - 1).values()]
        (hers,) = [reply.get_serial() for reply in answers(alice, 1).values()]
    assert sum(number < hers for number in his) <= 2


def test_who_has_too_many_calls_in_line_is_refused_and_nobody_else_is(world):
    """They use several connections, since the bus daemon lets each wait for 128 replies."""
    with ExitStack() as stack:
        his = [known(world, stack, "bob") for _ in range(8)]
        alice = known(world, stack, "alice")
        with stopped(world.pid):
            for bob in his:
                for _ in range(120):
                    bob.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
                bob.wait_for_the_bus()
            serial = alice.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
            alice.wait_for_the_bus()
        errors = [reply.get_error_name() for bob in his for reply in answers(bob, 120).values()]
        refused = errors.count("org.freedesktop.DBus.Error.LimitsExceeded")
        served = errors.count("org.vnicd1.Error.NoSuchEndpoint")
        assert refused > 0 and served >= LINE and refused + served == 8 * 120
        assert answers(alice, 1)[serial].get_error_name() == "org.vnicd1.Error.NoSuchEndpoint"


@pytest.mark.restarts
def test_a_call_that_waits_for_an_endpoint_to_end_is_answered_when_the_service_stops(world, bridge):
    """The removal may come while the service stops; the call would then go to its handler, which is gone."""
    for _ in range(5):
        with ExitStack() as stack:
            alice = known(world, stack, "alice")
            with world.client("alice") as client:
                tap = client.create_tap(bridge, guest_mac="52:54:00:00:66:01")
                tap.close()
                serial = alice.send_create_tap(bridge, guest_mac="52:54:00:00:66:01")
                alice.wait_for_the_bus()
                client.list_bridges()  # so it has been read
                assert world.stop_service() == 0
                reply = answers(alice, 1)[serial]
                world.start_service()
        assert reply.get_error_name() is None or "stopping" in variant.unpack(reply.get_body())[0]
    assert poll(lambda: not kernel.our_links(), 5)


def test_a_call_that_is_too_large_is_not_kept(world, alice):
    """This holds for a new caller, and for one whose calls are queued."""
    with ExitStack() as stack:
        bob = stack.enter_context(closing(RawClient(world, "bob")))
        for _ in range(2):
            with stopped(world.pid):
                large = [bob.send(ROOT, MANAGER, "GetEndpoint", "s", (text,)) for text in ("a" * 70000, "b" * 60000)]
                large.append(bob.send_create_tap("yes0", label="c" * 70000))
                bob.wait_for_the_bus()
            replies = answers(bob, len(large))
            errors = [replies[serial].get_error_name().rpartition(".")[2] for serial in large]
            assert errors[0] == errors[2] == "InvalidArgs"
            assert errors[1] == "NoSuchEndpoint"
        assert alice.list_bridges() is not None
