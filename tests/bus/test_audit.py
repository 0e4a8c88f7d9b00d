# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit: a structured line for each grant, denial and release, and no more than the disk can bear."""

import contextlib
import fcntl
import struct
import threading
import time

import pytest
from gi.repository import GLib
from vnic import LONG, kernel
from vnic.client import ACCESS_DENIED, ENDPOINT, MANAGER, ROOT, TAP, Client
from vnic.journal import Journal
from vnic.process import poll

pytestmark = pytest.mark.restarts

MESSAGE_IDS = {"granted": "3b4ecbc164f74f239a8ef0381c568354", "denied": "6ce25b08d6a84726b3de4af12a30c9af",
               "released": "1cd0d11ac94048278bc19ada76c6230c", "tampered": "da11e36418674572975a0e5185475007"}


@pytest.fixture
def journal(world):
    """The service logs to a journal, and no user's budget of lines is used up."""
    listening = Journal.listen()
    before = dict(world.service_env)
    world.service_env["JOURNAL_STREAM"] = "1:1"
    world.restart_service()
    listening.records.clear()
    yield listening
    world.service_env.clear()
    world.service_env.update(before)
    world.restart_service()


def test_a_grant_is_a_record(alice, bridge, journal):
    with alice.create_tap(bridge):
        (record,) = journal.wait_for(1, verdict="granted")
    assert record["VNICD_UID"] == "1001" and record["VNICD_SENDER"] == alice.unique
    assert record["VNICD_ACTION"] == "org.vnicd1.use-bridge" and record["VNICD_BRIDGE"] == "yes0"
    assert record["MESSAGE"] == "User 1001 was granted org.vnicd1.use-bridge for the bridge yes0."
    assert record["MESSAGE_ID"] == MESSAGE_IDS["granted"] and record["PRIORITY"] == "6"
    assert record["SYSLOG_IDENTIFIER"] == "vnicd" and "VNICD_ENDPOINT" not in record


def test_what_root_does_is_a_record_too(root, bridge, journal):
    with root.create_tap(bridge):
        (record,) = journal.wait_for(1, verdict="granted", uid="0")
        assert record["VNICD_ACTION"] == "org.vnicd1.use-bridge" and record["VNICD_BRIDGE"] == bridge


def test_a_denial_is_a_record(alice, bob, bridges, bridge, journal):
    bridges("no0")
    assert bob.create_tap_error("no0").name == ACCESS_DENIED
    (record,) = journal.wait_for(1, verdict="denied")
    assert record["VNICD_UID"] == "1002" and record["VNICD_SENDER"] == bob.unique
    assert record["VNICD_ACTION"] == "org.vnicd1.use-bridge" and record["VNICD_BRIDGE"] == "no0"
    assert record["MESSAGE_ID"] == MESSAGE_IDS["denied"] and record["PRIORITY"] == "5"
    with alice.create_tap(bridge, True, True, queues=1) as tap:
        bob.error(tap.endpoint, ENDPOINT, "Release")
        bob.error(tap.endpoint, TAP, "OpenQueues", "u", (1,))
        bob.error(ROOT, MANAGER, "Nonsense")  # a call of something that does not exist is no denial
        bob.error(ROOT, MANAGER, "Reload")  # polkit was not consulted: this counts as a denial as well
        _, release, queues, reload = journal.wait_for(4, verdict="denied")
        assert release["VNICD_ACTION"] == "org.vnicd1.manage-endpoints"
        assert release["VNICD_ENDPOINT"] == queues["VNICD_ENDPOINT"] == tap.interface
        assert "VNICD_ACTION" not in queues
        assert reload["VNICD_ACTION"] == "org.vnicd1.reload"


