# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration on the bus: grants, denials and limits of users and groups, and how it is reloaded."""

import contextlib
import os
import pwd
import signal
import socket
import threading

import pytest
from vnic import kernel
from vnic.agent import Agent
from vnic.client import ACCESS_DENIED, MANAGER, MAY_ASK, PROPERTIES, ROOT, BusError, Client, acting_as
from vnic.networks import network
from vnic.process import ROOM, poll
from vnic.world import CONFIGURATION

INVALID = "org.vnicd1.Error.InvalidConfiguration"


@pytest.fixture
def configured(world):
    """configured(text) is in force when it returns; the previous configuration is restored afterwards."""
    def apply(text, name="vnicd.conf"):
        world.configure(text, name)
        world.reload()
    yield apply
    for file in world.configuration.glob("*.conf.d/*"):
        file.unlink()
    apply(CONFIGURATION)


def test_a_group_is_granted_a_bridge_without_a_question(alice, carol, bridges, configured, world):
    bridges("no0")
    assert carol.create_tap_error("no0").name == ACCESS_DENIED
    configured("[Group vm]\nAllowBridges=no0\n")
    with world.polkit_as("none"), carol.create_tap("no0") as tap:
        assert kernel.link(tap.interface)["master"] == "no0"
        assert carol.can_create_tap("no0")[0] == "yes"
        assert carol.list_bridges()["no0"]["access"] == "yes"
    assert alice.create_tap_error("no0").name == ACCESS_DENIED
    assert alice.can_create_tap("no0")[0] == "no"


def test_a_user_is_granted_a_bridge_and_nobody_is_asked(alice, bob, bridges, configured, world):
    bridges("ask0")
    configured("[User alice]\nAllowBridges=ask0\n")
    with Agent(world, alice, "accept") as agent:
        with alice.create_tap("ask0", interactive=True):
            pass
        assert agent.prompts == []
    assert bob.create_tap_error("ask0").name == MAY_ASK


def test_a_grant_of_one_bridge_is_none_of_another(carol, bridges, configured):
    for name in ("no0", "no01", "no00"):
        bridges(name)
    configured("[Group vm]\nAllowBridges=no0\n")
    for name in ("no01", "no00"):
        assert carol.create_tap_error(name).name == ACCESS_DENIED
        assert carol.list_bridges()[name]["access"] == "no"


def test_no_bridge_at_all_can_be_granted_and_denied(alice, carol, configured):
    configured("[User alice]\nAllowBridges=-\n[User carol]\nDenyBridges=-\n")
    with alice.create_tap("-") as tap:
        assert "master" not in kernel.link(tap.interface)
    assert carol.create_tap_error("-").name == ACCESS_DENIED


def test_a_denial_wins_over_a_grant_and_over_polkit(alice, carol, root, bridges, configured):
    bridges("yes0")
    bridges("carol0")
    configured("[Group vm]\nAllowBridges=yes0 carol0\n[User carol]\nDenyBridges=yes0 carol0\n")
    for name in ("yes0", "carol0"):
        error = carol.create_tap_error(name, interactive=True)
        assert error.name == ACCESS_DENIED and "configuration" in error.message
        answer, reason = carol.can_create_tap(name)
        assert answer == "no" and "configuration" in reason
        assert carol.list_bridges()[name]["access"] == "no"
    with alice.create_tap("yes0"), root.create_tap("carol0"):
        pass


