# SPDX-License-Identifier: LGPL-2.1-or-later
"""The option interactive is the message flag ALLOW_INTERACTIVE_AUTHORIZATION, with bindings that cannot set it as well;
and what becomes of a yes that comes after a library has given up."""

import contextlib
import pathlib
import shutil
import subprocess
import time

import pytest
from gi.repository import GLib
from vnic import kernel, variant
from vnic.agent import Agent
from vnic.client import ENDPOINT, MANAGER, MAY_ASK, ROOT, Client, close_fds
from vnic.networks import NETWORK, path_of
from vnic.process import poll

V = GLib.Variant
NETWORK_NAME = "laternet"  # no rule of the tests knows it

# A call of each method that has the option: (member, signature, arguments before the options).
CALLS = {
    "CreateTap": ("sbba{sv}", ("ask0", True, False)),
    "OpenTap": ("sba{sv}", ("ask0", True)),
    "CreateEndpoint": ("ssa{sv}", ("tap", "ask0")),
    "CreateNetwork": ("ssa{sv}", (NETWORK_NAME, "isolated")),
}


def start(client, member, *, flag=False, timeout=25.0, **options):
    signature, first = CALLS[member]
    return client.start(ROOT, MANAGER, member, signature,
                        (*first, variant.options(options)), interactive=flag, timeout=timeout)


def undo(client, values):
    """Of what a call has made nothing stays."""
    close_fds(values)
    if values[0] == path_of(NETWORK_NAME):
        client.call(values[0], NETWORK, "Delete")


@pytest.fixture
def ask0(bridges):
    return bridges("ask0")


@pytest.fixture
def hanging(world):
    """A polkit that answers what a test says: that a person is to be asked, and no more."""
    with world.polkit_as("hang") as polkit:
        polkit.auto = lambda check: None if check.interactive else (False, True, {})
        yield polkit


@pytest.mark.parametrize("member", CALLS)
def test_a_person_is_asked_as_with_the_flag(world, alice, root, ask0, member):
    for given in ({}, {"interactive": False}):
        error = start(alice, member, **given).error()
        assert error.name == MAY_ASK and '"interactive"' in error.message
    for given in ({"interactive": True}, {"flag": True}, {"flag": True, "interactive": True},
                  {"flag": True, "interactive": False}):
        error = start(alice, member, **given).error()
        assert error.name == MAY_ASK and "no agent" in error.message, given
    with Agent(world, alice, "accept") as agent:
        undo(root, start(alice, member, interactive=True).result())
        assert len(agent.prompts) == 1
        undo(root, start(alice, member, flag=True, interactive=False).result())
        assert len(agent.prompts) == 2
        assert start(alice, member).error().name == MAY_ASK and len(agent.prompts) == 2
    with Agent(world, alice, "dismiss") as agent:
        assert start(alice, member, interactive=True).error().short == "AccessDenied"
        assert len(agent.prompts) == 1
    assert poll(lambda: kernel.our_links() == [] and not kernel.exists(NETWORK_NAME), 5)


def test_what_is_asked_for_a_yes_is_asked_once_each_way(alice, ask0, hanging):
    for given in ({"interactive": True}, {"flag": True}):
        hanging.checks.clear()
        pending = start(alice, "CreateTap", **given)
        check = hanging.wait_for_check(2)
        check.answer(True)
        close_fds(pending.result())
        assert [check.interactive for check in hanging.checks] == [False, True]
        assert hanging.checks[0].details == hanging.checks[1].details


@pytest.mark.parametrize("value", (V("u", 1), V("s", "yes"), V("v", V("b", True))))
@pytest.mark.parametrize("member", (*CALLS, "CanCreateTap"))
def test_another_type_is_refused_and_nobody_is_asked(world, alice, ask0, member, value):
    signature, first = CALLS.get(member) or CALLS["CreateTap"]
    with Agent(world, alice, "accept") as agent:
        error = alice.error(ROOT, MANAGER, member, signature, (*first, {"interactive": value}))
        assert error.short == "InvalidOption" and '"interactive"' in error.message
        assert agent.prompts == []


def test_the_dry_run_takes_the_option_and_asks_nobody(world, alice, ask0):
    with Agent(world, alice, "accept") as agent:
        for given in ({"interactive": V("b", True)}, {"interactive": V("b", False)}):
            answer = alice.call(ROOT, MANAGER, "CanCreateTap", "sbba{sv}", ("ask0", True, False, given), interactive=True)
            assert answer[0] == "challenge"
        assert agent.prompts == []


