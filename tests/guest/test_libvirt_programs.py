# SPDX-License-Identifier: LGPL-2.1-or-later
"""virt-install, virt-manager and GNOME Boxes as Debian has them, on the libvirt session of an ordinary user. They know
nothing of vnicd."""

import contextlib
import pathlib
import shutil

import pytest
from vnic import guest, kernel, libvirt
from vnic.networks import network
from vnic.process import Process, identity, poll, variables

MAC = "52:54:00:00:10:52"
PRESS = pathlib.Path(__file__).with_name("press")
PROGRAMS = ("virt-install", "virt-manager", "gnome-boxes", "Xvfb", "qemu-img")

pytestmark = [pytest.mark.deadline(300), pytest.mark.long,
              pytest.mark.skipif(not libvirt.is_installed() or not all(map(shutil.which, PROGRAMS)),
                                 reason="tools/install-dependencies desktop")]


@pytest.fixture
def net(root):
    with network(root, "vnicbr0") as made:
        yield made


@pytest.fixture
def session(world, net):
    with contextlib.closing(libvirt.Session(world)) as opened:
        assert opened.vnicctl("sync") == (0, "defined vnicbr0\n", "")
        yield opened


def install(session, name, interface, *more, **options):
    """virt-install of a machine that boots the tests' guest."""
    words = f"console=ttyS0 quiet panic=-1 {guest.command_line(options)}"
    return session.world.output_as(session.user, [
        "virt-install", "--connect", "qemu:///session", "--virt-type", "qemu", "--name", name, "--memory", "256",
        "--osinfo", "linux2022", "--import", "--disk", "none", "--network", f"{interface},mac={MAC},model=virtio",
        "--boot", f"kernel={guest.cache()}/vmlinuz,initrd={guest.cache()}/initramfs.gz,kernel_args={words}",
        "--serial", f"file,path={session.home}/{name}.console", "--noautoconsole", *more], timeout=120, env=session.env)


@pytest.mark.parametrize("interface", ["network=vnicbr0", "bridge=vnicbr0"])
def test_virt_install(session, net, interface):
    status, out, err = install(session, "installed", interface, "--graphics", "none", "--transient", dhcp="web",
                               ping=net.address(4), wait=60)
    assert status == 0, out + err
    (tap,) = kernel.our_links()
    assert kernel.link(tap)["master"] == "vnicbr0"
    console = session.home / "installed.console"
    assert poll(lambda: f"VNIC-RESULT ping {net.address(4)} ok" in " ".join(console.read_text().split()), 90, 0.5), \
        console.read_text()
    assert session.virsh("destroy", "installed")[0] == 0
    assert kernel.wait_gone(tap)


class Screen:
    """An X server without a screen, a session bus, and somebody in front of them."""

    def __init__(self, session):
        self.session, self.world, self.stack = session, session.world, contextlib.ExitStack()
        bus = pathlib.Path(session.env["XDG_RUNTIME_DIR"], "session-bus")
        bus.unlink(missing_ok=True)
        self.env = {**session.env, "DISPLAY": ":97", "GDK_BACKEND": "x11", "LIBGL_ALWAYS_SOFTWARE": "1",
                    "GSETTINGS_BACKEND": "keyfile", "DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"}
        # It leaves no file in /tmp. Its abstract socket is in the network namespace of the world.
        self.start("unshare", "--mount", "sh", "-c", """mount -t tmpfs -o mode=1777 tmpfs /tmp
            exec Xvfb :97 -screen 0 1280x1024x24 -nolisten tcp -ac""", who="root")
        assert poll(lambda: "@/tmp/.X11-unix/X97" in pathlib.Path("/proc/net/unix").read_text(), 30, 0.1)
        self.start("dbus-daemon", "--session", "--nofork", f"--address=unix:path={bus}")
        assert poll(bus.exists, 30, 0.1)
        settings = session.home / ".config" / "glib-2.0" / "settings"
        settings.mkdir(parents=True, exist_ok=True)
        (settings / "keyfile").write_text("[org/gnome/boxes]\nfirst-run=false\n")

    def start(self, *argv, who=None):
        process = Process(argv[0], argv, env=variables(self.session.user, self.world.bus.address, self.env),
                          **identity(who or self.session.user))
        self.stack.callback(process.stop)
        return process

    def press(self, *names):
        status, out, err = self.world.output_as(self.session.user, ["/usr/bin/python3", PRESS, "90", *names],
                                                env=self.env, timeout=110)
        assert status == 0, out + err


@pytest.fixture
def screen(session):
    made = Screen(session)
    with made.stack:
        yield made


def define(session, name, interface, *more):
    status, out, err = install(session, name, interface, "--print-xml", *more, dhcp="web", wait=60)
    assert status == 0, err
    file = session.home / f"{name}.xml"
    file.write_text(out)
    assert session.virsh("define", str(file))[0] == 0


def check_that_it_runs(session, name, program):
    """The machine has a tap on vnicbr0, and has sent something by it."""
    assert poll(lambda: any(kernel.link(tap).get("master") == "vnicbr0" for tap in kernel.our_links()), 90, 0.2), \
        program.output()
    (tap,) = kernel.our_links()
    console = session.home / f"{name}.console"
    assert poll(lambda: "VNIC-RESULT dhcp web ok" in console.read_text(), 90, 0.5), console.read_text()
    assert session.virsh("destroy", name)[0] == 0
    assert kernel.wait_gone(tap)


@pytest.mark.parametrize("interface", ["network=vnicbr0", "bridge=vnicbr0"])
def test_virt_manager_starts_a_machine(screen, session, interface):
    define(session, "managed", interface, "--graphics", "none")
    program = screen.start("virt-manager", "--no-fork", "--connect", "qemu:///session", "--show-domain-console", "managed")
    screen.press("Run")
    check_that_it_runs(session, "managed", program)


def test_boxes_starts_a_machine(screen, session):
    define(session, "boxed", "network=vnicbr0", "--graphics", "spice")
    program = screen.start("gnome-boxes", "--open-uuid", session.virsh("domuuid", "boxed")[1].strip())
    check_that_it_runs(session, "boxed", program)


def test_boxes_gives_a_new_machine_a_bridge(screen, session, world, bridges):
    """It knows virbr0 alone, and wants to see a line in bridge.conf, which nobody else reads."""
    bridges("virbr0")
    world.polkit.add_rule("polkit.addRule(function (action) { if (action.lookup('bridge') == 'virbr0') "
                          "{ return polkit.Result.YES; } });")
    try:
        image = session.home / "disk.qcow2"
        kernel.run("qemu-img", "create", "-q", "-f", "qcow2", image, "64M")
        image.chmod(0o666)
        program = screen.start("unshare", "--mount", "sh", "-c", """mkdir -p /run/etc/upper /run/etc/work
            cp /etc/passwd /etc/group /run/etc/upper
            mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc
            mkdir -p /etc/qemu
            echo 'allow virbr0' >/etc/qemu/bridge.conf
            exec setpriv --reuid=alice --regid=alice --init-groups gnome-boxes "$0" """, str(image), who="root")
        screen.press("Next", "Create")
        assert poll(lambda: any(kernel.link(tap).get("master") == "virbr0" for tap in kernel.our_links()), 90, 0.2), \
            program.output()
        (tap,) = kernel.our_links()
        assert session.virsh("destroy", session.virsh("list", "--name")[1].strip())[0] == 0
        assert kernel.wait_gone(tap)
    finally:
        world.polkit.remove_rule()