class BusWithoutGroups:
    """A relay between the service and its bus, for one connection. It renames what the bus says of groups, so
    that the service does not recognize it."""

    TOLD, HIDDEN = b"UnixGroupIDs", b"UnixGroupOld"

    def __init__(self, world):
        self.path = ROOM / "without-groups"
        self.address = f"unix:path={self.path}"
        self.hidden = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o777)
        self.listener.listen()
        self.bus = socket.socket(socket.AF_UNIX)
        with acting_as("vnicd"):  # the bus takes its peer for the user who connects
            self.bus.connect(world.bus.address.partition("path=")[2].partition(",")[0])
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        service, _ = self.listener.accept()
        threading.Thread(target=self.pass_on, args=(self.bus, service), daemon=True).start()
        self.pass_on(service, self.bus)

    def pass_on(self, source, target):
        with contextlib.suppress(OSError):
            while True:
                data, fds, _, _ = socket.recv_fds(source, 1 << 20, 64)
                if not data:
                    break
                if source is self.bus:
                    self.hidden += data.count(self.TOLD)
                    data = data.replace(self.TOLD, self.HIDDEN)
                sent = socket.send_fds(target, [data], fds)
                target.sendall(data[sent:])
                for fd in fds:
                    os.close(fd)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        self.bus.close()
        self.path.unlink()


@pytest.fixture
def without_groups(world):
    """The service on a bus that does not report groups."""
    world.stop_service()
    relay = BusWithoutGroups(world)
    world.service_env["DBUS_SYSTEM_BUS_ADDRESS"] = relay.address
    world.start_service()
    yield relay
    del world.service_env["DBUS_SYSTEM_BUS_ADDRESS"]
    world.stop_service()
    relay.close()
    world.start_service()


@pytest.mark.restarts
def test_where_the_bus_tells_no_groups_no_denial_is_lost(without_groups, carol, root, bridges, configured, world):
    """Anybody who may be in a group is denied what the group is denied; nobody gets what a group is granted
    without authorization."""
    for name in ("yes0", "yes1", "no0"):
        bridges(name)
    configured("[Group vm]\nDenyBridges=yes0\nAllowBridges=no0\nEndpoints=2\n[User carol]\nAllowBridges=yes0\n")
    with Client(world, "carol") as fresh:
        error = fresh.create_tap_error("yes0")
        assert error.name == ACCESS_DENIED and "configuration" in error.message
        assert fresh.can_create_tap("yes0")[0] == "no" and fresh.list_bridges()["yes0"]["access"] == "no"
        error = fresh.create_tap_error("no0")
        assert error.name == ACCESS_DENIED and "configuration" not in error.message
        with fresh.create_tap("yes1"), fresh.create_tap("yes1"):
            assert fresh.create_tap_error("yes1").short == "QuotaExceeded"
        with root.create_tap("yes0"):
            pass
    assert without_groups.hidden > 0, "the bus itself told groups, and the relay hid them"
    assert "does not tell the groups" in world.service.output()
    assert world.service.output().count("does not tell the groups") == 1


def test_what_is_denied_to_a_user_is_not_made_for_him_by_another(alice, bob, carol, root, bridges, configured):
    """Carol may manage other users' endpoints; that does not override alice's denial."""
    bridges("yes0")
    configured("[User alice]\nDenyBridges=yes0\n")
    error = carol.create_tap_error("yes0", owner=alice.uid)
    assert error.name == ACCESS_DENIED and "configuration" in error.message
    with carol.create_tap("yes0", owner=bob.uid) as tap, root.create_tap("yes0", owner=alice.uid) as other:
        assert tap.get("Owner") == bob.uid and other.get("Owner") == alice.uid


def test_the_limits_of_another_are_his(alice, carol, bridges, configured):
    bridges("yes0")
    configured("[User alice]\nEndpoints=1\n")
    with alice.create_tap("yes0"):
        assert carol.create_tap_error("yes0", owner=alice.uid).short == "QuotaExceeded"
        with carol.create_tap("yes0"):
            pass


def test_a_denied_group_denies_all_of_it_and_root_is_not_bound(carol, root, bridges, configured, world):
    bridges("yes0")
    configured("[Group vm]\nDenyBridges=yes0\n[Group root]\nDenyBridges=yes0\n")
    with world.polkit_as("hang") as polkit:
        assert carol.create_tap_error("yes0").name == ACCESS_DENIED
        assert polkit.checks == []
        with root.create_tap("yes0"):
            assert root.list_bridges()["yes0"]["access"] == "yes"