def test_a_release_is_a_record_with_who_did_it(alice, carol, root, bridge, journal):
    with alice.create_tap(bridge) as one, alice.create_tap(bridge) as two:
        one.release()
        (record,) = journal.wait_for(1, verdict="released")
        assert record["VNICD_ENDPOINT"] == one.interface and record["VNICD_UID"] == "1001"
        assert record["MESSAGE_ID"] == MESSAGE_IDS["released"]
        two.release(carol)
        (record,) = journal.wait_for(1, verdict="released", uid="1003")
        assert record["VNICD_SENDER"] == carol.unique and "of user 1001" in record["MESSAGE"]
        (record,) = journal.wait_for(1, verdict="granted", uid="1003")
        assert record["VNICD_ACTION"] == "org.vnicd1.manage-endpoints"
    with root.create_tap(bridge) as three:
        root.call(ROOT, MANAGER, "ReleaseAll")
        assert journal.wait_for(1, verdict="released", uid="0")[0]["VNICD_ENDPOINT"] == three.interface
    with carol.create_tap(bridge, label="four") as four, carol.create_tap(bridge):
        assert carol.release_endpoints(label_prefix="f") == 1
        (record,) = journal.wait_for(1, verdict="released", uid="1003", endpoint=four.interface)
        assert record["VNICD_SENDER"] == carol.unique and "of user 1003" in record["MESSAGE"]


def test_each_way_of_making_a_tap_leaves_the_same_records(alice, bob, bridges, bridge, journal):
    bridges("no0")
    for number, make in enumerate((alice.create_tap, alice.open_tap, alice.create_endpoint), 1):
        with make(bridge):
            *_, granted = journal.wait_for(number, verdict="granted")
        assert (granted["VNICD_ACTION"], granted["VNICD_BRIDGE"]) == ("org.vnicd1.use-bridge", bridge)
    for number, refused in enumerate((bob.create_tap_error, bob.open_tap_error, bob.create_endpoint_error), 1):
        assert refused("no0").name == ACCESS_DENIED
        *_, denied = journal.wait_for(number, verdict="denied")
        assert (denied["VNICD_ACTION"], denied["VNICD_BRIDGE"]) == ("org.vnicd1.use-bridge", "no0")


def tamper_with(tap):
    """The second change of the MAC address within a minute is not restored: it ends the tap."""
    name = tap.interface.encode()
    for number in (1, 2):
        address = struct.pack("16sH6s16x", name, 1, bytes((2, 0, 0, 0, 9, number)))
        fcntl.ioctl(tap.fds[0], kernel.SIOCSIFHWADDR, address)
        poll(lambda: not (kernel.link(tap.interface) or {}).get("address", "").startswith("02:"), 5)


def test_tampering_is_a_record_of_the_owner(alice, bridge, journal):
    with alice.create_tap(bridge) as tap:
        tamper_with(tap)
        (record,) = journal.wait_for(1, verdict="tampered")
    assert record["VNICD_UID"] == "1001" and record["VNICD_ENDPOINT"] == tap.interface
    assert record["PRIORITY"] == "4" and "VNICD_SENDER" not in record
    assert record["MESSAGE_ID"] == MESSAGE_IDS["tampered"] and tap.interface in record["MESSAGE"]


def test_who_only_asks_what_he_may_is_not_recorded(alice, bob, bridges, journal):
    bridges("no0")
    alice.can_create_tap("no0")
    alice.list_bridges()
    alice.get_all(ROOT, MANAGER)
    bob.create_tap_error("no0")
    journal.wait_for(1, uid="1002")
    assert [record for record in journal.audit() if record["VNICD_UID"] == "1001"] == []


def test_a_call_is_recorded_once(alice, bridges, world, journal):
    """Its handler runs twice."""
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (check.interactive, not check.interactive, {})
        with alice.create_tap("br0", interactive=True, persistent=True) as tap:
            alice.get(ROOT, MANAGER, "Version")
            (record,) = journal.wait_for(1, verdict="granted")
            assert record["VNICD_ACTION"] == "org.vnicd1.use-bridge org.vnicd1.create-persistent"
            tap.release()
    journal.wait_for(1, verdict="released")
    assert len(journal.audit()) == 2


@pytest.mark.parametrize("words", ["x\nVNICD_VERDICT=granted", "x\x1b[2J", "${bridge}", "\u202e",
                                   "a" * 100_000])
