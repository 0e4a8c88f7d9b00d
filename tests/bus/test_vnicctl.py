# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicctl as users and scripts run it, against the real service."""

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from vnic import kernel
from vnic.agent import Agent
from vnic.client import MANAGER, ROOT
from vnic.networks import network
from vnic.process import CLOSED, ROOM, identity, open_fds, poll, status_field, variables, without_fds


@pytest.fixture
def ctl(world):
    """ctl("list", …) as alice: (status, stdout, stderr)."""
    def run(*arguments, user="alice"):
        return world.output_as(user, [world.tool("vnicctl"), *arguments])
    return run


@contextlib.contextmanager
def kept(world, *arguments, user="alice"):
    """A `vnicctl create --json` that keeps its tap for the length of the `with`: (child, what it printed)."""
    child = world.run_as(user, [world.tool("vnicctl"), "create", "--json", *arguments],
                         stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        yield child, json.loads(line)
    finally:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        child.wait(5)
        child.stdout.close()
        child.stderr.close()


def test_create_keeps_its_tap_until_the_end_of_its_input(world, bridge):
    with kept(world, "--bridge", bridge, "--queues", "2", "--label", "web", "--isolated") as (child, said):
        name = said["interface"]
        assert kernel.link(name)["master"] == bridge and kernel.numqueues(name) == (2, 0)
        assert kernel.bridge_port(name)["isolated"]
        assert said["guest_mac"].startswith("52:54:00:") and said["queues"] == 2
        assert said["path"] == f"/org/vnicd1/endpoint/{name}" and "tso4" in said["offloads"]
        time.sleep(0.2)
        assert child.poll() is None
    assert child.returncode == 0
    assert kernel.wait_gone(name)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_create_ends_by_a_signal(world, bridge, number):
    with kept(world, "--bridge", bridge) as (child, said):
        child.send_signal(number)
        assert child.wait(5) == 0
    assert kernel.wait_gone(said["interface"])


def test_create_says_when_somebody_else_takes_its_tap(world, alice, bridge):
    with kept(world, "--bridge", bridge) as (child, said):
        alice.call(said["path"], "org.vnicd1.Endpoint", "Release")
        assert child.wait(5) == 1 and said["interface"] in child.stderr.read()


def test_list_and_show_say_what_there_is(world, ctl, bridge):
    with kept(world, "--bridge", bridge, "--label", "web", "--guest-mac", "52:54:00:00:00:21") as (_, said):
        status, out, _ = ctl("list", "--json")
        (entry,) = json.loads(out)
        assert status == 0 and entry["interface"] == said["interface"] and entry["label"] == "web"
        _, out, _ = ctl("list")
        header, line = out.splitlines()
        assert header.split()[:5] == ["INTERFACE", "BRIDGE", "OWNER", "LABEL", "GUEST-MAC"]
        assert line.split()[:2] == [said["interface"], bridge]
        assert header.index("GUEST-MAC") == line.index("52:54:00:00:00:21")
        for name in (said["interface"], "web"):
            status, out, _ = ctl("show", name, "--json")
            assert status == 0 and json.loads(out)["guest_mac"] == "52:54:00:00:00:21"
        assert "52:54:00:00:00:21" in ctl("show", "web")[1]
        assert json.loads(ctl("list", "--json", user="bob")[1]) == []
        assert len(json.loads(ctl("list", "--all", "--json", user="bob")[1])) == 1


def test_bridges_and_capabilities_are_those_of_the_service(ctl, alice, bridge, bridges):
    bridges("no0")
    status, out, _ = ctl("bridges", "--json")
    assert status == 0
    assert {entry["name"]: entry["access"] for entry in json.loads(out)} == {"yes0": "yes", "no0": "no"}
    assert re.search(r"^yes0\s+bridge\s+yes\s+1500\s", ctl("bridges")[1], re.M)
    status, out, _ = ctl("capabilities", "--json")
    properties = alice.get_all(ROOT, MANAGER)
    said = json.loads(out)
    assert status == 0 and said["offloads_supported"] == properties["OffloadsSupported"]
    assert said["max_queues"] == properties["MaxQueues"] and said["version"] == properties["Version"]
    assert "csum tso4 tso6" in ctl("capabilities")[1]


def test_release_takes_one_or_all(world, ctl, bridge):
    with kept(world, "--bridge", bridge, "--label", "a") as (_, one), \
            kept(world, "--bridge", bridge, "--label", "b") as (_, two):
        assert ctl("release", "a")[0] == 0
        assert not kernel.exists(one["interface"]) and kernel.exists(two["interface"])
        assert ctl("release", "--all")[0] == 0
        assert not kernel.exists(two["interface"])


def test_release_takes_those_with_a_label_prefix_or_on_a_bridge(ctl, alice, carol, bridge, bridges):
    bridges("yes1")
    taps = [alice.create_tap(bridge, label="vm-1"), alice.create_tap("yes1", label="vm-2"),
            alice.create_tap("yes1", label="web"), alice.create_tap(bridge)]
    on_none = carol.create_tap("-")
    kept_by_mistakes = sorted(kernel.our_links())
    for words in (["--all", "--bridge", bridge], ["--label-prefix", "vm-", "web"], ["--bridge", bridge, "web"], []):
        status, _out, err = ctl("release", *words)
        assert status == 2 and "release --help" in err and sorted(kernel.our_links()) == kept_by_mistakes
    assert ctl("release", "--label-prefix", "")[0] == 7 and sorted(kernel.our_links()) == kept_by_mistakes
    status, _out, err = ctl("release", "--bridge", "", user="carol")
    assert status == 2 and "--bridge" in err and sorted(kernel.our_links()) == kept_by_mistakes
    for words, number in ((["--label-prefix", "vm-", "--bridge", "yes1"], 1), (["--bridge", "yes1"], 1),
                          (["--bridge", "-"], 0), (["--label-prefix", "vm-"], 1), (["--bridge", bridge], 1)):
        assert ctl("release", *words)[:2] == (0, f"{number} released\n"), words
    assert kernel.our_links() == [on_none.interface]
    assert ctl("release", "--bridge", "-", user="carol")[:2] == (0, "1 released\n")
    for tap in (*taps, on_none):
        tap.close()


def test_a_label_like_the_name_of_an_interface_is_refused_before_anything_is_called(world, ctl, bridge):
    for verb in (["create"], ["run", "--bridge", bridge, "--and"]):
        words = [*verb, "--label", "vnic0badcafe", *(("--", "true") if verb[0] == "run" else ())]
        status, out, err = world.output_as("alice", [world.tool("vnicctl"), *words],
                                           env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
        assert (status, out) == (7, "") and "--label" in err and "vnic0badcafe" in err, err
    with kept(world, "--bridge", bridge, "--label", "vnic0badcaf"):
        pass
    assert ctl("release", "--label-prefix", "vnic0badcafe")[:2] == (0, "0 released\n")


def test_of_several_the_first_that_cannot_be_released_gives_the_status(world, ctl, bridge):
    with kept(world, "--bridge", bridge, "--label", "a") as (_, one):
        status, _out, err = ctl("release", "gone", "a")
        assert status == 5 and err.count("\n") == 1, err
        assert not kernel.exists(one["interface"])


def test_all_and_a_name_is_a_mistake_that_releases_nothing(world, ctl, bridge):
    with kept(world, "--bridge", bridge, "--label", "a") as (_, one):
        status, _out, err = ctl("release", "--all", "a")
        assert status == 2 and "release --help" in err
        assert kernel.exists(one["interface"])


@pytest.mark.parametrize("switch", ["--isolated", "--anti-spoof"])
def test_each_switch_is_the_option_of_its_name(world, ctl, bridge, switch):
    with kept(world, "--bridge", bridge, switch) as (_, said):
        (shown,) = json.loads(ctl("list", "--json")[1])
        assert {f"--{name.replace('_', '-')}" for name in ("isolated", "anti_spoof") if shown[name]} == {switch}
        assert kernel.bridge_port(said["interface"])["isolated"] == (switch == "--isolated")


@pytest.mark.parametrize("words", [["list", "--json"], ["list"], ["bridges"], ["bridges", "--json"], ["capabilities"],
                                   ["explain", "yes0"], ["explain", "yes0", "--json"], ["release", "--all"],
                                   ["doctor"], ["network", "list"]])
def test_what_cannot_be_written_is_an_error(world, bridge, words):
    with open("/dev/full", "w", encoding="ascii") as full:
        status, _out, err = world.output_as("alice", [world.tool("vnicctl"), *words], stdout=full)
    assert status not in (0, None) and "standard output" in err, err


def test_every_refusal_has_its_exit_status_and_a_sentence(ctl, bridge, bridges, world, alice):
    for name in ("no0", "ask0"):
        bridges(name)
    with alice.create_tap(bridge, label="taken", guest_mac="52:54:00:00:00:22"):
        for wanted, arguments in (
                (2, ["nonsense"]), (2, ["create", "--nonsense"]), (2, ["create", "--queues", "x"]),
                (2, ["create", "--bridge", bridge, "--queues", str(2**32 + 1)]),
                (3, ["create", "--bridge", "no0"]), (4, ["create", "--bridge", "ask0"]),
                (5, ["create", "--bridge", "gone0"]), (5, ["create", "--bridge", "lo"]),
                (5, ["create"]), (5, ["show", "gone"]), (5, ["release", "gone"]),
                (7, ["create", "--bridge", bridge, "--queues", "17"]),
                (7, ["create", "--bridge", bridge, "--label", "a b"]),
                (7, ["create", "--bridge", bridge, "--no-vnet-hdr", "--vnet-hdr-size", "12"]),
                (8, ["create", "--bridge", bridge, "--label", "taken"]),
                (8, ["create", "--bridge", bridge, "--guest-mac", "52:54:00:00:00:22"])):
            status, out, err = ctl(*arguments)
            assert (status, out) == (wanted, ""), (arguments, err)
            assert err.startswith("vnicctl: ") and err.rstrip().endswith((".", ")")), err
    taps = [alice.create_tap(bridge) for _ in range(32)]
    assert ctl("create", "--bridge", bridge)[0] == 6
    for tap in taps:
        tap.close()
    assert poll(lambda: not kernel.our_links(), 3.0)
    world.configure("[Limits]\nCreations=0\n")
    world.reload()
    try:
        status, out, err = ctl("create", "--bridge", bridge)
        assert (status, out) == (6, "") and "20 seconds" in err, err
    finally:
        world.configure()
        world.reload()
    status, _, err = world.output_as("alice", [world.tool("vnicctl"), "list"],
                                     env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"})
    assert status == 11 and err


def test_every_verb_has_help(ctl):
    text = ctl("--help")[1]
    for verb in ("capabilities", "bridges", "create", "list", "show", "release", "monitor", "run"):
        assert verb in text
        status, out, _ = ctl(verb, "--help")
        assert status == 0 and out.startswith(f"Usage: vnicctl {verb}")


def split_table(text):
    """The table, and what is printed below it."""
    table, _blank, below = text.partition("\n\n")
    return table.splitlines(), below.splitlines()


def test_warnings_of_bridges_stand_below_the_table(ctl, alice, bridges):
    """A sentence in a column would make every line as long as the longest."""
    bridges("yes0")  # nobody has set its MAC
    bridges("yes1", mac="02:00:00:00:00:01")
    warnings = {name: bridge["warnings"] for name, bridge in alice.list_bridges().items()}
    assert len(warnings["yes0"]) > len(warnings["yes1"])
    table, below = split_table(ctl("bridges")[1])
    assert table[0].split() == ["NAME", "KIND", "ACCESS", "MTU", "PORTS", "LEADS-TO"]
    assert all(len(line) < 80 for line in table)
    assert sorted(below) == sorted(f"{name}: {text}" for name, texts in warnings.items() for text in texts)


def test_warnings_of_networks_stand_below_the_table(ctl, root):
    with network(root, "yesnet", "isolated", services=False) as made:
        assert poll(lambda: made.get("Warnings"), 5)
        table, below = split_table(ctl("network", "list")[1])
        assert "WARNINGS" not in table[0] and all(len(line) < 100 for line in table)
        assert below == [f"yesnet: {text}" for text in made.get("Warnings")]
        shown = ctl("network", "show", "yesnet")[1].splitlines()
        assert all(any(line.endswith(text) for line in shown) for text in made.get("Warnings"))


def test_an_endpoint_with_warnings_is_marked_in_the_list_and_shows_each_in_a_line(ctl, alice, bridge):
    with alice.create_tap(bridge, label="well") as _well, alice.create_tap(bridge, label="ill", isolated=True) as ill:
        kernel.run("ip", "link", "set", ill.interface, "down")
        kernel.run("ip", "link", "set", ill.interface, "name", "ill0")
        assert poll(lambda: len(ill.get("Warnings")) == 2, 5)
        table, below = split_table(ctl("list")[1])
        assert table[0].split()[-1] == "WARNINGS" and below == []
        assert {line.split()[3]: line.split()[-1] for line in table[1:]} == {"well": "-", "ill": "2"}
        shown = ctl("show", "ill")[1].splitlines()
        assert [line for line in shown if line.startswith("warnings ")][0].endswith(ill.get("Warnings")[0])
        assert any(line.strip() == ill.get("Warnings")[1] for line in shown)
        assert "n_warnings" not in ctl("list", "--json")[1]


def test_run_becomes_the_program_with_everything_filled_in(world, ctl, bridge):
    script = ("import os,sys,fcntl,struct,json\n"
              "fds=[int(n) for n in sys.argv[1].split(':')]\n"
              "names=[fcntl.ioctl(fd,0x800454d2,bytes(40))[:16].rstrip(b'\\0').decode() for fd in fds]\n"
              "print(json.dumps([os.getpid(), fds, names, sys.argv[2:], [n for n in map(int, os.listdir('/proc/self/fd')) if os.path.exists(f'/proc/self/fd/{n}')]]))")
    child = world.run_as("alice", [world.tool("vnicctl"), "run", "--bridge", bridge, "--queues", "3", "--",
                                   "/usr/bin/python3", "-c", script, "{fds}", "{queues}", "{vectors}",
                                   "{mac}", "{ifname}", "{other}", "a{queues}b{mac}"])
    out, err = child.communicate(timeout=20)
    assert child.returncode == 0, err
    pid, fds, names, words, open_fds = json.loads(out)
    assert pid == child.pid and len(fds) == 3
    assert names == [words[3]] * 3
    assert words[:2] == ["3", "8"] and words[4] == "{other}"
    assert words[5] == f"a3b{words[2]}" and re.fullmatch(r"52:54:00(:[0-9a-f]{2}){3}", words[2])
    assert set(open_fds) <= {0, 1, 2, *fds}, "something else than the queues was handed over"
    assert kernel.wait_gone(names[0])


WRITE_FDS = """
import fcntl, json, os, sys
queues = [int(fd) for fd in sys.argv[2].split(":")]
names = [fcntl.ioctl(fd, 0x800454d2, bytes(40))[:16].rstrip(b"\\0").decode() for fd in queues]
there = [number for number in range(3) if os.path.exists(f"/proc/self/fd/{number}")]
with open(sys.argv[1], "w") as file:
    json.dump([queues, names, there], file)
"""


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_run_hands_no_queue_over_as_a_standard_fd(world, bridge, closed):
    """If some of these are closed when run is started, they are closed in the program too."""
    file = ROOM / "standard-fds"
    file.touch()
    file.chmod(0o666)
    command = [world.tool("vnicctl"), "run", "--bridge", bridge, "--queues", "2", "--", "/usr/bin/python3", "-c",
               WRITE_FDS, file, "{fds}"]
    child = world.run_as("alice", without_fds(closed, command))
    child.communicate(timeout=20)
    assert child.returncode == 0
    queues, names, there = json.loads(file.read_text(encoding="ascii"))
    assert len(queues) == 2 and min(queues) > 2 and len(set(names)) == 1 and names[0].startswith("vnic")
    assert there == [fd for fd in range(3) if fd not in closed]


def test_with_closed_standard_fds_nothing_of_its_own_stands_there(world, alice, bridge):
    """Nor do any of its other files: what it prints is lost."""
    command = [world.tool("vnicctl"), "monitor", "--json"]
    children = [world.run_as("alice", without_fds(closed, command)) for closed in CLOSED]
    try:
        for closed, child in zip(CLOSED, children, strict=True):
            assert poll(lambda pid=child.pid: "socket:" in "".join(open_fds(pid).values()), 10)
            assert {fd: open_fds(child.pid).get(fd) for fd in closed} == dict.fromkeys(closed, "/dev/null")
        for closed, child in zip(CLOSED, children, strict=True):
            if 2 not in closed:
                assert "watching" in child.stderr.readline()
        time.sleep(0.2)  # the others cannot report it
        with alice.create_tap(bridge) as tap:
            for closed, child in zip(CLOSED, children, strict=True):
                if 1 not in closed:
                    assert json.loads(child.stdout.readline())["interface"] == tap.interface
        for child in children:
            assert child.poll() is None
            child.send_signal(signal.SIGTERM)
            assert child.wait(10) == 0
    finally:
        for child in children:
            child.kill()
            child.communicate()


def test_run_ends_as_its_program_does(ctl, bridge):
    assert ctl("run", "--bridge", bridge, "--", "sh", "-c", "exit 42")[0] == 42
    assert ctl("run", "--bridge", bridge, "--", "/nonexistent")[0] == 127
    assert ctl("run", "--bridge", bridge, "--", "/etc/passwd")[0] == 126
    assert poll(lambda: not kernel.our_links(), 2.0)


def test_run_refuses_a_single_fd_for_several_queues_before_anything_is_made(ctl, alice, bridge):
    signals = alice.subscribe("org.freedesktop.DBus.ObjectManager")
    assert ctl("run", "--bridge", bridge, "--queues", "2", "--", "echo", "{fd}")[0] == 2
    alice.get(ROOT, MANAGER, "Version")
    assert signals.all() == []


SHOW = """
import fcntl, json, sys
def name(fd):
    return fcntl.ioctl(fd, 0x800454d2, bytes(40))[:16].rstrip(b"\\0").decode()
print(json.dumps([[name(int(fd)) for fd in sys.argv[1].split(":")], [name(int(fd)) for fd in sys.argv[2].split(":")],
                  sys.argv[3:]]), flush=True)
sys.stdin.read()
"""


def test_run_gives_a_program_several_cards(world, bridge, bridges):
    bridges("yes1")
    child = world.run_as("alice", [world.tool("vnicctl"), "run", "--bridge", bridge, "--queues", "2", "--and", "--bridge",
                                   "yes1", "--guest-mac", "52:54:00:00:0f:02", "--and", "--no-vnet-hdr", "--bridge", bridge,
                                   "--", "/usr/bin/python3", "-c", SHOW, "{fds1}", "{fd2}", "{ifname1}", "{ifname2}",
                                   "{mac2}", "{queues1}{queues2}{vectors1}", "{ifname3}"], stdin=subprocess.PIPE)
    first, second, words = json.loads(child.stdout.readline())
    assert first == [words[0]] * 2 and second == [words[1]]
    assert words[2:4] == ["52:54:00:00:0f:02", "216"]
    assert [kernel.link(name)["master"] for name in (words[0], words[1], words[4])] == [bridge, "yes1", bridge]
    assert kernel.numqueues(words[0]) == (2, 0) and not kernel.tun(words[4])["vnet_hdr"]
    child.communicate(timeout=10)
    assert child.returncode == 0
    assert all(kernel.wait_gone(name) for name in (*first, *second, words[4]))


def test_run_makes_all_of_its_taps_or_none(ctl, alice, bridge, bridges):
    bridges("no0")
    signals = alice.subscribe(MANAGER, "EndpointRemoved")
    status, out, err = ctl("run", "--bridge", bridge, "--and", "--bridge", "no0", "--", "echo", "begun")
    assert status == 3 and "no0" in err and "begun" not in out
    signals.wait_for(lambda *_: True)  # the first one was created, and removed
    assert kernel.our_links() == []


@pytest.mark.parametrize(("words", "says"), [
    (("--and", "--", "echo", "{mac}"), "{mac1}"), (("--and", "--", "echo", "x{mac3}"), "{mac3}"),
    (("--", "echo", "{fds2}"), "{fds2}"), (("--and", "--queues", "2", "--", "echo", "{fd1}", "{fd2}"), "--queues 1"),
    (("--and",), "PROGRAM"), (("--and", "--"), "run --help"), (("--and", "--nonsense", "--", "echo"), "--nonsense"),
    (("--and",) * 16 + ("--", "echo"), "16 taps")])
def test_run_says_what_is_wrong_with_several_taps_before_it_makes_one(ctl, alice, bridge, words, says):
    signals = alice.subscribe("org.freedesktop.DBus.ObjectManager")
    status, _out, err = ctl("run", "--bridge", bridge, *words)
    assert status == 2 and says in err
    alice.get(ROOT, MANAGER, "Version")
    assert signals.all() == []


def test_run_gives_a_program_sixteen_cards(ctl, bridge):
    status, out, err = ctl("run", "--bridge", bridge, *(("--and", "--bridge", bridge) * 15), "--", "echo", "{ifname1}",
                           "{ifname16}")
    assert status == 0, err
    assert len(set(out.split())) == 2


def test_run_waits_until_frames_pass(world, ctl, bridges):
    """This is on a bridge with the spanning tree protocol, for both of its cards; the control starts at
    once."""
    bridges("yes0")
    kernel.run("ip", "link", "set", "yes0", "type", "bridge", "stp_state", "1", "forward_delay", "200")
    line = ("--", "cat", "/sys/class/net/{ifname1}/brport/state", "/sys/class/net/{ifname2}/brport/state")
    _status, out, _err = ctl("run", "--bridge", "yes0", "--and", "--bridge", "yes0", *line)
    assert out.split() == ["1", "1"]  # BR_STATE_LISTENING
    status, out, err = ctl("run", "--bridge", "yes0", "--and", "--bridge", "yes0", "--wait", *line)
    assert (status, out.split()) == (0, ["3", "3"]), err  # BR_STATE_FORWARDING


@pytest.mark.restarts
def test_run_waits_over_a_restart_of_the_service(world, bridges):
    bridges("yes0")
    kernel.run("ip", "link", "set", "yes0", "type", "bridge", "stp_state", "1", "forward_delay", "300")
    child = world.run_as("alice", [world.tool("vnicctl"), "run", "--bridge", "yes0", "--wait", "--", "cat",
                                   "/sys/class/net/{ifname}/brport/state"])
    assert "waiting" in child.stderr.readline()
    world.restart_service()
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out.strip()) == (0, "3"), err


def test_run_does_not_wait_for_a_tap_that_somebody_removes(world, bridges):
    bridges("yes0")
    kernel.run("ip", "link", "set", "yes0", "type", "bridge", "stp_state", "1")
    child = world.run_as("alice", [world.tool("vnicctl"), "run", "--bridge", "yes0", "--wait", "--", "echo", "begun"])
    assert "waiting" in child.stderr.readline()
    (name,) = kernel.our_links()
    kernel.del_link(name)
    out, err = child.communicate(timeout=20)
    assert child.returncode != 0 and "begun" not in out and err


def test_monitor_prints_what_happens(world, alice, bridge):
    child = world.run_as("bob", [world.tool("vnicctl"), "monitor", "--json"])
    assert "watching" in child.stderr.readline().lower()
    with alice.create_tap(bridge, True, True, queues=2, label="web") as tap:
        added = json.loads(child.stdout.readline())
        assert added["event"] == "added" and added["interface"] == tap.interface
        kernel.detach(tap.fds[1])
        changed = json.loads(child.stdout.readline())
        assert changed["event"] == "changed" and changed["interface"] == tap.interface
        tap.release()
    events = [changed]
    while events[-1]["event"] != "removed":
        events.append(json.loads(child.stdout.readline()))
    assert events[-1]["reason"] == "released"
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    child.stdout.close()
    child.stderr.close()


@pytest.mark.restarts
def test_monitor_goes_on_over_a_restart_of_the_service(world, bridge):
    child = world.run_as("bob", [world.tool("vnicctl"), "monitor", "--json"])
    assert "watching" in child.stderr.readline().lower()
    world.restart_service()
    with world.client("alice") as alice, alice.create_tap(bridge) as tap:
        interface = None
        while interface != tap.interface:
            assert select.select([child.stdout], [], [], 10)[0], "it says nothing any more"
            interface = json.loads(child.stdout.readline()).get("interface")
    child.send_signal(signal.SIGINT)
    assert child.wait(5) == 0
    child.communicate()


class Terminal:
    """A terminal with a vnicctl in it."""

    def __init__(self, world, *arguments, user="alice"):
        self.master, slave = pty.openpty()
        # It has its controlling terminal, as when a shell starts it; tests in the background ignore SIGINT.
        self.child = subprocess.Popen(
            ["env", "--default-signal=INT", "setsid", "--ctty", "--wait", str(world.tool("vnicctl")), *arguments],
            stdin=slave, stdout=slave, stderr=slave, cwd="/", env=variables(user, world.bus.address), **identity(user))
        os.close(slave)
        self.text = ""

    def wait_for(self, words, timeout=10.0):
        end = time.monotonic() + timeout
        while words not in self.text and time.monotonic() < end:
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 4096).decode(errors="replace")
                except OSError:  # the other side is closed
                    break
        assert words in self.text, self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def wait_for_silence(self):
        """Turning the echo off discards what was typed before."""
        assert poll(lambda: not termios.tcgetattr(self.master)[3] & termios.ECHO, 10.0)

    def end(self):
        """Its exit status; the terminal stays open until then."""
        return self.child.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        os.close(self.master)  # this hangs up whatever is still there
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def test_in_a_terminal_polkit_asks_for_a_password(world, bridges):
    bridges("ask0")
    with Terminal(world, "create", "--bridge", "ask0") as terminal:
        terminal.wait_for("org.vnicd1.use-bridge")
        terminal.wait_for("assword")
        assert "ask0" in terminal.text and kernel.our_links() == []
        terminal.type("\x03")
        terminal.end()
    assert kernel.our_links() == []


def test_in_a_terminal_nothing_is_asked_with_no_ask(world, bridges):
    bridges("ask0")
    with Terminal(world, "create", "--bridge", "ask0", "--no-ask") as terminal:
        terminal.wait_for("needs the answer of an administrator")
        assert "assword" not in terminal.text
        assert terminal.end() == 4


def test_in_a_terminal_nothing_is_asked_about_any_card_with_no_ask(world, bridge, bridges):
    bridges("ask0")
    with Terminal(world, "run", "--no-ask", "--bridge", bridge, "--and", "--bridge", "ask0", "--", "echo", "begun") as terminal:
        terminal.wait_for("needs the answer of an administrator")
        assert "assword" not in terminal.text and "begun" not in terminal.text
        assert terminal.end() == 4


# It stops before it begins, so that an agent can be registered for it.
STOPPED = 'kill -STOP $$; exec "$@"'


@pytest.mark.parametrize(("words", "asked"), [([], False), (["--ask"], True)])
def test_outside_of_a_terminal_a_desktop_is_asked_only_if_that_was_said(world, alice, bridges, words, asked):
    bridges("ask0")
    child = world.run_as("alice", ["sh", "-c", STOPPED, "sh", world.tool("vnicctl"), "create", "--bridge", "ask0", *words])
    try:
        assert poll(lambda: status_field(child.pid, "State").startswith("T"), 10)
        with Agent(world, alice, "dismiss", pid=child.pid) as agent:
            child.send_signal(signal.SIGCONT)
            _out, err = child.communicate(timeout=20)
            assert len(agent.prompts) == asked and child.returncode in (3, 4), err
    finally:
        child.kill()


def test_the_right_password_gives_the_tap(world, bridges):
    """The whole path is used: text agent, polkit's helper, PAM and root's password, in this world only."""
    bridges("ask0")
    shadow = "/run/vnicd-world/shadow"
    hashed = kernel.run("openssl", "passwd", "-6", "-salt", "vnicd", "let me in").strip()
    with open("/etc/shadow", encoding="ascii") as lines:
        rows = [f"root:{hashed}:19000:0:99999:7:::\n" if row.startswith("root:") else row for row in lines]
    with open(shadow, "w", encoding="ascii") as copy:
        os.fchmod(copy.fileno(), 0o600)
        copy.writelines(rows)
    kernel.run("mount", "--bind", shadow, "/etc/shadow")
    try:
        with Terminal(world, "create", "--bridge", "ask0") as terminal:
            terminal.wait_for("assword")
            terminal.wait_for_silence()
            terminal.type("let me in\n")
            terminal.wait_for("52:54:00:")
            (name,) = kernel.our_links()
            assert kernel.link(name)["master"] == "ask0"
            terminal.type("\x04")
            assert terminal.end() == 0
        assert kernel.wait_gone(name)
    finally:
        kernel.run("umount", "/etc/shadow")