def test_a_grant_of_a_bridge_is_no_grant_of_persistence(carol, bridges, configured, world):
    bridges("no0")
    configured("[Group vm]\nAllowBridges=no0\n")
    error = carol.create_tap_error("no0", persistent=True)
    assert error.name == MAY_ASK and "create-persistent" in error.message
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: (True, False, {})
        tap = carol.create_tap("no0", persistent=True)
        assert [check.action for check in polkit.checks] == ["org.vnicd1.create-persistent"]
    tap.release()


def test_threat_14_the_groups_are_those_of_the_connection(world, bridges, configured, monkeypatch):
    """What NSS says of the user does not count: a login without the group has none of its grants."""
    bridges("no0")
    configured("[Group vm]\nAllowBridges=no0\n")

    def login(user, groups):
        uid = pwd.getpwnam(user).pw_uid
        with monkeypatch.context() as patch:
            patch.setattr("vnic.client.identity",
                          lambda _: {"user": uid, "group": uid, "extra_groups": groups})
            return Client(world, user)

    with login("alice", [1100, 5000]) as inside, login("carol", []) as outside:
        with inside.create_tap("no0"):
            pass
        assert outside.create_tap_error("no0").name == ACCESS_DENIED
    with login("alice", list(range(2000, 2200)) + [1100]) as many:
        with many.create_tap("no0"):
            pass


def test_the_limits_are_those_of_the_user_or_his_group(alice, bob, carol, bridge, configured):
    configured("[Limits]\nEndpoints=3\nQueues=20\n[User alice]\nEndpoints=1\n[Group vm]\nEndpoints=2\n")
    for client, most in ((alice, 1), (carol, 2), (bob, 3)):
        taps = [client.create_tap(bridge) for _ in range(most)]
        error = client.create_tap_error(bridge)
        assert error.short == "QuotaExceeded" and f"{most} is the most" in error.message
        for tap in taps:
            tap.close()
    assert poll(lambda: not kernel.our_links(), 3.0)
    with bob.create_tap(bridge, True, True, queues=16) as tap:
        assert bob.create_tap_error(bridge, True, True, queues=5).short == "QuotaExceeded"
        error = bob.error(tap.endpoint, "org.vnicd1.Tap", "OpenQueues", "u", (5,))
        assert error.short == "QuotaExceeded"


def test_the_limits_of_an_endpoint_made_for_another_are_his(carol, alice, bridge, configured):
    """A rule permits carol to do so; the endpoint counts as alice's, and carol's group gives alice
    nothing."""
    configured("[Limits]\nEndpoints=1\n[Group vm]\nEndpoints=5\n")
    with carol.create_tap(bridge, owner=alice.uid) as tap:
        assert tap.get("Owner") == alice.uid
        assert carol.create_tap_error(bridge, owner=alice.uid).short == "QuotaExceeded"
        assert alice.create_tap_error(bridge).short == "QuotaExceeded"
        with carol.create_tap(bridge):
            pass


def test_a_bridge_has_no_more_ports_than_configured(alice, bridge, configured):
    configured("[Limits]\nPortsPerBridge=1\n")
    with alice.create_tap(bridge):
        assert alice.create_tap_error(bridge).short == "BridgeFull"


def test_a_lower_limit_takes_nothing_away(alice, bridge, configured):
    with alice.create_tap(bridge) as one, alice.create_tap(bridge):
        configured("[Limits]\nEndpoints=1\n")
        assert alice.create_tap_error(bridge).short == "QuotaExceeded"
        assert kernel.exists(one.interface)


