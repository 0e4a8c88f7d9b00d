# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which networks systemd-resolved is told of, so that the host resolves the names of their guests, and in which
order; and what the rule for that allows, according to the real polkitd."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import threading

import pytest
from gi.repository import Gio, GLib
from vnic import kernel, loop
from vnic.client import Client
from vnic.machine import Machine
from vnic.networks import NETWORK, as_service, defined, network, path_of, served
from vnic.polkit import AUTHORITY
from vnic.polkit import NAME as POLKIT
from vnic.polkit import PATH as POLKIT_PATH
from vnic.process import ROOM, Process, poll

pytestmark = [pytest.mark.deadline(90), pytest.mark.once]

RESOLVED, PATH = "org.freedesktop.resolve1", "/org/freedesktop/resolve1"
INTERFACE = f"""<node><interface name="{RESOLVED}.Manager">
<method name="SetLinkDefaultRoute"><arg type="i" direction="in"/><arg type="b" direction="in"/></method>
<method name="SetLinkDomains"><arg type="i" direction="in"/><arg type="a(sb)" direction="in"/></method>
<method name="SetLinkDNS"><arg type="i" direction="in"/><arg type="a(iay)" direction="in"/></method>
<method name="GetLink"><arg type="i" direction="in"/><arg type="o" direction="out"/></method>
</interface><interface name="{RESOLVED}.Link"><property name="Domains" type="a(sb)" access="read"/></interface></node>"""
LINK = PATH + "/link/the_only_one"
LINGER = 10  # seconds that a network outlives its last port


class FakeResolved:
    """Owns resolved's name for the length of a `with`, and keeps what it was told."""

    def __init__(self, world, refuse=None):
        self.world, self.refuse, self.told = world, refuse, []
        self._arrived = threading.Condition()

    def __enter__(self):
        self.client = Client(self.world, "root")
        manager, link = Gio.DBusNodeInfo.new_for_xml(INTERFACE).interfaces
        loop.do(lambda: self.client.connection.register_object(PATH, manager, self._called, None, None))
        loop.do(lambda: self.client.connection.register_object(LINK, link, None, self._domains, None))
        assert self.client.bus_call("RequestName", "su", (RESOLVED, 4)) == (1,)
        return self

    def __exit__(self, *_):
        self.client.close()
        self.world.wait_for_no_name(RESOLVED)

    def _called(self, _connection, _sender, _path, _interface, member, parameters, invocation):
        if member == "GetLink":
            invocation.return_value(GLib.Variant("(o)", (LINK,)))
            return
        with self._arrived:
            self.told.append((member, *parameters.unpack()))
            self._arrived.notify_all()
        if self.refuse:
            invocation.return_dbus_error(self.refuse, "not you")
        else:
            invocation.return_value(None)

    def _domains(self, *_):
        told = [] if self.refuse else [domain for one in self.told if one[0] == "SetLinkDomains" for domain in one[2]]
        return GLib.Variant("a(sb)", told)

    def wait_for(self, count, timeout=5):
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.told) >= count, timeout), self.told
        return self.told


@pytest.fixture
def define(world):
    """define("Domain=…", …): see networks.defined()."""
    with defined(world, LINGER + 5) as write:
        yield write


def expected(domain="yesdef.internal"):
    number = socket.if_nametoindex("yesdef")
    return [("SetLinkDefaultRoute", number, False), ("SetLinkDomains", number, [(domain, True)]),
            ("SetLinkDNS", number, [(socket.AF_INET, list(socket.inet_aton("10.79.0.1")))])]


def settled(alice):
    """What vnicd had to say about a network that comes up was said before it answers this."""
    alice.list_bridges()
    alice.list_bridges()


@pytest.mark.parametrize("domain", ["yesdef.internal", "yesdef.home.arpa", "yesdef.test"])
def test_resolved_learns_who_serves_a_network_and_its_domain_alone(world, alice, define, domain):
    define(f"Domain={domain}")
    with FakeResolved(world) as resolved, alice.create_tap("yesdef", False):
        assert resolved.wait_for(3) == expected(domain)


@pytest.mark.parametrize("domain", ["internal", "com", "yesdef.com", "yesdef", "example.org", "google.internal", "a.yesdef.internal",
                                    "yesdef.a.internal", "xyesdef.internal", "yesdef.local", "yesdef.internal.com"])
def test_no_domain_that_may_be_somebody_elses_is_told(world, alice, define, domain):
    define(f"Domain={domain}")
    with FakeResolved(world) as resolved, alice.create_tap("yesdef", False):
        settled(alice)
        assert resolved.told == []


def test_nobody_points_the_resolver_of_the_host_at_a_network_that_they_create(world, root, alice, define):
    """Neither with a domain of their choice nor with the usual one, even if a definition of that name comes
    later and resolved is restarted then."""
    with FakeResolved(world) as resolved:
        for options in ({}, {"domain": "yesdef.internal"}, {"domain": "com"}):
            with network(root, "yesdef", "isolated", services=False, addresses=["10.79.0.1/28"], **options):
                settled(alice)
        assert resolved.told == []
    with network(root, "yesdef", "isolated", services=False, addresses=["10.79.0.1/28"]):
        define()
        with FakeResolved(world) as resolved:
            settled(alice)
            assert resolved.told == []


