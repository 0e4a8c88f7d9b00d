# SPDX-License-Identifier: LGPL-2.1-or-later
"""All or nothing: whichever system call of a CreateTap, an OpenTap or a CreateEndpoint fails, and in whatever
way, the state is as it was before."""

import contextlib

import pytest
from vnic import LONG, kernel
from vnic.client import NAME, BusError
from vnic.process import poll
from vnic.strace import injected

# Calls that the main thread makes for one CreateTap, those of the bus included.
SYSCALLS = ("openat", "ioctl", "sendmsg", "recvmsg")
ERRORS = ("ENOMEM", "EBUSY", "ENODEV", "EPERM", "ENOBUFS", "EMFILE", "EINTR")


@contextlib.contextmanager
def failing(world, syscall, error, number, *options):
    """From now on the service's number-th such call fails. Returns a function that tells whether it did."""
    with injected(world, syscall, f"error={error}", number, *options) as log:
        yield lambda: "(INJECTED)" in log.read_text(errors="replace")


def create_tap(client, bridge, **options):
    return client.create_tap(bridge, True, True, queues=3, **options)


def open_tap(client, bridge, **options):
    return client.open_tap(bridge, True, **options)


def create_endpoint(client, bridge, **options):
    return client.create_endpoint(bridge, queues=2, **options)


def attempt(client, bridge, make=create_tap):
    """One call with every option: (created, its error)."""
    try:
        with make(client, bridge, guest_mac="52:54:00:00:00:0f", isolated=True, label="web",
                  vnet_hdr_size=12, timeout=8):
            return True, None
    except BusError as error:
        return False, error


def check_nothing_left(world, before):
    assert all(kernel.wait_gone(name, 1.0) for name in kernel.our_links())
    assert poll(lambda: not world.root.managed_objects(), 1.0)
    assert kernel.differences(before[0], kernel.snapshot()) == []
    assert kernel.fixed_fdb("yes0") == before[1]


def has_died(world):
    """A process that has left the bus is about to exit: with sanitizers it looks for leaks first."""
    if poll(lambda: not world.service.alive(), 0.05):
        return True
    return not world.root.bus_call("NameHasOwner", "s", (NAME,))[0] and poll(lambda: not world.service.alive(), 10)


@pytest.mark.restarts
@pytest.mark.deadline(300)
@pytest.mark.parametrize("error", ERRORS if LONG else ERRORS[:1])
@pytest.mark.parametrize("syscall", SYSCALLS)
@pytest.mark.parametrize("make", (create_tap, open_tap, create_endpoint))
def test_a_system_call_that_fails_changes_nothing(world, bridge, make, syscall, error):
    before = kernel.snapshot(), kernel.fixed_fdb(bridge)
    number, hits = 0, 0
    while True:
        number += 1
        with world.client("alice") as client:
            with failing(world, syscall, error, number) as happened:
                made, problem = attempt(client, bridge, make)
                hit = happened()
            if not hit:
                break
        hits += 1
        if problem:
            # A bus connection that fails ends the service; it is started again, as its unit would do.
            gone = problem.short in ("NoReply", "ServiceUnknown", "Timeout")
            assert gone or problem.short in ("KernelError", "NotSupported", "NoMemory", "BridgeFull",
                                             "AccessDenied", "Stale", "QueueLimit"), problem
        if not has_died(world):
            check_nothing_left(world, before)
            assert made or problem
        else:
            assert syscall in ("sendmsg", "recvmsg"), "the service died of a failure that is not the bus's"
            world.start_service()
            check_nothing_left(world, before)
    assert hits > 0, "nothing was made to fail"
    with world.client("alice") as client:
        taps = [client.create_tap(bridge) for _ in range(32)]  # no charge was left behind
        for tap in taps:
            tap.close()
    assert poll(lambda: not kernel.our_links(), 3.0)