def test_new_limits_are_announced(alice, configured):
    with Client(alice.world, "bob") as listener:
        signals = listener.subscribe(PROPERTIES, "PropertiesChanged", ROOT)
        configured("[Limits]\nEndpoints=7\nQueues=9\n")
        _, _, _, values = signals.wait_for(lambda *item: "EndpointsPerUser" in item[3][1])
        assert values[1] == {"EndpointsPerUser": 7, "QueuesPerUser": 9}
        assert alice.get(ROOT, MANAGER, "EndpointsPerUser") == 7
        signals.clear()
        configured("[Limits]\nEndpoints=7\nQueues=9\n")
        alice.get(ROOT, MANAGER, "Version")
        listener.get(ROOT, MANAGER, "Version")
        assert signals.all() == []
        configured("[User alice]\nEndpoints=1\n")
        assert alice.get(ROOT, MANAGER, "EndpointsPerUser") == 32


@pytest.fixture
def changes(world):
    """What is announced of the Manager's properties: name → the last value of each."""
    with Client(world, "bob") as listener:
        signals = listener.subscribe(PROPERTIES, "PropertiesChanged", ROOT)
        yield lambda: {name: value for _, _, _, (_, told, _) in signals.all() for name, value in told.items()}


@pytest.mark.parametrize("line, name, value", [("Endpoints=7", "EndpointsPerUser", 7),
                                               ("Queues=9", "QueuesPerUser", 9)])
def test_a_limit_is_announced_though_it_is_the_only_one_that_changes(alice, changes, configured, line, name, value):
    configured(f"[Limits]\n{line}\n")
    assert poll(lambda: changes().get(name) == value, 5), changes()
    assert alice.get(ROOT, MANAGER, name) == value
    configured("[Limits]\n")
    assert poll(lambda: changes().get(name) not in (None, value), 5), changes()
    assert alice.get(ROOT, MANAGER, name) == changes()[name]


def test_a_default_network_is_announced_when_its_definition_comes_and_goes(alice, changes, configured, world):
    file = world.configuration / "networks" / "vnicbr0.conf"
    try:
        configured("[Network]\nKind=isolated\n", "networks/vnicbr0.conf")
        assert poll(lambda: changes().get("DefaultBridge") == "vnicbr0", 5), changes()
        assert alice.get(ROOT, MANAGER, "DefaultBridge") == "vnicbr0"
    finally:
        file.unlink()
        world.reload()
    assert poll(lambda: changes().get("DefaultBridge") == "", 5), changes()
    assert alice.get(ROOT, MANAGER, "DefaultBridge") == ""


def test_a_default_network_that_somebody_makes_and_deletes_is_announced(alice, root, changes):
    with network(root, "vnicbr0", "isolated", services=False):
        assert poll(lambda: changes().get("DefaultBridge") == "vnicbr0", 5), changes()
        assert alice.get(ROOT, MANAGER, "DefaultBridge") == "vnicbr0"
    assert poll(lambda: changes().get("DefaultBridge") == "", 5), changes()
    assert alice.get(ROOT, MANAGER, "DefaultBridge") == ""


def test_only_who_may_reloads(alice, bob, root, configured, world):
    for client in (alice, bob):
        assert client.error(ROOT, MANAGER, "Reload").name == MAY_ASK
    with Agent(world, alice, "accept") as agent:
        alice.call(ROOT, MANAGER, "Reload", interactive=True)
        assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.reload"]
    assert root.call(ROOT, MANAGER, "Reload") == ()


BAD = [("[Limits]\nEndpoints=many\n", "2"), ("[Limits]\n\nNonsense=1\n", "3"), ("[Nonsense]\n", "1"),
       ("Endpoints=1\n", "1")]


@pytest.mark.parametrize("text,line", BAD)
def test_a_bad_file_is_refused_and_the_last_good_one_stays(alice, root, bridges, configured, world, text, line):
    bridges("yes0")
    configured("[User alice]\nDenyBridges=yes0\n[Limits]\nEndpoints=5\n")
    world.configure(text)
    error = root.error(ROOT, MANAGER, "Reload")
    assert error.name == INVALID
    assert str(world.configuration / "vnicd.conf") in error.message and f"{line}" in error.message
    assert "configuration" in alice.create_tap_error("yes0").message
    assert alice.get(ROOT, MANAGER, "EndpointsPerUser") == 5