def test_the_limits_of_prompts_are_those_of_the_flag(world, alice, bob, ask0, hanging):
    """One of a connection, two of a user, whichever way each was allowed."""
    first = start(alice, "CreateTap", interactive=True)
    hanging.wait_for_check(2)
    assert start(alice, "OpenTap", interactive=True).error().short == "LimitsExceeded"
    assert start(alice, "CreateEndpoint", flag=True).error().short == "LimitsExceeded"
    with Client(world, "alice") as again, Client(world, "alice") as third:
        second = start(again, "CreateEndpoint", flag=True)
        assert poll(lambda: sum(check.interactive for check in hanging.checks) == 2, 5)
        assert start(third, "CreateNetwork", interactive=True).error().short == "LimitsExceeded"
        other = start(bob, "OpenTap", interactive=True)
        assert poll(lambda: sum(check.interactive for check in hanging.checks) == 3, 5)
        for check in hanging.checks:
            if check.interactive:
                check.answer(False)
        for pending in (first, second, other):
            assert pending.error().short == "AccessDenied"


@pytest.mark.parametrize("member,options", (("CreateTap", {}), ("CreateTap", {"persistent": True}), ("OpenTap", {}),
                                            ("CreateEndpoint", {"persistent": True}), ("CreateNetwork", {})))
def test_for_a_caller_who_has_left_nothing_is_made(world, root, ask0, hanging, member, options):
    """Not even if the yes is on its way: no device, and so no number of one, is used."""
    client = Client(world, "alice")
    start(client, member, interactive=True, **options)
    check = hanging.wait_for_check(3 if options else 2)
    hanging.auto = lambda check: (True, False, {})  # should there be another prompt
    before = kernel.next_ifindex()
    client.drop()
    assert poll(lambda: not root.bus_call("NameHasOwner", "s", (client.unique,))[0], 5, 0.002)
    check.answer(True)
    time.sleep(1)
    assert kernel.next_ifindex() == before + 1
    assert kernel.our_links() == [] and not kernel.exists(NETWORK_NAME)


@pytest.mark.parametrize("member", ("CreateTap", "OpenTap", "CreateEndpoint"))
def test_a_tap_whose_caller_has_given_up_but_not_left_is_made_and_closed_at_once(alice, ask0, hanging, member):
    """Its library drops the reply, and the queue with it."""
    signals = alice.subscribe(MANAGER)
    pending = start(alice, member, interactive=True, timeout=0.5)
    check = hanging.wait_for_check(2)
    assert pending.error().short == "Timeout"
    check.answer(True)
    signals.wait_for(lambda _path, _interface, name, values: name == "EndpointRemoved" and values[2] == "closed")
    assert kernel.our_links() == [] and alice.managed_objects() == {}


def test_a_lasting_tap_is_made_while_its_caller_is_on_the_bus(alice, carol, bridges, hanging):
    """Nothing on the wire tells that a library has given up: org.vnicd1(5) says so."""
    bridges("ask0")
    pending = start(alice, "CreateTap", interactive=True, persistent=True, label="late", timeout=0.5)
    check = hanging.wait_for_check(3)
    assert pending.error().short == "Timeout"
    check.answer(True)
    hanging.wait_for_check(4).answer(True)
    assert poll(lambda: len(kernel.our_links()) == 1, 5)
    path = alice.call(ROOT, MANAGER, "GetEndpoint", "s", ("late",))[0]
    alice.call(path, ENDPOINT, "Release")


# Real bindings. Each says that it is connected, waits for a line, calls with a time-out, says what has become of it, and
# makes another call after the next line.

DBUS_PYTHON = """
import dbus, sys
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
DBusGMainLoop(set_as_default=True)
manager = dbus.Interface(dbus.SystemBus().get_object("org.vnicd1", "/org/vnicd1"), "org.vnicd1.Manager")
print("ready", flush=True)
sys.stdin.readline()
try:
    _, interface, _, queue = manager.OpenTap(sys.argv[1], True, {"interactive": True}, timeout=float(sys.argv[2]))
    fd = queue.take()
    print(interface, flush=True)
except dbus.DBusException as error:
    print(error.get_dbus_name(), flush=True)
sys.stdin.readline()
manager.ListBridges()
while GLib.MainContext.default().iteration(False):
    pass
print("done", flush=True)
sys.stdin.readline()
"""

DASBUS = """
import sys
from dasbus.connection import SystemMessageBus
from dasbus.typing import Bool, get_variant
from dasbus.unix import GLibClientUnix
manager = SystemMessageBus().get_proxy("org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager", client=GLibClientUnix)
print("ready", flush=True)
sys.stdin.readline()
try:
    _, interface, _, queue = manager.OpenTap(sys.argv[1], True, {"interactive": get_variant(Bool, True)},
                                             timeout=int(float(sys.argv[2]) * 1000))
    print(interface, flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
sys.stdin.readline()
manager.ListBridges()
print("done", flush=True)
sys.stdin.readline()
"""

