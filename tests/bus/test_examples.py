# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/examples as written, against the real service: what each prints, and that the queues it was given are
queues. Those are taken from the running example, and a frame goes each way. Bindings are generated from what is
installed, by the commands in the head of the example."""

import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from vnic import frames, kernel
from vnic.agent import Agent
from vnic.contract import install
from vnic.process import ROOM, open_fds, poll

LINES = 60
PIDFD_GETFD = 438
MEGABYTE = 1 << 20
NEIGHBOUR = "52:54:00:00:00:73"
INTERFACES = "pkg-config --variable=interfaces_dir vnicd"
libc = ctypes.CDLL(None, use_errno=True)
EXAMPLES = ("create-tap.c", "create-tap.py", "create-tap-jeepney.py", "create-tap.js", "create-tap-dasbus.py",
            "create-tap-proxy.js", "create-tap-gdbus.c", "create-tap-qt.cpp", "create-tap-sdbus.cpp")
SINGLE_QUEUE = "open-tap.go"
NEEDS = {"create-tap.c": ("cc",), SINGLE_QUEUE: ("go", "/usr/share/gocode/src/github.com/godbus/dbus"),
         "create-tap-jeepney.py": ("/usr/lib/python3/dist-packages/jeepney",),
         "create-tap.js": ("gjs",), "create-tap-proxy.js": ("gjs",),
         "create-tap-dasbus.py": ("/usr/lib/python3/dist-packages/dasbus",),
         "create-tap-gdbus.c": ("gdbus-codegen",), "create-tap-qt.cpp": ("qdbusxml2cpp",),
         "create-tap-sdbus.cpp": ("sdbus-c++-xml2cpp",)}


def take(pid, fd):
    """Duplicate a descriptor of another process."""
    process = os.pidfd_open(pid)
    try:
        taken = libc.syscall(PIDFD_GETFD, process, fd, 0)
        if taken < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        return taken
    finally:
        os.close(process)


@contextlib.contextmanager
def queues_of(pid):
    taken = [take(pid, fd) for fd, target in sorted(open_fds(pid).items()) if target == "/dev/net/tun"]
    try:
        yield taken
    finally:
        for fd in taken:
            os.close(fd)


@pytest.fixture(scope="module")
def command(world):
    """command("create-tap.c") → its command line; the example is compiled once, by the commands in its head, if
    there are any."""
    folder = world.source / "docs" / "examples"
    installed = ROOM / "installed"
    install(installed)

    def of(name):
        for needed in NEEDS.get(name, ()):
            if not (os.path.exists(needed) or shutil.which(needed)):
                pytest.skip(f"{needed} is not installed")
        recipe = recipe_of((folder / name).read_text(encoding="utf-8"))
        if not recipe:
            return ["env", f"XDG_DATA_DIRS={installed}/usr/share:/usr/share", folder / name]
        program = ROOM / name.partition(".")[0] / name.partition(".")[0]
        if not program.exists():
            program.parent.mkdir(exist_ok=True)
            shutil.copy(folder / name, program.parent)
            # Only vnicd's interfaces are below that root. Go uses nothing of the host's, and no network.
            recipe = recipe.replace(INTERFACES, f"PKG_CONFIG_SYSROOT_DIR={installed} {INTERFACES}")
            subprocess.run(["sh", "-euc", recipe], check=True, cwd=program.parent,
                           env={"PATH": os.environ["PATH"], "GOCACHE": str(ROOM / "go-cache"), "GOPROXY": "off",
                                "PKG_CONFIG_PATH": f"{installed}/usr/share/pkgconfig"})
            program.chmod(0o755)
        return [program]
    return of


def recipe_of(text):
    """The commands in the comment at the beginning of a program: the lines that are indented there."""
    return "\n".join(line.removesuffix("*/") for line in re.findall(r"^(?: \*   |//   |//\t)(.*)$", text, re.M))


def works(pid, interface, bridge, alice):
    """A frame from each queue reaches a neighbour, and one of the neighbour's arrives at one of them."""
    with alice.create_tap(bridge) as neighbour, queues_of(pid) as queues:
        assert len(queues) == 2
        for number, queue in enumerate(queues):
            assert kernel.queue_info(queue)[0] == interface
            frame = frames.plain(frames.BROADCAST, "52:54:00:00:00:71", b"from %d" % number)
            frames.send(queue, frame, frames.hdr())
            assert frames.receive(neighbour.fds[0], 2.0, want=lambda got, frame=frame: got == frame)
        frame = frames.plain(frames.BROADCAST, "52:54:00:00:00:72", b"back")
        frames.send(neighbour.fds[0], frame, frames.hdr())
        assert frames.receive_any(queues, 2.0, want=lambda got: got == frame)