@pytest.mark.once
@pytest.mark.restarts
@pytest.mark.deadline(300)
@pytest.mark.parametrize("syscall", ("ioctl", "sendmsg"))
def test_a_persistent_tap_that_its_caller_was_not_told_of_is_taken_away(world, bridge, syscall):
    """Nothing else would remove it: it does not end with its queues."""
    before = kernel.snapshot(), kernel.fixed_fdb(bridge)
    number, refused = 0, 0
    with world.client("alice") as client:
        while True:
            number += 1
            with failing(world, syscall, "ENOBUFS", number) as happened:
                try:
                    client.create_tap(bridge, True, True, queues=3, persistent=True, label="web").release()
                except BusError:
                    refused += 1
                hit = happened()
            check_nothing_left(world, before)
            if not hit:
                break
    assert number > refused > 3


@pytest.mark.restarts
@pytest.mark.deadline(300)
@pytest.mark.parametrize("syscall", ("openat", "ioctl"))
def test_a_queue_that_could_not_be_opened_is_not_left_open(world, carol, bridge, syscall):
    """A persistent tap stays as idle as it was, and the next OpenQueue succeeds."""
    tap = carol.create_tap(bridge, True, True, persistent=True)
    number, refused = 0, 0
    while True:
        number += 1
        with failing(world, syscall, "EBUSY", number) as happened:
            try:
                tap.open_queue()
            except BusError as error:
                assert error.short in ("KernelError", "NotMultiqueue", "Stale"), error
                refused += 1
                assert poll(lambda: kernel.numqueues(tap.interface) == (0, 0), 1.0)
            hit = happened()
        tap.close()
        # Closing waits for the kernel's RTNL lock, which other worlds take as well.
        assert poll(lambda: kernel.numqueues(tap.interface) == (0, 0), 5)
        if not hit:
            break
    assert refused > 0
    tap.release()


@pytest.mark.restarts
@pytest.mark.deadline(300)
@pytest.mark.parametrize("make", (create_tap, open_tap))
def test_a_service_killed_at_any_call_of_a_creation_leaves_nothing(world, bridge, make):
    """It dies half-way; its queue fds die with it, and so does whatever was being created."""
    for syscall in ("ioctl", "sendmsg"):
        number = 0
        while True:
            number += 1
            with world.client("alice") as client, injected(world, syscall, "signal=KILL", number):
                attempt(client, bridge, make)
                # It announces the removal of the tap as well; only then is there nothing left at which to kill it.
                poll(lambda: not kernel.our_links() or not world.service.alive(), 2.0)
                poll(lambda: not world.service.alive(), 0.1)
            if world.service.alive():
                break
            world.wait_for_no_name("org.vnicd1")
            world.start_service()
            assert poll(lambda: not kernel.our_links(), 2.0), (syscall, number)
            assert not world.root.managed_objects()
        assert number > 3


@pytest.mark.deadline(180)
@pytest.mark.parametrize("syscall", ("openat", "ioctl"))
def test_a_failed_open_queues_leaves_the_count_of_the_tag_and_the_charge_as_they_were(world, alice, bridge, syscall):
    """Otherwise the user would be charged for queues that nobody was given, and as many could be opened
    unnoticed."""
    number, hits = 0, 0
    with contextlib.ExitStack() as stack:
        for queues in (16, 16, 16, 10):
            stack.enter_context(alice.create_tap(bridge, True, True, queues=queues))
        while True:
            number += 1
            with alice.create_tap(bridge, True, True, queues=2) as tap:
                before, problem = kernel.alias(tap.interface), None
                with failing(world, syscall, "ENOMEM", number) as happened:
                    try:
                        tap.open_queues(3)
                    except BusError as error:
                        problem = error
                    hit = happened()
                if not hit:
                    break
                if not problem:
                    continue
                hits += 1
                assert poll(lambda: kernel.alias(tap.interface) == before, 1.0), (kernel.alias(tap.interface), problem)
                assert kernel.numqueues(tap.interface) == (2, 0)
                with alice.create_tap(bridge, True, True, queues=4) as other:
                    pass
                assert poll(lambda: other.endpoint not in alice.managed_objects(), 2.0)
                tap.open_queues(3)
                assert kernel.numqueues(tap.interface) == (5, 0) and " queues=5 " in kernel.alias(tap.interface)
    assert hits >= 3, "each queue can fail"
