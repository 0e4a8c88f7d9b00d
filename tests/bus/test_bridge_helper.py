# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnic-bridge-helper on the wire: what QEMU and libvirt send it, and what they should never send."""

import array
import collections
import contextlib
import os
import pathlib
import pty
import random
import re
import select
import signal
import socket
import subprocess

import pytest
from vnic import kernel
from vnic.agent import Agent
from vnic.process import CLOSED, descendants, identity, open_fds, poll, status_field, stopped, variables, without_fds

SEED = 20261122
# A sanitizer cannot look for leaks in a process that is traced.
TRACED = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}
STOPPED = 'kill -STOP $$; exec "$0" "$@"'  # becomes the program, with the same pid


@contextlib.contextmanager
def pair(kind=socket.SOCK_STREAM, family=socket.AF_UNIX):
    """The test's end and the helper's."""
    ours, theirs = socket.socketpair(family, kind)
    with ours, theirs:
        ours.settimeout(10)
        yield ours, theirs


@pytest.fixture
def helper(world):
    """helper(socket, "--br=yes0", …) as alice: (status, stderr); {fd} is the number of the socket."""
    def run(theirs, *arguments, user="alice", prefix=(), **env):
        words = [word.replace("{fd}", str(theirs.fileno() if theirs else -1)) for word in arguments]
        child = world.run_as(user, [*prefix, world.tool("vnic-bridge-helper"), *words], env=env,
                             pass_fds=[theirs.fileno()] if theirs else [], errors="replace")
        out, err = child.communicate(timeout=20)
        assert out == ""
        return child.returncode, err
    return run