@pytest.mark.deadline(300)  # the first compilation
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_holds_a_tap_that_works_and_ends_with_its_input(world, alice, bridge, command, name):
    child = world.run_as("alice", [*command(name), bridge], stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        interface = line.split()[0].rstrip(":")
        assert [interface] == kernel.our_links() and kernel.link(interface)["master"] == bridge
        if name != "create-tap.c":
            mac = re.search(r"guest MAC (\S+),", line)[1]
            assert kernel.link(interface)["address"] == "fe" + mac[2:]
            assert line.rstrip().endswith("offloads: " + " ".join(_supported(alice, interface)))
        else:
            assert line == f"{interface} has 2 queues\n"
        works(child.pid, interface, bridge, alice)
    finally:
        child.communicate("\n", timeout=10)
    assert child.returncode == 0
    assert kernel.wait_gone(interface)


def _supported(alice, interface):
    return alice.get(f"/org/vnicd1/endpoint/{interface}", "org.vnicd1.Tap", "OffloadsSupported")


@pytest.mark.deadline(180)  # the first compilation
def test_a_program_in_go_moves_a_megabyte_each_way_through_a_single_queue(world, alice, bridge, command):
    """Its binding is Debian's godbus, which loses arrays of fds. It sends back what it receives."""
    child = world.run_as("alice", [*command(SINGLE_QUEUE), bridge], stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line, child.stderr.read()
        interface, mac = re.fullmatch(r"(\S+): guest MAC (\S+)\n", line).groups()
        assert kernel.our_links() == [interface] and kernel.link(interface)["master"] == bridge
        before = carried(interface)
        with alice.create_tap(bridge, False) as neighbour:
            send_and_receive(neighbour.fds[0], mac, MEGABYTE)
        assert all(now - then >= MEGABYTE for now, then in zip(carried(interface), before, strict=True))
    finally:
        child.communicate("\n", timeout=10)
    assert child.returncode == 0, child.stderr
    assert kernel.wait_gone(interface)


def test_a_program_in_go_that_is_killed_leaves_no_tap(world, bridge, command):
    child = world.run_as("alice", [*command(SINGLE_QUEUE), bridge], stdin=subprocess.PIPE)
    interface = child.stdout.readline().split(":")[0]
    assert kernel.exists(interface)
    with queues_of(child.pid) as queues:
        child.kill()
        child.communicate(timeout=10)
        assert len(queues) == 1 and kernel.exists(interface)  # the test holds the last fd
    assert kernel.wait_gone(interface)


def carried(interface):
    """Bytes from its holder and to it, as the kernel counts them."""
    folder = pathlib.Path("/sys/class/net", interface, "statistics")
    return [int((folder / name).read_text()) for name in ("rx_bytes", "tx_bytes")]


def send_and_receive(queue, mac, size):
    """Send that many bytes to the MAC, in frames that are all different, and receive them all back."""
    for number in range(-(-size // 1400)):
        frame = frames.plain(mac, NEIGHBOUR, number.to_bytes(4, "big") * 350)
        back = frames.plain(NEIGHBOUR, mac, number.to_bytes(4, "big") * 350)
        os.write(queue, frame)
        assert frames.receive(queue, 2.0, want=lambda got, back=back: got == back, header=0), number


@pytest.mark.deadline(300)
@pytest.mark.parametrize("name", (*EXAMPLES, SINGLE_QUEUE))
def test_an_example_gets_its_tap_once_an_administrator_agrees(world, alice, bridges, command, name):
    bridges("ask0")
    child = world.run_as("alice", ["sh", "-c", 'read _; exec "$@"', "sh", *command(name), "ask0"],
                         stdin=subprocess.PIPE)
    try:
        with Agent(world, alice, pid=child.pid) as agent:
            child.stdin.write("\n")
            child.stdin.flush()
            assert child.stdout.readline(), child.stderr.read()
            assert [prompt.action for prompt in agent.prompts] == ["org.vnicd1.use-bridge"]
    finally:
        child.communicate(timeout=10)
    assert poll(lambda: not kernel.our_links(), 2.0)


@pytest.mark.deadline(300)
@pytest.mark.parametrize("name", (*EXAMPLES, SINGLE_QUEUE))
def test_an_example_says_why_it_was_refused(world, bridges, command, name):
    bridges("no0")
    status, out, err = world.output_as("alice", [*command(name), "no0"])
    assert status == 1 and out == "" and "no0" in err and "Traceback" not in err


@pytest.mark.deadline(180)  # the first compilation
def test_the_qt_example_lists_the_bridges_if_it_is_given_none(world, bridges, command):
    """QtDBus aborts a program that receives a list of dictionaries which it has not registered."""
    for name in ("yes0", "no0"):
        bridges(name)
    status, out, err = world.output_as("alice", command("create-tap-qt.cpp"))
    assert status == 1 and out == ""
    assert sorted(err.removeprefix("Usage: create-tap-qt BRIDGE, one of:").split()) == ["no0", "yes0"]


def test_the_shell_example_runs_a_program_on_a_tap(world, bridge):
    path = {"PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}"}
    script = world.source / "docs" / "examples" / "with-vnicctl.sh"
    status, out, err = world.output_as(
        "alice", [script, bridge, "sh", "-c", "readlink /proc/self/fd/$1; cat /sys/class/net/$2/brport/bridge/uevent; exit 7",
                  "sh", "{fd}", "{ifname}"], env=path)
    assert status == 7, err
    assert out.splitlines()[0] == "/dev/net/tun" and f"INTERFACE={bridge}" in out
    assert poll(lambda: not kernel.our_links(), 2.0)


def test_the_shell_example_says_what_would_help(world, bridges):
    path = {"PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}"}
    script = world.source / "docs" / "examples" / "with-vnicctl.sh"
    bridges("ask0")
    status, _, err = world.output_as("alice", [script, "ask0", "true"], env=path)
    assert status == 4 and "polkit.addRule" in err
    status, _, err = world.output_as("alice", [script, "gone0", "true"], env=path)
    assert status == 5 and "ask0" in err


def test_the_busctl_example_serves_a_program_that_opens_its_tap_by_name(world, alice, bridge):
    # The port forwards a moment after somebody has opened the tap; so, like a guest, this sends it more than once.
    vmm = ("import fcntl,os,struct,sys,time; fd=os.open('/dev/net/tun', os.O_RDWR); "
           "fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', sys.argv[1].encode(), 0x5002)); "
           "[os.write(fd, bytes(10)+bytes.fromhex('ffffffffffff'+sys.argv[2].replace(':','')+'88b5')+b'by name'.ljust(46)) and "
           "time.sleep(0.05) for _ in range(20)]; "
           "print(sys.argv[1])")
    with alice.create_tap(bridge) as neighbour:
        status, out, err = world.output_as(
            "alice", [world.source / "docs" / "examples" / "persistent-tap.sh", bridge, "/usr/bin/python3", "-c", vmm,
                      "{tap}", "{mac}"])
        assert status == 0, err
        assert frames.receive(neighbour.fds[0], 2.0, want=frames.carries(b"by name"))
        assert kernel.wait_gone(out.split()[0])


def test_the_examples_are_short(world):
    for path in sorted((world.source / "docs" / "examples").iterdir()):
        lines = len(pathlib.Path(path).read_text(encoding="utf-8").splitlines())
        assert lines <= LINES, f"{path.name} has {lines} lines"
