# SPDX-License-Identifier: LGPL-2.1-or-later
"""The threats to the bus side, by their numbers. Those that have a test elsewhere:

 3  parameters that change      test_authority: two_calls_of_one_connection_get_what_each_was_allowed
 5  the weaker action           test_gate
 6  policy without effect       test_authority: the_policy_is_what_polkit_really_knows
14  racy credentials            test_configuration: threat_14
15  squatting, open bus policy  test_dbus: the_name_is_the_services_own; the contract test "policy"
16  oversized messages          test_dbus: oversize_and_odd_messages, random_options
17  fds of clients              test_dbus: a_message_with_fds_does_not_get_through
18  too many fds in a reply     test_options, test_ownership: queues_are_opened_sixteen_at_a_time
19  unread replies              test_lifetime: nothing_piles_up_with_a_caller_who_does_not_read
23  persistence by a holder     test_tamper; so 24 (foreign queues), 30 and 31 (MACs), 42 (events)
25  attaching to what exists    unit: tap, a_name_that_is_taken_is_never_attached_to
26  names                       unit: ifname, tag; test_options
27  truncation                  test_options: a_name_of_no_bridge_is_refused
32  forged sources              test_anti_spoof; so 50 (MACs claimed)
37  ifindex reuse               unit: deletion
38  a bridge swapped meanwhile  test_authority; so 49 (a tap on no bridge)
39  resources of the kernel     test_ownership, test_bridge
40  slow teardown               test_lifetime; so 42 (lost messages), 44 (decoys), 45 (dead meanwhile)
43  restarts                    test_restart
48  log flooding, injection     test_audit
51  a small MTU                 test_bridge
52  same uid, different trust   test_ownership
"""

import contextlib
import random
import time

import pytest
from vnic import LONG, kernel
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, ROOT, TAP, BusError, Client, Tap, close_fds
from vnic.process import ROOM, poll
from vnic.rawclient import INTERACTIVE, RawClient


def test_threat_01_the_subject_is_always_the_callers_unique_name(world, alice, bob, bridges, bridge):
    bridges("br0")
    with alice.create_tap(bridge) as tap, world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (False, True, {}) if not check.interactive else (False, False, {})
        bob.create_tap_error("br0", interactive=True, persistent=True, owner=1001)
        bob.open_tap_error("br0", interactive=True, owner=1001)
        bob.can_create_tap("br0")
        bob.list_bridges()
        bob.error(tap.endpoint, ENDPOINT, "Release", interactive=True)
        bob.error(ROOT, MANAGER, "Reload", interactive=True)
        assert len({check.action for check in polkit.checks}) == 4
        assert {check.subject[0] for check in polkit.checks} == {"system-bus-name"}
        assert all(check.subject[1] == {"name": bob.unique} for check in polkit.checks)


@pytest.mark.deadline(900 if LONG else 120)
def test_threat_02_a_client_that_dies_while_it_is_asked_about_gets_nothing(world, bridges):
    """Polkit answers yes for it in the end, alive or not; one that stays alive proves that it could."""
    bridges("br0")
    numbers = random.Random(2)
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (True, False, {})
        for number in range(5000 if LONG else 200):
            client = RawClient(world, "alice")
            client.send_create_tap("br0", flags=INTERACTIVE if number % 2 else 0)
            time.sleep(numbers.randrange(500) / 10_000 * (1 if number % 4 else 0))
            client.close()
        assert poll(lambda: kernel.our_links() == [], 3)
        assert kernel.ports("br0") == []
        # A caller that is gone before the answer gets nothing: no tap is created, persistent or not.
        polkit.auto = None
        for persistent in (False, True):
            client = Client(world, "alice")
            seen = len(polkit.checks)
            client.start_create_tap("br0", persistent=persistent)
            checks = [polkit.wait_for_check(seen + 1 + number) for number in range(1 + persistent)]
            client.drop()
            for check in checks:
                polkit.wait_for_cancel(check)
        with Client(world, "alice") as alive:
            polkit.auto = lambda check: (True, False, {})
            with alive.create_tap("br0") as tap:
                assert kernel.our_links() == [tap.interface]