def receive(ours, wait=True):
    """(bytes, fds) of one message; (b"", []) if none arrived."""
    ours.setblocking(wait)
    if wait:
        ours.settimeout(10)
    fds = array.array("i")
    try:
        data, ancillary, _, _ = ours.recvmsg(16, socket.CMSG_SPACE(64 * fds.itemsize),
                                             socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        return b"", []
    for level, kind, payload in ancillary:
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        fds.frombytes(payload[:len(payload) - len(payload) % fds.itemsize])
    return data, list(fds)


def sockets(pid):
    return [fd for fd, target in open_fds(pid).items() if target.startswith("socket:")]


def take(ours):
    """The one queue that arrived, with one byte."""
    data, fds = receive(ours)
    assert len(data) == 1 and len(fds) == 1
    return fds[0]


@pytest.mark.parametrize("words", [
    ["--use-vnet", "--fd={fd}", "--br=yes0"],  # QEMU
    ["--use-vnet", "--br=yes0", "--fd={fd}"],  # libvirt
    ["--br", "yes0", "--fd", "{fd}", "--use-vnet"],
    ["--br=gone0", "--fd={fd}", "--use-vnet", "--br=yes0"],
])
def test_the_queue_of_a_tap_on_the_bridge_comes_with_one_byte(helper, bridge, words):
    with pair() as (ours, theirs):
        assert helper(theirs, *words) == (0, "")
        queue = take(ours)
        assert receive(ours, wait=False) == (b"", [])
        name, flags = kernel.queue_info(queue)
        assert kernel.link(name)["master"] == bridge and "UP" in kernel.link(name)["flags"]
        assert flags & kernel.IFF_VNET_HDR and not flags & kernel.IFF_MULTI_QUEUE
        # The helper has exited and the tap is there: only the queue keeps it alive.
        assert kernel.our_links() == [name]
        os.close(queue)
        assert kernel.wait_gone(name)


def test_with_closed_standard_fds_nothing_of_its_own_stands_there(world, bridge):
    """A received queue gets the lowest free number, and would receive text that is meant for a user."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(stopped(world.pid))  # so that they wait, with the bus open
        pairs = [stack.enter_context(pair()) for _ in CLOSED]
        children = [world.run_as("alice", without_fds(closed, [world.tool("vnic-bridge-helper"), f"--br={bridge}",
                                                               f"--fd={theirs.fileno()}"]), pass_fds=[theirs.fileno()])
                    for closed, (_, theirs) in zip(CLOSED, pairs, strict=True)]
        for closed, child in zip(CLOSED, children, strict=True):
            assert poll(lambda pid=child.pid: len(sockets(pid)) == 2, 10), open_fds(child.pid)
            assert {fd: open_fds(child.pid).get(fd) for fd in closed} == dict.fromkeys(closed, "/dev/null")
        os.kill(world.pid, signal.SIGCONT)
        for child, (ours, _) in zip(children, pairs, strict=True):
            queue = take(ours)
            assert (child.communicate(timeout=10), child.returncode) == (("", ""), 0)
            assert kernel.queue_info(queue)[0] in kernel.our_links()
            os.close(queue)
    assert poll(lambda: not kernel.our_links(), 3.0)


def test_without_use_vnet_the_frames_have_no_header(helper, bridge):
    with pair() as (ours, theirs):
        assert helper(theirs, f"--br={bridge}", "--fd={fd}") == (0, "")
        queue = take(ours)
        assert not kernel.queue_info(queue)[1] & kernel.IFF_VNET_HDR
        os.close(queue)


def test_the_environment_says_what_the_protocol_cannot(helper, alice, bridge):
    with pair() as (ours, theirs):
        assert helper(theirs, f"--br={bridge}", "--fd={fd}", VNIC_LABEL="web", VNIC_ISOLATED="yes",
                      VNIC_GUEST_MAC="52:54:00:00:00:31") == (0, "")
        queue = take(ours)
        (name,) = kernel.our_links()
        path = alice.call("/org/vnicd1", "org.vnicd1.Manager", "GetEndpoint", "s", ("web",))[0]
        assert path.endswith(name)
        properties = alice.get_all(path, "org.vnicd1.Endpoint")
        assert properties["GuestMac"] == "52:54:00:00:00:31" and properties["AntiSpoof"]
        assert kernel.bridge_port(name)["isolated"] and kernel.bridge_port(name)["locked"]
        os.close(queue)


def test_an_empty_variable_is_one_that_is_not_there(helper, bridge):
    with pair() as (ours, theirs):
        assert helper(theirs, f"--br={bridge}", "--fd={fd}", VNIC_LABEL="", VNIC_GUEST_MAC="",
                      VNIC_ISOLATED="", VNIC_ASK="") == (0, "")
        queue = take(ours)
        assert not kernel.bridge_port(kernel.our_links()[0]).get("isolated")
        os.close(queue)


@pytest.mark.parametrize("words, said", [
    (["--fd={fd}"], "--br=NAME is missing"),
    (["--fd={fd}", "--br="], "--br=NAME is missing"),
    (["--fd={fd}", "--br=sixteencharsname"], "at most 15 characters"),
    (["--br=yes0"], "--fd=N is missing"),
    (["--br=yes0", "--fd=x"], "not 'x'"),
    (["--br=yes0", "--fd="], "not ''"),
    (["--br=yes0", "--fd=-1"], "not '-1'"),
    (["--br=yes0", "--fd=99999999999999999999"], "--fd takes the number"),
    (["--br=yes0", "--fd=0"], "--fd=0 cannot be used"),
    (["--br=yes0", "--fd=777"], "Bad file descriptor"),
    (["--br=yes0", "--fd={fd}", "--nonsense"], "'--nonsense' is unknown"),
    (["--br=yes0", "--fd={fd}", "--use-vnet=1"], "'--use-vnet=1'"),
    (["--br=yes0", "--fd={fd}", "more"], "one argument too many"),
    (["--br=yes0", "--fd"], "missing after '--fd'"),
])
def test_a_wrong_command_line_is_a_sentence_and_nothing_is_made(helper, alice, bridge, words, said):
    signals = alice.subscribe("org.freedesktop.DBus.ObjectManager")
    with pair() as (ours, theirs):
        status, err = helper(theirs, *words)
        assert status == 1 and said in err
        assert err.startswith("vnic-bridge-helper: ") and err.count("\n") == 1
        theirs.close()
        assert receive(ours) == (b"", [])
    alice.get("/org/vnicd1", "org.vnicd1.Manager", "Version")
    assert signals.all() == []


@pytest.mark.parametrize("variable, value, named", [
    ("VNIC_ISOLATED", "perhaps", "VNIC_ISOLATED"), ("VNIC_ASK", "2", "VNIC_ASK"),
    ("VNIC_LABEL", "a b", '"label"'), ("VNIC_GUEST_MAC", "01:00:00:00:00:01", '"guest_mac"')])
def test_a_wrong_variable_is_named_and_nothing_is_made(helper, bridge, variable, value, named):
    with pair() as (_, theirs):
        status, err = helper(theirs, f"--br={bridge}", "--fd={fd}", **{variable: value})
        assert status == 1 and named in err
    assert kernel.our_links() == []


def test_only_a_unix_stream_with_a_listener_is_sent_to(helper, bridge):
    with pair(socket.SOCK_DGRAM) as (_, theirs):
        status, err = helper(theirs, f"--br={bridge}", "--fd={fd}")
        assert status == 1 and "not a stream socket" in err
    with socket.socket(socket.AF_INET) as other:
        status, err = helper(other, f"--br={bridge}", "--fd={fd}")
        assert status == 1 and "not a stream socket" in err
    with pair() as (ours, theirs):
        ours.close()
        status, err = helper(theirs, f"--br={bridge}", "--fd={fd}")
        assert status == 1 and "nobody listens" in err
    assert kernel.our_links() == []


def test_a_refusal_says_which_action_and_what_would_allow_it(helper, bridges):
    for name, words in (("no0", "org.vnicd1.use-bridge"), ("ask0", "administrator")):
        bridges(name)
        with pair() as (ours, theirs):
            status, err = helper(theirs, f"--br={name}", "--fd={fd}")
            assert status == 1 and name in err and words in err
            assert "/etc/polkit-1/rules.d" in err and "vnicctl" not in err
            theirs.close()
            assert receive(ours) == (b"", [])


@pytest.mark.parametrize("env, said", [({}, "org.vnicd1.use-bridge"), ({"VNIC_ASK": "2"}, "VNIC_ASK")])
def test_the_socket_stays_open_until_the_reason_has_been_read(world, bridges, env, said):
    """libvirt stops reading it when the socket closes."""
    bridges("no0")
    with pair() as (ours, theirs):
        child = world.run_as("alice", [world.tool("vnic-bridge-helper"), "--br=no0", f"--fd={theirs.fileno()}"],
                             env=env, pass_fds=[theirs.fileno()])
        theirs.close()
        assert select.select([child.stderr], [], [], 5)[0]
        assert select.select([ours], [], [], 0.05)[0] == []
        assert said in child.communicate(timeout=5)[1]
        assert receive(ours) == (b"", []) and child.returncode == 1


def test_nobody_has_to_read_the_reason(world, bridges):
    bridges("no0")
    with pair() as (ours, theirs):
        child = world.run_as("alice", [world.tool("vnic-bridge-helper"), "--br=no0", f"--fd={theirs.fileno()}"],
                             pass_fds=[theirs.fileno()])
        assert child.wait(5) == 1
        child.communicate()


@contextlib.contextmanager
def waiting(world, theirs, **env):
    """A helper for ask0 that stops before it begins, so that an agent can be registered for it."""
    child = world.run_as("alice", ["sh", "-c", STOPPED, world.tool("vnic-bridge-helper"), "--br=ask0",
                                   f"--fd={theirs.fileno()}"], env=env, pass_fds=[theirs.fileno()])
    try:
        assert poll(lambda: status_field(child.pid, "State").startswith("T"), 10)
        yield child
    finally:
        child.kill()
        child.communicate()


def test_the_agent_of_a_desktop_may_ask(world, alice, bridges):
    bridges("ask0")
    with pair() as (ours, theirs), waiting(world, theirs) as child, \
            Agent(world, alice, "accept", pid=child.pid) as agent:
        child.send_signal(signal.SIGCONT)
        queue = take(ours)
        assert child.wait(10) == 0 and "ask0" in agent.prompts[0].message
        assert kernel.link(kernel.queue_info(queue)[0])["master"] == "ask0"
        os.close(queue)


def test_nobody_is_asked_if_the_environment_says_so(world, alice, bridges):
    bridges("ask0")
    with pair() as (_, theirs), waiting(world, theirs, VNIC_ASK="no") as child, \
            Agent(world, alice, "accept", pid=child.pid) as agent:
        child.send_signal(signal.SIGCONT)
        assert child.wait(10) == 1 and agent.prompts == []


def test_nobody_is_asked_any_longer_for_a_caller_that_has_gone(world, alice, bridges):
    """This happens when QEMU is killed while its helper waits for the password."""
    bridges("ask0")
    program = str(world.tool("vnic-bridge-helper"))
    with pair() as (_, theirs):
        caller = world.run_as("alice", ["sh", "-c", 'sh -c "$STOPPED" "$0" "$@"; exit $?', program, "--br=ask0",
                                        f"--fd={theirs.fileno()}"], env={"STOPPED": STOPPED},
                              pass_fds=[theirs.fileno()])
        (helper_pid,) = poll(lambda: descendants(caller.pid), 10)
        assert poll(lambda: status_field(helper_pid, "State").startswith("T"), 10)
        with Agent(world, alice, "hang", pid=helper_pid) as agent:
            os.kill(helper_pid, signal.SIGCONT)
            agent.wait_for_prompt()
            caller.kill()
            try:
                assert poll(lambda: not pathlib.Path(f"/proc/{helper_pid}/exe").exists(), 5), "it outlives its caller"
                agent.wait_for_cancel()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(helper_pid, signal.SIGKILL)
                caller.communicate()
    assert kernel.our_links() == []


def test_in_a_terminal_it_asks_nothing(world, bridges):
    """That is the guest's console, with QEMU's -nographic: what is typed there is meant for the guest."""
    bridges("ask0")
    master, slave = pty.openpty()
    with pair() as (_, theirs):
        child = subprocess.Popen(["setsid", "--ctty", "--wait", str(world.tool("vnic-bridge-helper")), "--br=ask0",
                                  f"--fd={theirs.fileno()}"], stdin=slave, stdout=slave, stderr=slave, cwd="/",
                                 pass_fds=[theirs.fileno()], env=variables("alice", world.bus.address), **identity("alice"))
        os.close(slave)
        text = ""
        try:
            while select.select([master], [], [], 5)[0] and "assword" not in text:
                text += os.read(master, 4096).decode(errors="replace")
        except OSError:  # the other side is closed
            pass
        finally:
            os.close(master)  # this hangs up whatever is still there
        assert "administrator" in text and "assword" not in text
        assert child.wait(10) == 1


def test_other_refusals_are_told_as_the_service_words_them(helper, bridge):
    with pair() as (_, theirs):
        status, err = helper(theirs, "--br=gone0", "--fd={fd}")
        assert status == 1 and "gone0" in err and "polkit" not in err
        status, err = helper(theirs, f"--br={bridge}", "--fd={fd}",
                             DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nonexistent")
        assert status == 1 and "system bus" in err


def test_it_has_no_privilege_and_needs_none(world, bridge):
    program = world.tool("vnic-bridge-helper")
    assert not os.stat(program).st_mode & 0o6000
    assert "security.capability" not in os.listxattr(program)
    with pair() as (ours, theirs):
        status, _, err = world.output_as(
            "alice", ["setpriv", "--no-new-privs", program, f"--br={bridge}", f"--fd={theirs.fileno()}"],
            pass_fds=[theirs.fileno()])
        assert (status, err) == (0, "")
        os.close(take(ours))


def test_any_command_line_ends_with_a_tap_or_with_a_sentence(helper, bridge):
    """Words of the protocol are combined at random: the helper never crashes, hangs or sends half of an
    answer."""
    pick = random.Random(SEED)
    words = ["--br=yes0", "--br", "yes0", "--fd={fd}", "--fd", "{fd}", "--use-vnet", "--", "-", "--b=yes0",
             "--f={fd}", "--u", "-x", "--fd=0x3", "--fd=+3", "--fd= 3", "--br=../lo", "--br=%n%s", "--br=-",
             "\x1b[2J", "--br=\u00e4\u00f6", "--br=" + "x" * 5000, "--fd=" + "9" * 500, "--help=1", ""]
    for _ in range(120):
        chosen = [pick.choice(words) for _ in range(pick.randrange(1, 6))]
        if any("--h".startswith(word[:3]) and word.startswith("--h") for word in chosen):
            continue
        with pair() as (ours, theirs):
            status, err = helper(theirs, *chosen)
            theirs.close()
            data, fds = receive(ours)
            assert status in (0, 1), (chosen, status, err)
            assert (len(data), len(fds)) == ((1, 1) if status == 0 else (0, 0)), chosen
            assert bool(err) == (status == 1) and "\x1b" not in err, chosen
            for fd in fds:
                os.close(fd)
    assert poll(lambda: not kernel.our_links(), 3.0)


def steps(world, theirs, bridge):
    """The system calls of a whole run, from the connection to the bus on: (name, the how many-th of that
    name)."""
    trace = pathlib.Path("/run/vnicd-world/trace")
    subprocess.run(["strace", "-o", trace, world.tool("vnic-bridge-helper"), f"--br={bridge}",
                    f"--fd={theirs.fileno()}"], pass_fds=[theirs.fileno()], env=TRACED, check=True)
    counts, found = collections.Counter(), []
    for name in re.findall(r"^(\w+)\(", trace.read_text(encoding="utf-8", errors="replace"), re.M):
        counts[name] += 1
        found.append((name, counts[name]))
    return found[next(n for n, (name, _) in enumerate(found) if name == "connect"):]


@pytest.mark.deadline(180)
def test_killed_at_any_moment_it_leaves_no_tap(world, bridge):
    with pair() as (ours, theirs):
        moments = steps(world, theirs, bridge)
        os.close(take(ours))
    assert len(moments) > 20
    for name, which in moments:
        with pair() as (ours, theirs):
            done = subprocess.run(
                ["strace", "-o", "/dev/null", "-e", f"inject={name}:signal=SIGKILL:when={which}",
                 world.tool("vnic-bridge-helper"), f"--br={bridge}", f"--fd={theirs.fileno()}"],
                pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL, env=TRACED, check=False)
            assert done.returncode in (0, -signal.SIGKILL) or name.startswith("exit"), (name, which)
            theirs.close()
            for fd in receive(ours)[1]:  # the queue was sent before the helper died: it is QEMU's then
                os.close(fd)
        assert poll(lambda: not kernel.our_links(), 3.0), (name, which)