def test_files_of_the_folder_are_read_too_and_named_when_bad(alice, root, bridges, configured, world):
    bridges("no0")
    configured("[User alice]\nAllowBridges=no0\n", "vnicd.conf.d/50-alice.conf")
    with alice.create_tap("no0"):
        pass
    world.configure("[User nobody-of-that-name]\nEndpoints=x\n", "vnicd.conf.d/60-bad.conf")
    error = root.error(ROOT, MANAGER, "Reload")
    assert error.name == INVALID and "60-bad.conf" in error.message


def test_sighup_reads_it_too_and_says_what_is_wrong(alice, bridges, configured, world):
    bridges("yes0")
    configured("[User alice]\nDenyBridges=yes0\n")
    world.configure(CONFIGURATION)
    world.signal_service(signal.SIGHUP)

    def may():
        try:
            alice.create_tap("yes0").close()
        except BusError:
            return False
        return True
    assert poll(may, 5)
    world.configure("[Limits]\nEndpoints=many\n")
    world.signal_service(signal.SIGHUP)
    assert poll(lambda: "vnicd.conf" in world.service.output() and "many" in world.service.output(), 5)
    alice.create_tap("yes0").close()


def test_many_reloads_at_once_are_all_answered(root, configured, world):
    fds = world.service_fds()
    pending = [root.start(ROOT, MANAGER, "Reload") for _ in range(100)]
    for call in pending:
        assert call.result() == ()
    assert world.service_fds() <= fds + 1


@pytest.mark.restarts
def test_reloads_are_answered_when_the_service_stops(root, configured, world):
    pending = [root.start(ROOT, MANAGER, "Reload") for _ in range(50)]
    world.stop_service()
    for call in pending:
        try:
            call.result()
        except BusError as error:
            assert error.short in ("KernelError", "ServiceUnknown", "NoReply", "NameHasNoOwner"), error
    world.start_service()


def test_who_reloads_gets_what_was_written_before_he_asked(root, alice, configured, world):
    for number in range(1, 30):
        first = root.start(ROOT, MANAGER, "Reload")
        world.configure(f"[Limits]\nEndpoints={number}\n")
        second = root.start(ROOT, MANAGER, "Reload")
        second.result()
        first.result()
        assert alice.get(ROOT, MANAGER, "EndpointsPerUser") == number


def test_a_question_that_is_open_meets_the_new_configuration(alice, bridges, configured, world):
    bridges("br0")
    with world.polkit_as("hang") as polkit:
        pending = alice.start_create_tap("br0")
        check = polkit.wait_for_check()
        configured("[User alice]\nDenyBridges=br0\n")
        check.answer(True)
        error = pending.error()
        assert error.name == ACCESS_DENIED and "configuration" in error.message
    assert kernel.our_links() == []


@pytest.mark.restarts
@pytest.mark.parametrize("text,line", BAD[:2])
def test_a_start_with_a_bad_file_fails_closed(world, text, line):
    """Otherwise what it denies would be allowed."""
    world.stop_service()
    world.configure(text)
    try:
        world.start_service(wait=False)
        assert world.service.wait() == os.EX_CONFIG == 78
        assert world.owner_of("org.vnicd1") is None
        said = world.service.output()
        assert str(world.configuration / "vnicd.conf") in said and line in said
    finally:
        world.configure()
        world.start_service()


@pytest.mark.restarts
def test_it_starts_without_any_file(world, alice):
    before = dict(world.service_env)
    world.service_env["CONFIGURATION_DIRECTORY"] = "/run/vnicd-world/there-is-none"
    try:
        world.restart_service()
        assert alice.get(ROOT, MANAGER, "EndpointsPerUser") == 32
    finally:
        world.service_env.update(before)
        world.restart_service()