@pytest.mark.restarts
def test_threat_07_before_polkit_has_answered_nothing_is_made(world, alice, bob, bridges):
    """The system calls of a service that denies: there is no TUNSETIFF, and nothing is written to the kernel
    but queries (RTM_GET...)."""
    bridges("no0")
    log = ROOM / "strace-threat-07"
    wrap, command = world.wrap, ["strace", "-f", "-qq", "-s", "256", "-o", str(log), "-e",
                                 "trace=ioctl,sendmsg,sendto,openat,execve"]
    world.stop_service()
    world.wrap = command
    try:
        world.start_service()
        alice.get(ROOT, MANAGER, "Version")
        begin = len(log.read_text().splitlines())
        for options in ({}, {"queues": 2}, {"guest_mac": "52:54:00:00:00:01"}, {"persistent": True},
                        {"owner": 1001}, {"offloads": ["csum"]}):
            error = bob.create_tap_error("no0", True, True, interactive=True, **options)
            assert error.name == ACCESS_DENIED
        assert bob.open_tap_error("no0", interactive=True).name == ACCESS_DENIED
        bob.can_create_tap("no0")
        bob.list_bridges()
        bob.error(ROOT, MANAGER, "Reload")
        world.stop_service()
        lines = log.read_text().splitlines()[begin:]
    finally:
        world.wrap = wrap
        world.start_service()
    text = "\n".join(lines)
    assert "CheckAuthorization" in text and "RTM_GETLINK" in text  # it has checked the state, and asked polkit
    for word in ("TUNSETIFF", "TUNSETOWNER", "TUNSETPERSIST", "RTM_NEW", "RTM_DEL", "RTM_SET", "execve",
                 "/dev/net/tun", "vnicd.conf"):
        assert word not in text, [line for line in lines if word in line]


@pytest.mark.deadline(120)
def test_threat_13_a_storm_of_prompts_shows_two_and_keeps_nobody_waiting(world, bob, bridges):
    """1,000 calls that allow interaction come from 50 connections of one user, and an administrator never
    answers."""
    bridges("br0")
    with world.polkit_as("hang") as polkit, contextlib.ExitStack() as stack:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        clients = [stack.enter_context(Client(world, "alice")) for _ in range(50)]
        pending = [client.start_create_tap("br0", interactive=True, timeout=100)
                   for _ in range(20) for client in clients]
        slowest = 0
        for _ in range(20):
            begin = time.monotonic()
            bob.get(ROOT, MANAGER, "Version")
            assert bob.can_create_tap("br0")[0] == "challenge"
            slowest = max(slowest, time.monotonic() - begin)
        assert poll(lambda: sum(call.done() for call in pending) == 998, 30)
        shown = [check for check in polkit.checks if check.interactive]
        assert len(shown) == 2 and len({check.bus_name for check in shown}) == 2
        for call in pending:
            if call.done():
                assert call.error().short == "LimitsExceeded"
        other = bob.start_create_tap("br0", interactive=True)
        assert poll(lambda: sum(check.interactive for check in polkit.checks) == 3, 5)
        for check in polkit.checks:
            if check.interactive:
                check.answer(False)
        assert other.error().name == ACCESS_DENIED
        assert slowest < 5, f"another user waited {slowest:.3f} s"


@pytest.mark.deadline(120)
def test_threat_20_many_connections_of_one_user_have_his_limits(world, bob, bridge):
    """There are as many as the bus allows, each with a call: 32 taps, and another user has a limit of their
    own."""
    with contextlib.ExitStack() as stack:
        clients = []
        with contextlib.suppress(BusError):  # the bus has a limit of its own
            while len(clients) < 250:
                clients.append(stack.enter_context(Client(world, "alice")))
        assert len(clients) > 200
        made, errors = [], []
        for part in range(0, len(clients), 50):
            for pending in [client.start_create_tap(bridge) for client in clients[part:part + 50]]:
                try:
                    made.append(pending.result())
                except BusError as error:
                    errors.append(error.short)
        assert len(made) == 32 and set(errors) == {"QuotaExceeded"}
        assert len(kernel.our_links()) == 32
        with bob.create_tap(bridge):
            pass
        for reply in made:
            close_fds(reply)
        assert poll(lambda: kernel.our_links() == [], 5)
        taps = [clients[-1].create_tap(bridge) for _ in range(32)]  # nothing is charged any more
        for tap in taps:
            tap.close()


def test_threat_20_creations_come_in_bursts_of_so_many(world, bob, carol, bridge):
    """The limit is not by connection, and not by what exists; another user has a limit of their own, and root
    has none."""
    world.configure("[Limits]\nCreations=100000\n[User carol]\nCreations=10\n")
    world.reload()
    try:
        errors = 0
        for _ in range(15):
            with Client(world, "carol") as client:
                try:
                    client.create_tap(bridge).close()
                except BusError as error:
                    assert error.short == "LimitsExceeded" and "10" in error.message
                    errors += 1
        # Another one becomes available every two seconds.
        assert 3 <= errors <= 5
        with bob.create_tap(bridge), world.root.create_tap(bridge):
            pass
    finally:
        world.configure()
        world.reload()