def test_the_words_of_a_client_do_not_get_in(alice, bridges, bridge, journal, words):
    bridges("no0")
    alice.create_tap_error(words)
    alice.create_tap_error(bridge, label=words)
    alice.create_tap_error(bridge, **{words[:200]: GLib.Variant("u", 1)})
    alice.error(ROOT, MANAGER, "GetEndpoint", "s", (words,))
    alice.error(ROOT, MANAGER, "N" + "o" * 200)
    alice.create_tap_error("no0", label="plain")
    (record,) = journal.wait_for(1, verdict="denied")
    assert "ooo" not in str(journal.records) and "plain" not in str(record)
    assert len(journal.audit()) == 1
    assert not any(words in str(record) for record in journal.records)


def denied_calls(client, tap, count):
    """Make that many calls that are denied, since the tap is another user's, a hundred at a time."""
    while count > 0:
        batch = [client.start(tap.endpoint, TAP, "OpenQueues", "u", (1,)) for _ in range(min(count, 100))]
        for pending in batch:
            assert pending.error().name == ACCESS_DENIED
        count -= len(batch)


def test_a_user_has_ten_lines_a_second_and_what_was_left_out_is_counted(alice, bob, root, bridges, bridge, journal):
    bridges("no0")
    begin = time.monotonic()
    with root.create_tap(bridge, True, True) as tap:
        denied_calls(alice, tap, 300)
    bob.create_tap_error("no0")
    journal.wait_for(1, uid="1002")  # another user has a limit of their own
    written = len(journal.wait_for(10, uid="1001"))
    assert 10 <= written <= 10 + 10 * (time.monotonic() - begin) + 1
    time.sleep(0.3)
    alice.create_tap_error("no0")
    last = journal.wait_for(1, uid="1001", bridge="no0")[0]
    counted = [int(record.get("VNICD_LEFT_OUT", 0)) for record in journal.audit()
               if record["VNICD_UID"] == "1001"]
    assert sum(counted) + len(counted) == 301
    assert f"{last['VNICD_LEFT_OUT']} lines before it were left out." in last["MESSAGE"]


@contextlib.contextmanager
def denied_meanwhile(client, tap):
    """Calls are denied one after the other, so that each line that becomes available again is used up at
    once."""
    over = threading.Event()

    def go_on():
        while not over.is_set():
            denied_calls(client, tap, 20)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_who_is_denied_all_the_time_does_not_tamper_unseen(alice, root, bridge, journal):
    with root.create_tap(bridge, True, True) as other, alice.create_tap(bridge) as tap, denied_meanwhile(alice, other):
        assert poll(lambda: any("VNICD_LEFT_OUT" in record for record in journal.audit()), 10)
        tamper_with(tap)
        (record,) = journal.wait_for(1, verdict="tampered")
    assert record["VNICD_UID"] == "1001" and record["VNICD_ENDPOINT"] == tap.interface


@pytest.mark.deadline(300)
def test_threat_48_a_hundred_thousand_denied_calls_write_less_than_a_mebibyte(world, root, bridge, journal):
    with Client(world, "alice") as client, root.create_tap(bridge, True, True) as tap:
        denied_calls(client, tap, 100_000 if LONG else 5_000)
    journal.wait_for(1, verdict="denied")
    size = sum(record["_SIZE"] for record in journal.records)
    assert size < (1 << 20) // (1 if LONG else 4)
    assert kernel.our_links() == []


def test_without_a_journal_it_is_a_line_on_standard_error(world, alice, bridge):
    world.restart_service()
    with alice.create_tap(bridge):
        pass
    line = poll(lambda: [one for one in world.service.output().splitlines() if "granted" in one], 5)[0]
    assert line == ("vnicd: User 1001 was granted org.vnicd1.use-bridge for the bridge yes0. "
                    "VNICD_VERDICT=granted VNICD_UID=1001 "
                    f"VNICD_SENDER={alice.unique} VNICD_ACTION=org.vnicd1.use-bridge VNICD_BRIDGE=yes0")
