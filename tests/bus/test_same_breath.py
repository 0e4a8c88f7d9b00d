# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every call that only reads, made at the moment of a change: sent with it in one write, and again
immediately after its reply. The service stays alive, and each call has a reply of its kind.

The calls are taken from Introspect, so a method or property that is added later is called as well; only those
with an effect are named here.
"""

import contextlib
import os
import shutil
import signal
import xml.etree.ElementTree as tree

import pytest
from gi.repository import Gio
from vnic import kernel, variant
from vnic.client import ENDPOINT, MANAGER, NAME, OBJECTS, PROPERTIES, ROOT, TAP
from vnic.networks import NETWORK, path_of
from vnic.process import poll
from vnic.rawclient import RawClient

pytestmark = [pytest.mark.deadline(120)]

INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
# Methods with an effect; every other method of the service is called.
CHANGES = {(MANAGER, "CreateTap"), (MANAGER, "OpenTap"), (MANAGER, "CreateEndpoint"), (MANAGER, "ReleaseAll"),
           (MANAGER, "ReleaseEndpoints"), (MANAGER, "CreateNetwork"), (MANAGER, "Reload"), (ENDPOINT, "Release"), (TAP, "OpenQueues"), (TAP, "OpenQueue"),
           (NETWORK, "Delete"), (PROPERTIES, "Set")}
# An object that does not exist yet, or no longer, is refused with one of these.
GONE = {"UnknownObject", "UnknownInterface", "UnknownMethod", "NoSuchEndpoint", "NoSuchNetwork"}
# What the manager may answer instead of what was requested.
REFUSALS = {"GetEndpoint": {"NoSuchEndpoint"}}
ANSWERS = {"yes", "no", "challenge", "quota"}
BRIDGE, NET = "yes0", "yesnet"
MAC = "52:54:00:00:00:77"


def can_create(bridge=BRIDGE, multiqueue=False, **options):
    return (bridge, True, multiqueue, variant.options(options))


def choices(method):
    """The arguments with which a method is called: each way in which it reads the state; otherwise one of
    each type."""
    if method == "CanCreateTap":
        return [can_create(), can_create(label="web"), can_create(label="other", guest_mac=MAC),
                can_create(multiqueue=True, queues=2), can_create(NET), can_create("-", persistent=True),
                can_create("gone0"), can_create("")]
    if method == "GetEndpoint":
        return [("web",), ("gone",)]
    return None


PLAIN = {"s": "web", "b": True, "u": 1, "i": 1, "t": 1, "x": 1, "q": 1, "a{sv}": {}, "as": [], "o": ROOT}


class Question:
    """A call that reads: where, what, and the signature of its reply."""

    def __init__(self, path, interface, member, answer, signature="", values=()):
        self.path, self.interface, self.member = path, interface, member
        self.answer, self.signature, self.values = answer, signature, values

    def __str__(self):
        return f"{self.interface}.{self.member}{self.values} of {self.path}"

    def judge(self, message):
        """What is wrong with the reply, or None."""
        body = message.get_body()
        if message.get_message_type() == Gio.DBusMessageType.ERROR:
            name = message.get_error_name().rpartition(".")[2]
            allowed = REFUSALS.get(self.member, set()) if self.path == ROOT else GONE
            return None if name in allowed else f"{self}: {message.get_error_name()}: {body}"
        said = body.get_type_string() if body else "()"
        if said != f"({self.answer})":
            return f"{self}: answered {said}, which is not ({self.answer})"
        if self.member == "CanCreateTap":
            word, reason = variant.unpack(body)
            if word not in ANSWERS or not reason:
                return f"{self}: answered {word!r}, {reason!r}"
        return None


def signature_of(method, direction):
    return [part.get("type") for part in method.findall("arg") if part.get("direction", "in") == direction]


def questions_of(path, xml):
    """All calls that can be made on an object, according to its introspection."""
    for interface in tree.fromstring(xml).findall("interface"):
        name = interface.get("name")
        properties = interface.findall("property")
        if properties or name.startswith(NAME):
            yield Question(path, PROPERTIES, "GetAll", "a{sv}", "s", (name,))
        for part in properties:
            yield Question(path, PROPERTIES, "Get", "v", "ss", (name, part.get("name")))
        for method in interface.findall("method"):
            member = method.get("name")
            if (name, member) in CHANGES or name == PROPERTIES:
                continue
            wanted = signature_of(method, "in")
            answer = "".join(signature_of(method, "out"))
            for values in choices(member) or [tuple(PLAIN[kind] for kind in wanted)]:
                yield Question(path, name, member, answer, "".join(wanted), values)


def introspect(client, path):
    return client.call(path, INTROSPECTABLE, "Introspect")[0]


@pytest.fixture
def xml(alice, root, bridge):
    """The introspection of each kind of object: of the manager, of a tap, of a network."""
    net = root.call(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", (NET, "isolated", {}))[0]
    with alice.create_tap(bridge) as tap:
        said = {"manager": introspect(alice, ROOT), "tap": introspect(alice, tap.endpoint),
                "network": introspect(alice, net)}
    root.call(net, NETWORK, "Delete")
    assert kernel.wait_gone(NET, 5) and kernel.wait_gone(tap.interface)
    return said


class Breath:
    """A user who changes something and asks at the same moment; others ask at the same time."""

    def __init__(self, world, xml, stack):
        self.world, self.xml, self.pid = world, xml, world.pid
        self.askers = {user: stack.enter_context(contextlib.closing(RawClient(world, user)))
                       for user in ("alice", "bob", "root")}
        self.fds = []
        stack.callback(self.close)

    def close(self):
        while self.fds:
            os.close(self.fds.pop())

    def questions(self, taps=(), networks=()):
        for kind, paths in (("manager", [ROOT]), ("tap", taps), ("network", networks)):
            for path in paths:
                yield from questions_of(path, self.xml[kind])

    def gather(self, client, serials):
        """The replies to all of these serials; queues are kept in `fds`."""
        answers = {}
        while serials - answers.keys():
            message, fds = client.receive()
            self.fds.extend(fds)
            answers[message.get_reply_serial()] = message
        return answers

    def ask(self, asked, change=None, user="alice", after=None):
        """change: (path, interface, member, signature, values), sent by the user before the questions, and
        `after` is called between sending and reading. Returns the reply to the change."""
        problems, sent = [], {}
        for name, client in self.askers.items():
            blob, serials, ours = [], {}, client.send_bytes
            client.send_bytes = blob.append
            try:
                if change and name == user:
                    serials[client.send(*change)] = None
                serials |= {client.send(question.path, question.interface, question.member, question.signature,
                                        question.values): question for question in asked}
            finally:
                client.send_bytes = ours
            sent[name] = (client, b"".join(blob), serials)
        # The user who makes the change goes first, so that the others ask meanwhile.
        for name in sorted(sent, key=lambda name: name != user):
            sent[name][0].send_bytes(sent[name][1])
        if after:
            after()
        changed = None
        for client, _, serials in sent.values():
            try:
                answers = self.gather(client, set(serials))
            except (OSError, TimeoutError) as error:
                raise AssertionError(f"a question was not answered ({error}): "
                                     f"{self.end() or 'the service is alive'}") from None
            for serial, question in serials.items():
                if question is None:
                    changed = answers[serial]
                else:
                    problems.append(question.judge(answers[serial]))
        ended = self.end()
        assert not ended, ended
        assert not any(problems), "\n".join(filter(None, problems))
        return changed

    def end(self):
        """How the service exited, or None."""
        if poll(lambda: not self.world.service.alive(), 0.2):
            return f"the service ended with {self.world.service.popen.returncode}"
        return None if self.world.pid == self.pid else "the service was restarted"

    def change(self, *change, taps=(), networks=(), user="alice", after=None):
        """Ask together with the change and after its reply; returns its values."""
        asked = list(self.questions(taps, networks))
        answer = self.ask(asked, change or None, user, after)
        self.ask(asked)
        if answer is None:
            return None
        assert answer.get_message_type() == Gio.DBusMessageType.METHOD_RETURN, answer.get_body()
        body = answer.get_body()
        return variant.unpack(body) if body else ()

    def create(self, *arguments, **how):
        """A tap of alice; returns its path and keeps its queues."""
        return self.change(ROOT, MANAGER, "CreateTap", "sbba{sv}", can_create(*arguments, **how))[0]


@pytest.fixture
def breath(world, xml):
    with contextlib.ExitStack() as stack:
        yield Breath(world, xml, stack)
    assert poll(lambda: not kernel.our_links(), 5)


def test_each_kind_of_question_is_there(breath):
    """The test would be empty if introspection reported nothing."""
    asked = {(question.interface, question.member) for question in breath.questions(["/t"], ["/n"])}
    assert asked >= {(MANAGER, "CanCreateTap"), (MANAGER, "ListBridges"), (MANAGER, "GetEndpoint"),
                     (NETWORK, "GetLeases"), (NETWORK, "ListLeases"), (OBJECTS, "GetManagedObjects"), (PROPERTIES, "Get"),
                     (PROPERTIES, "GetAll"), (INTROSPECTABLE, "Introspect")}
    assert not asked & CHANGES


def test_with_a_tap_that_is_made(breath):
    first = breath.create(label="web")
    breath.change(ROOT, MANAGER, "CreateTap", "sbba{sv}", can_create(guest_mac=MAC), taps=[first])


def test_with_the_end_of_the_last_queue(breath):
    first = breath.create(label="web", guest_mac=MAC)
    breath.close()
    breath.change(taps=[first])


def test_with_the_end_of_the_last_queue_behind_the_questions(breath):
    first = breath.create(label="web", guest_mac=MAC)
    breath.change(taps=[first], after=breath.close)


def test_with_a_release(breath):
    first = breath.create(label="web")
    breath.change(first, ENDPOINT, "Release", taps=[first])


def test_with_a_release_of_all(breath):
    taps = [breath.create(label="web"), breath.create()]
    assert breath.change(ROOT, MANAGER, "ReleaseAll", taps=taps) == (2,)


def test_with_a_release_of_some(breath):
    taps = [breath.create(label="web"), breath.create(label="other")]
    given = variant.options({"label_prefix": "web", "bridge": BRIDGE})
    assert breath.change(ROOT, MANAGER, "ReleaseEndpoints", "a{sv}", (given,), taps=taps) == (1,)


def test_with_an_endpoint_that_is_made(breath):
    breath.change(ROOT, MANAGER, "CreateEndpoint", "ssa{sv}", ("tap", BRIDGE, variant.options({"guest_mac": MAC})))


def test_with_more_queues(breath):
    first = breath.create(BRIDGE, True, queues=1, label="web")
    breath.change(first, TAP, "OpenQueues", "u", (2,), taps=[first])


def test_with_a_tap_that_somebody_else_deletes(breath):
    first = breath.create(label="web")
    breath.change(taps=[first], after=lambda: kernel.del_link(first.rpartition("/")[2]))


def test_with_the_bridge_going(breath):
    first = breath.create(label="web")
    breath.change(taps=[first], after=lambda: kernel.del_link(BRIDGE))


def test_at_the_quota(breath, alice):
    """This includes taps that are created and removed at once: their label and their place stay taken until
    they are gone."""
    with contextlib.ExitStack() as stack:
        taps = [stack.enter_context(alice.create_tap(BRIDGE)) for _ in range(31)]
        last = breath.create(label="web")
        breath.ask(list(breath.questions([last])))
        breath.close()
        breath.change(taps=[last])
        for tap in taps[:8]:
            tap.close()
            breath.change(taps=[tap.endpoint])


def test_with_a_network_that_is_made_and_deleted(breath):
    path = path_of(NET)
    breath.change(ROOT, MANAGER, "CreateNetwork", "ssa{sv}", (NET, "isolated", {}), networks=[path], user="root")
    first = breath.create(NET, label="web")
    breath.change(path, NETWORK, "Delete", networks=[path], taps=[first], user="root")
    assert kernel.wait_gone(NET, 5)


def test_with_the_default_network_that_comes_and_goes(breath, world):
    """It is defined while the tap is requested, comes up for it, and goes down when the definition is
    removed."""
    file = world.configuration / "networks" / "vnicbr0.conf"
    path = path_of("vnicbr0")
    file.parent.mkdir(mode=0o755, exist_ok=True)
    shutil.copy(world.source / "networks" / "vnicbr0.conf", file)
    file.chmod(0o644)
    try:
        breath.change(ROOT, MANAGER, "Reload", user="root", networks=[path])
        first = breath.create("", label="web")
        breath.change(first, ENDPOINT, "Release", taps=[first], networks=[path])
        breath.change(path, NETWORK, "Delete", networks=[path], user="root")
    finally:
        file.unlink()
        breath.change(ROOT, MANAGER, "Reload", user="root", networks=[path])
    assert kernel.wait_gone("vnicbr0", 15)


@pytest.mark.parametrize("how", ["by the bus", "by SIGHUP"])
def test_with_a_configuration_that_is_read_again(breath, world, how):
    first = breath.create(label="web")
    world.configure("[Limits]\nCreations=100000\nEndpoints=1\n")
    try:
        if how == "by the bus":
            breath.change(ROOT, MANAGER, "Reload", user="root", taps=[first])
        else:
            breath.change(taps=[first], after=lambda: world.signal_service(signal.SIGHUP))
    finally:
        world.configure()
        world.reload()