def test_without_names_there_is_nothing_to_tell(world, alice, define):
    define("HostAccess=yes")
    world.configure("[Network]\nKind=isolated\nHostAccess=no\n", "networks/yesdef.conf")
    world.reload()
    with FakeResolved(world) as resolved, alice.create_tap("yesdef", False):
        settled(alice)
        assert resolved.told == []


@pytest.mark.restarts
def test_a_resolved_or_a_vnicd_that_is_restarted_learns_it_again(world, alice, define):
    define()
    with alice.create_tap("yesdef", False):
        for _ in range(2):
            with FakeResolved(world) as resolved:
                assert resolved.wait_for(3) == expected()
        with FakeResolved(world) as resolved:
            assert resolved.wait_for(3) == expected()
            world.restart_service()
            assert resolved.wait_for(6) == expected() * 2


def test_what_is_refused_is_said_once_and_no_failure(world, alice, define):
    define()
    with FakeResolved(world, refuse="org.freedesktop.DBus.Error.InteractiveAuthorizationRequired") as resolved:
        before = world.service.output().count("systemd-resolved refused")
        with alice.create_tap("yesdef", False) as tap:
            assert [one[0] for one in resolved.wait_for(1)] == ["SetLinkDefaultRoute"]
            assert poll(lambda: world.service.output().count("systemd-resolved refused") == before + 1, 5)
            assert alice.get(path_of("yesdef"), NETWORK, "Warnings") == [
                text for text in alice.get(path_of("yesdef"), NETWORK, "Warnings") if "resolve" not in text]
            assert kernel.exists(tap.interface)
        world.root.call(path_of("yesdef"), NETWORK, "Delete")
        assert poll(lambda: not kernel.exists("yesdef"), 5)
        with alice.create_tap("yesdef", False):
            assert len(resolved.wait_for(2)) == 2
            settled(alice)
        assert world.service.output().count("systemd-resolved refused") == before + 1


@pytest.mark.parametrize("refuse", [None, "org.freedesktop.DBus.Error.AccessDenied"])
def test_doctor_says_what_to_do_where_resolved_was_not_told(world, root, alice, define, refuse):
    define()
    with FakeResolved(world, refuse) as resolved, alice.create_tap("yesdef", False), \
            network(root, "yesmade", "isolated", services=False, domain="com"):
        resolved.wait_for(1 if refuse else 3)
        _, out, _ = world.output_as("alice", [world.tool("vnicctl"), "doctor", "--json"])
        found = [one for one in json.loads(out) if one["check"] == "names"]
        assert [(one["state"], "yesdef" in one["text"]) for one in found] == [("note" if refuse else "ok", True)], found
        cure = found[0]["cure"]
        assert cure is None or cure.split("; ") == [
            "resolvectl default-route yesdef no", "resolvectl domain yesdef '~yesdef.internal'",
            "resolvectl dns yesdef 10.79.0.1"]
        assert (cure is None) == (refuse is None)


def test_a_signal_that_the_bus_did_not_send_changes_nothing(world, alice, define):
    define()
    with FakeResolved(world) as resolved, alice.create_tap("yesdef", False):
        resolved.wait_for(3)
        forged = Gio.DBusMessage.new_signal("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged")
        forged.set_body(GLib.Variant("(sss)", (RESOLVED, "", ":1.1")))
        with Client(world, "bob") as stranger:
            with contextlib.suppress(GLib.Error):
                stranger.send(forged)
        settled(alice)
        assert len(resolved.told) == 3


# The rule

ACTIONS = [f"{RESOLVED}.set-{what}" for what in ("dns-servers", "domains", "default-route", "dnssec", "llmnr")]
POLICY = """<?xml version="1.0"?>
<!DOCTYPE policyconfig PUBLIC "-//freedesktop//DTD polkit Policy Configuration 1.0//EN"
  "http://www.freedesktop.org/software/polkit/policyconfig-1.dtd">
<policyconfig>{}</policyconfig>
"""
ACTION = """<action id="{}"><description>x</description><message>x</message><defaults><allow_any>auth_admin</allow_any>
<allow_inactive>auth_admin</allow_inactive><allow_active>auth_admin_keep</allow_active></defaults></action>"""