RUBY = """
manager = DBus::SystemBus.instance.service("org.vnicd1").object("/org/vnicd1")["org.vnicd1.Manager"]
puts "ready"
$stdout.flush
$stdin.gets
puts manager.CreateNetwork(ARGV[0], "isolated", {"interactive" => ["b", true]})[0]
$stdout.flush
$stdin.gets
"""

PERL = """
$| = 1;
my $manager = Net::DBus->system->get_service("org.vnicd1")->get_object("/org/vnicd1", "org.vnicd1.Manager");
print "ready\\n";
<STDIN>;
print $manager->CreateNetwork($ARGV[0], "isolated", {interactive => dbus_boolean(1)}), "\\n";
<STDIN>;
"""

PACKAGES = "/usr/lib/python3/dist-packages"
MAKE_TAPS = {"dbus-python": (DBUS_PYTHON, f"{PACKAGES}/dbus"), "dasbus": (DASBUS, f"{PACKAGES}/dasbus")}
MAKE_NETWORKS = {"ruby-dbus": ("ruby", "-rdbus", RUBY), "Net::DBus": ("perl", "-MNet::DBus=:typing", PERL)}


@contextlib.contextmanager
def program(world, argv):
    child = world.run_as("alice", argv, stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line == "ready\n", line + child.stderr.read()
        yield child
        child.stdin.close()
        assert child.wait(10) == 0, child.stderr.read()
    finally:
        child.kill()
        child.wait()


def go_on(child):
    child.stdin.write("\n")
    child.stdin.flush()


def python(name):
    text, folder = MAKE_TAPS[name]
    if not pathlib.Path(folder).exists():
        pytest.skip(f"{name} is not installed")
    return ["/usr/bin/python3", "-c", text]


@pytest.mark.parametrize("name", MAKE_TAPS)
def test_with_a_binding_that_cannot_set_the_flag_a_person_is_asked(world, alice, ask0, name):
    with program(world, [*python(name), "ask0", "60"]) as child, Agent(world, alice, pid=child.pid) as agent:
        go_on(child)
        interface = child.stdout.readline().strip()
        assert kernel.our_links() == [interface], child.stderr.read() if not interface else interface
        assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.use-bridge"]
        go_on(child)
        assert child.stdout.readline() == "done\n" and kernel.exists(interface)
    assert kernel.wait_gone(interface)


@pytest.mark.parametrize("name", MAKE_TAPS)
def test_a_late_yes_leaves_a_binding_that_has_given_up_no_tap(world, alice, ask0, name):
    """At the latest with its next call, which makes it read; or, if it is left unread, with the program."""
    signals = alice.subscribe(MANAGER)
    with program(world, [*python(name), "ask0", "1"]) as child, Agent(world, alice, "hang", pid=child.pid) as agent:
        go_on(child)
        prompt = agent.wait_for_prompt()
        assert child.stdout.readline() in ("org.freedesktop.DBus.Error.NoReply\n", "TimeoutError\n", "DBusError\n")
        prompt.accept()
        assert poll(lambda: kernel.our_links() or signals.all(), 5)
        go_on(child)
        assert child.stdout.readline() == "done\n"
        signals.wait_for(lambda _path, _interface, member, values: member == "EndpointRemoved" and values[2] == "closed")
        assert kernel.our_links() == [] and child.poll() is None


def test_a_late_yes_gives_dbus_python_without_a_main_loop_a_tap_that_ends_with_the_program(world, alice, ask0):
    """libdbus keeps what nobody waits for until a main loop takes it: org.vnicd1(5) says so."""
    argv = [word.replace("DBusGMainLoop(set_as_default=True)", "") for word in python("dbus-python")]
    with program(world, [*argv, "ask0", "1"]) as child, Agent(world, alice, "hang", pid=child.pid) as agent:
        go_on(child)
        prompt = agent.wait_for_prompt()
        assert child.stdout.readline() == "org.freedesktop.DBus.Error.NoReply\n"
        prompt.accept()
        assert poll(lambda: len(kernel.our_links()) == 1, 5)
        go_on(child)
        assert child.stdout.readline() == "done\n"
    assert poll(lambda: kernel.our_links() == [], 5)


@pytest.mark.parametrize("name", MAKE_NETWORKS)
def test_with_a_binding_that_knows_no_fds_a_person_is_asked_for_a_network(world, alice, root, name):
    language, library, text = MAKE_NETWORKS[name]
    if not shutil.which(language) or world.output_as("alice", [language, library, "-e", "1"])[0] != 0:
        pytest.skip(f"{name} is not installed")
    with program(world, [language, library, "-e", text, NETWORK_NAME]) as child, Agent(world, alice, pid=child.pid) as agent:
        go_on(child)
        assert child.stdout.readline().strip() == path_of(NETWORK_NAME), child.stderr.read()
        assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.manage-networks"]
        root.call(path_of(NETWORK_NAME), NETWORK, "Delete")
    assert not kernel.exists(NETWORK_NAME)
