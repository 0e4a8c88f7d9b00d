# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who calls: the bus is asked once, nobody waits for its answer, and who hangs up before it gets nothing."""

import os
import signal
from contextlib import ExitStack, closing

from vnic import kernel
from vnic.client import MANAGER, ROOT
from vnic.process import poll
from vnic.rawclient import RawClient

WAITING_PER_CALLER = 128


class stopped:
    """The service does nothing inside; what is sent to it waits."""

    def __init__(self, world):
        self.pid = world.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def next_ifindex():
    """What the kernel gives to the next device: the one after the last that anybody made."""
    kernel.run("ip", "link", "add", "counter0", "type", "bridge")
    index = kernel.link("counter0")["ifindex"]
    kernel.del_link("counter0")
    return index + 1


def answers(caller, count):
    """serial → the reply, of so many; signals are passed over."""
    replies = {}
    while len(replies) < count:
        message, fds = caller.receive()
        for fd in fds:
            os.close(fd)
        if message.get_reply_serial():
            replies[message.get_reply_serial()] = message
    return replies


def test_a_caller_who_hung_up_before_he_was_looked_at_makes_no_device(world, root, bridge):
    root.list_bridges()
    before = next_ifindex()
    with stopped(world):
        for _ in range(20):
            with closing(RawClient(world, "root")) as caller:
                caller.send_create_tap(bridge)
        assert poll(lambda: not root.bus_call("NameHasOwner", "s", (caller.unique,))[0], 5)
    root.list_bridges()
    assert kernel.our_links() == []
    assert next_ifindex() == before + 1


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
        with stopped(world):
            serials = [caller.send(ROOT, MANAGER, "ListBridges") for _ in range(WAITING_PER_CALLER + 20)]
            alice.bus_call("GetId")
        replies = answers(caller, len(serials))
    errors = [replies[serial].get_error_name() for serial in serials]
    assert errors == [None] * WAITING_PER_CALLER + ["org.freedesktop.DBus.Error.LimitsExceeded"] * 20


def test_a_caller_who_is_refused_too_much_is_served_afterwards(world):
    with closing(RawClient(world, "root")) as caller:
        with stopped(world):
            for _ in range(WAITING_PER_CALLER + 20):
                caller.send(ROOT, MANAGER, "ListBridges")
        answers(caller, WAITING_PER_CALLER + 20)
        serial = caller.send(ROOT, MANAGER, "ListBridges")
        assert answers(caller, 1)[serial].get_error_name() is None


def test_many_callers_who_come_and_go_leave_no_memory_behind(world, alice):
    def rss():
        with open(f"/proc/{world.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024

    def storm(count):
        for i in range(count):
            with closing(RawClient(world, "alice")) as caller:
                caller.send(ROOT, MANAGER, "GetEndpoint", "s", ("nobody",))
                if i % 2:
                    caller.receive()
        alice.list_bridges()

    storm(600)
    before = rss()
    storm(900)
    # One message is 1 KiB and more; with sanitizers, which find smaller leaks themselves, freed memory is kept.
    assert rss() - before < 640


def test_who_is_not_heard_of_any_more_is_asked_about_again(world):
    """The service remembers 64; then the first is new to it again, and is served as he was."""
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