@pytest.fixture
def rule(world):
    """The rule as it is installed, for definitions in a folder of the test's."""
    policy = ROOM / "actions" / "org.freedesktop.resolve1.policy"
    policy.write_text(POLICY.format("".join(ACTION.format(one) for one in ACTIONS)), encoding="ascii")
    policy.chmod(0o644)
    definitions = ROOM / "definitions"
    definitions.mkdir(exist_ok=True)
    definitions.chmod(0o755)
    (definitions / "lab-2.conf").write_text("", encoding="ascii")
    text = (pathlib.Path(os.environ["VNICD_SOURCE"]) / "networks" / "60-vnicd-names.rules").read_text(encoding="ascii")
    assert '"/etc/vnicd/networks/"' in text
    world.polkit.add_rule(text.replace("/etc/vnicd/networks", str(definitions)), "60-vnicd-names")
    world.polkit.restart()
    yield
    world.polkit.remove_rule("60-vnicd-names")
    policy.unlink()
    world.polkit.restart()


def allowed(world, user, action, details):
    with world.client(user) as caller:
        name = caller.connection.get_unique_name()
        return world.root.call(POLKIT_PATH, AUTHORITY, "CheckAuthorization", "(sa{sv})sa{ss}us",
                               (("system-bus-name", {"name": GLib.Variant("s", name)}), action, details, 0, ""),
                               destination=POLKIT)[0][0]


def test_the_rule_is_for_vnicd_and_networks_that_are_defined(world, rule):
    for action in ACTIONS[:3]:
        assert allowed(world, "vnicd", action, {"interface": "lab-2"})
        for details in ({}, {"interface": ""}, {"interface": "eth0"}, {"interface": "../lab-2"}, {"interface": "lab-2.conf"},
                        {"interface": "lab-2\n"}, {"interface": "-f"}, {"bridge": "lab-2"}):
            assert not allowed(world, "vnicd", action, details), details
        for user in ("alice", "carol", "vnicd-network"):
            assert not allowed(world, user, action, {"interface": "lab-2"})
    for action in ACTIONS[3:]:
        assert not allowed(world, "vnicd", action, {"interface": "lab-2"})


# The real one. Where it is installed it serves the host, so the tests do not install it: VNICD_TEST_RESOLVED may name a
# folder into which the package was unpacked (apt-get download systemd-resolved; dpkg-deb -x … FOLDER).

UNPACKED = pathlib.Path(os.environ.get("VNICD_TEST_RESOLVED", "/"))
PROGRAM = next((path for path in (UNPACKED / "lib/systemd/systemd-resolved", UNPACKED / "usr/lib/systemd/systemd-resolved")
                if path.exists()), None)
RESOLVED_POLICY = UNPACKED / "usr/share/polkit-1/actions/org.freedesktop.resolve1.policy"


@pytest.fixture
def real_resolved(world):
    """systemd-resolved, as the user that the bus of the world allows it; polkit lets vnicd use it."""
    policy = ROOM / "actions" / RESOLVED_POLICY.name
    policy.write_text(RESOLVED_POLICY.read_text(encoding="utf-8").replace("unix-user:systemd-resolve",
                                                                         "unix-user:vnicd-network"), encoding="utf-8")
    policy.chmod(0o644)
    world.polkit.add_rule('polkit.addRule(function (action, subject) { if (subject.user == "vnicd" && '
                          '/^org.freedesktop.resolve1.set-/.test(action.id)) return polkit.Result.YES; });', "60-resolved")
    world.polkit.restart()
    folder = pathlib.Path("/run/systemd/resolve")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, "vnicd-network", "vnicd-network")
    process = Process("resolved", [*as_service("net_raw", "net_bind_service", "setpcap"), PROGRAM],
                      env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": world.bus.address, "SYSTEMD_LOG_TARGET": "console"})
    try:
        assert poll(lambda: world.root.owner_of(RESOLVED) or not process.alive(), 10) and process.alive(), process.output()
        yield
    finally:
        process.stop()
        world.polkit.remove_rule("60-resolved")
        policy.unlink()
        world.polkit.restart()


@pytest.mark.skipif(not PROGRAM or not shutil.which("dnsmasq"), reason="systemd-resolved or dnsmasq is not installed")
def test_the_host_finds_a_guest_by_its_name(world, alice, define, real_resolved):
    define()

    def ask(name):
        return world.root.call(PATH, f"{RESOLVED}.Manager", "ResolveHostname", "isit", (0, name, socket.AF_INET, 0),
                               destination=RESOLVED)[0]

    with alice.create_tap("yesdef", False) as tap, served("yesdef"), Machine(tap, "web") as machine:
        address = machine.dhcp()["ip"]
        number = socket.if_nametoindex("yesdef")
        assert ask("web.yesdef.internal") == [(number, socket.AF_INET, socket.inet_aton(address))]
        link = world.root.call(PATH, f"{RESOLVED}.Manager", "GetLink", "i", (number,), destination=RESOLVED)[0]
        told = world.root.call(link, "org.freedesktop.DBus.Properties", "GetAll", "s", (f"{RESOLVED}.Link",),
                               destination=RESOLVED)[0]
        assert told["Domains"] == [("yesdef.internal", True)] and told["DefaultRoute"] is False
        assert told["DNS"] == [(socket.AF_INET, socket.inet_aton("10.79.0.1"))]