def test_threat_21_nobody_gets_at_anothers_endpoint_by_any_name(world, alice, bob, root, bridge):
    """They try its path, name, index and alternative name, also after a rename, and when its owner no longer
    has an account."""
    with alice.create_tap(bridge, True, True, queues=1) as tap, \
            root.create_tap(bridge, owner=4242, label="orphan") as orphan:
        kernel.run("ip", "link", "property", "add", "dev", tap.interface, "altname", "alias0")
        assert bob.call(ROOT, MANAGER, "GetEndpoint", "s", (tap.interface,)) == (tap.endpoint,)
        for name in ("alias0", str(tap.get("Ifindex"))):
            assert bob.error(ROOT, MANAGER, "GetEndpoint", "s", (name,)).short == "NoSuchEndpoint"
            path = f"/org/vnicd1/endpoint/{name}"
            assert bob.error(path, ENDPOINT, "Release").short in ("UnknownObject", "UnknownMethod")
        for one in (tap, orphan):
            for interface, member, signature, values in ((ENDPOINT, "Release", "", ()),
                                                         (TAP, "OpenQueues", "u", (1,)),
                                                         (TAP, "OpenQueue", "", ())):
                assert bob.error(one.endpoint, interface, member, signature, values).name == ACCESS_DENIED
        kernel.run("ip", "link", "set", tap.interface, "down")
        kernel.run("ip", "link", "set", tap.interface, "name", "renamed0")
        kernel.up("renamed0")
        assert poll(lambda: tap.get("Interface") == "renamed0", 1.0)
        assert bob.error(tap.endpoint, ENDPOINT, "Release").name == ACCESS_DENIED
        assert bob.call(ROOT, MANAGER, "ReleaseAll") == (0,)
        assert kernel.exists("renamed0") and kernel.exists(orphan.interface)
        assert kernel.numqueues("renamed0") == (1, 0)


def test_threat_22_the_refusal_of_a_foreign_endpoint_always_reads_the_same(world, alice, bob, bridge, bridges):
    bridges("br1")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: ("manage" not in check.action, False, {})
        persistent = alice.create_tap(bridge, persistent=True, label="lasting")
        taps = [alice.create_tap(bridge), alice.create_tap("br1", True, True, queues=2, label="web"),
                alice.create_tap("-"), persistent]
        said = set()
        for tap in taps:
            error = bob.error(tap.endpoint, ENDPOINT, "Release")
            assert error.name == ACCESS_DENIED
            said.add(error.message.replace(tap.interface, "IT"))
        assert len(said) == 1
        said = {bob.error(tap.endpoint, TAP, *call).message for tap in taps
                for call in (("OpenQueues", "u", (1,)), ("OpenQueue",))}
        assert len(said) == 1
        for label in ("web", "lasting"):
            assert bob.error(ROOT, MANAGER, "GetEndpoint", "s", (label,)).short == "NoSuchEndpoint"
        persistent.release()
        for tap in taps:
            tap.close()


@pytest.mark.restarts
def test_threat_47_without_polkit_root_works_and_nobody_else_and_configured_grants_hold(
        world, alice, root, bridges):
    """More of this is in test_authority (polkit is missing, dies, hangs, fails)."""
    bridges("yes0")
    world.configure("[User carol]\nAllowBridges=yes0\n")
    world.reload()
    try:
        with world.polkit_as("none"):
            assert alice.create_tap_error("yes0", interactive=True).name == ACCESS_DENIED
            assert alice.error(ROOT, MANAGER, "Reload", interactive=True).name == ACCESS_DENIED
            with root.create_tap("yes0"), Client(world, "carol") as carol, carol.create_tap("yes0"):
                assert len(kernel.our_links()) == 2
            world.restart_service()
            assert alice.create_tap_error("yes0").name == ACCESS_DENIED
        with alice.create_tap("yes0"):
            pass
    finally:
        world.configure()
        world.reload()


def test_threat_03_two_calls_on_their_way_keep_their_own_arguments(world, alice, bridges):
    """Hundreds of them, in one stream, are answered in random order: each tap is what its own call
    requested."""
    for name in ("br0", "br1"):
        bridges(name)
    numbers = random.Random(3)
    with world.polkit_as("hang") as polkit:
        for _ in range(10):
            polkit.checks.clear()
            calls = [(name, f"{name}-{number}", numbers.randint(1, 2)) for number in range(4)
                     for name in ("br0", "br1")]
            pending = [alice.start_create_tap(name, True, True, label=label, queues=queues)
                       for name, label, queues in calls]
            polkit.wait_for_check(len(calls))
            checks = list(polkit.checks)
            numbers.shuffle(checks)
            allowed = {}
            for check in checks:
                verdict = numbers.random() < 0.5
                key = check.details["bridge"], check.details["queues"]
                allowed.setdefault(key, []).append(verdict)
                check.answer(verdict)
            for (name, label, queues), call in zip(calls, pending, strict=True):
                try:
                    with Tap(alice, *call.result()) as tap:
                        assert True in allowed[name, str(queues)]
                        allowed[name, str(queues)].remove(True)
                        assert kernel.link(tap.interface)["master"] == name
                        assert (tap.get("Label"), len(tap.fds)) == (label, queues)
                except BusError as error:
                    assert error.name == ACCESS_DENIED
                    allowed[name, str(queues)].remove(False)
            assert all(verdicts == [] for verdicts in allowed.values())
            assert poll(lambda: kernel.our_links() == [], 3)
