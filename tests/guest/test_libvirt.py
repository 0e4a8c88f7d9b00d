# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's qemu:///session of an ordinary user. The user starts its daemon here, in the world."""

import contextlib
import shutil

import pytest
from vnic import guest, kernel, libvirt, variant
from vnic.frames import frame_lengths
from vnic.logind import FakeLogind
from vnic.networks import network
from vnic.process import poll

HOST = "192.0.2.1"
MAC = "52:54:00:00:10:51"
SIZE = 20 * 1000 * 1000

DOMAIN = """
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu current="1">2</vcpu>
  <os>
    <type arch='x86_64'>hvm</type>
    <kernel>{kernel}</kernel>
    <initrd>{initrd}</initrd>
    <cmdline>{cmdline}</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>{qemu}</emulator>
    <serial type='file'><source path='{console}'/></serial>
    {interface}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
</domain>
"""

pytestmark = [
    pytest.mark.deadline(120),
    pytest.mark.skipif(not libvirt.is_installed(), reason="libvirt is not installed"),
]


class Domain:
    """A transient domain; its console is a file."""

    def __init__(self, session, name, interface, **options):
        self.session, self.name = session, name
        self.console_file = session.home / f"{name}.console"
        with contextlib.suppress(FileNotFoundError):
            self.console_file.unlink()
        file = session.home / f"{name}.xml"
        file.write_text(DOMAIN.format(
            name=name, kernel=guest.cache() / "vmlinuz", initrd=guest.cache() / "initramfs.gz",
            qemu=shutil.which(guest.QEMU), console=self.console_file, interface=interface,
            cmdline=f"console=ttyS0 quiet panic=-1 {guest.command_line(options)}"))
        file.chmod(0o644)
        self.status, _, self.error = session.virsh("create", str(file))

    def console(self):
        try:
            return self.console_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_for(self, text, timeout=60):
        def line():
            return next((line for line in self.console().splitlines() if text in line), None)
        found = poll(line, timeout, 0.1)
        assert found, f"no {text!r} on the console:\n{self.console()}\n{self.session.daemon.output()}\n" \
            f"{guest.outside()}"
        return found

    def destroy(self):
        return self.session.virsh("destroy", self.name)


@pytest.fixture
def session(world):
    with contextlib.closing(libvirt.Session(world)) as opened:
        yield opened


def check_network(domain, tap, sink):
    with frame_lengths(tap) as lengths:
        assert domain.wait_for(f"VNIC-RESULT ping {HOST} ").endswith(" ok")
        sent = domain.wait_for(f"VNIC-RESULT sent {SIZE} ")
    assert sent.endswith(" ok") and sink.md5() == sent.split()[3]
    assert max(lengths) > 10 * 1514
    assert kernel.ethtool_features(tap)["tx-tcp-segmentation"]


def test_a_bridge_interface_of_an_ordinary_user(session, lan, sink):
    domain = Domain(session, "bridged", f"<interface type='bridge'><source bridge='{lan}'/><mac address='{MAC}'/>"
                                        "<model type='virtio'/></interface>",
                    ip="192.0.2.10/24", ping=HOST, send=f"{HOST}:{sink.port}:{SIZE}", wait=60)
    assert domain.status == 0, domain.error
    (tap,) = kernel.our_links()
    assert kernel.link(tap)["master"] == lan
    check_network(domain, tap, sink)
    assert domain.destroy()[0] == 0
    assert kernel.wait_gone(tap)


def test_a_bridge_interface_on_a_network_of_vnicd(session, root, alice):
    """virt-install --network bridge=vnicbr0 defines it like this: libvirt generates the MAC, and tells no
    helper."""
    with network(root, "vnicbr0") as net:
        domain = Domain(session, "networked",
                        f"<interface type='bridge'><source bridge='vnicbr0'/><mac address='{MAC}'/>"
                        "<model type='virtio'/></interface>", dhcp="web", ping=net.address(4), wait=60)
        assert domain.status == 0, domain.error
        assert domain.wait_for("VNIC-RESULT dhcp ").endswith(" ok"), domain.console()
        assert domain.wait_for(f"VNIC-RESULT ping {net.address(4)} ").endswith(" ok")
        (tap,) = kernel.our_links()
        assert kernel.link(tap)["master"] == "vnicbr0"
        path = alice.call("/org/vnicd1", "org.vnicd1.Manager", "GetEndpoint", "s", (tap,))[0]
        assert alice.get(path, "org.vnicd1.Endpoint", "GuestMac") == MAC
        assert MAC in [lease[1] for lease in net.leases()]
        assert domain.destroy()[0] == 0
        assert kernel.wait_gone(tap)


def test_a_session_network_of_vnicctl(session, root):
    """What virt-install --network network=vnicbr0 defines."""
    with network(root, "vnicbr0") as net:
        assert session.vnicctl("sync") == (0, "defined vnicbr0\n", "")
        domain = Domain(session, "named", f"<interface type='network'><source network='vnicbr0'/><mac address='{MAC}'/>"
                                          "<model type='virtio'/></interface>",
                        dhcp="web", ping=net.address(4), wait=60)
        assert domain.status == 0, domain.error
        assert domain.wait_for(f"VNIC-RESULT ping {net.address(4)} ").endswith(" ok")
        (tap,) = kernel.our_links()
        assert kernel.link(tap)["master"] == "vnicbr0"
        # The guest keeps its tap without the network.
        assert session.vnicctl("remove") == (0, "removed vnicbr0\n", "")
        assert kernel.link(tap)["master"] == "vnicbr0"
        assert domain.destroy()[0] == 0
        assert kernel.wait_gone(tap)


def test_a_refusal_reaches_the_user_of_virsh(session, bridges):
    bridges("no0")
    domain = Domain(session, "refused", "<interface type='bridge'><source bridge='no0'/>"
                                        "<model type='virtio'/></interface>")
    assert domain.status != 0 and "org.vnicd1.use-bridge" in domain.error
    assert kernel.our_links() == []


@pytest.fixture
def persistent_tap(alice, lan, queues):
    """A persistent tap of alice's, multiqueue only for several queues, since libvirt opens it that way: its
    interface. It is removed with the test."""
    reply = alice.call("/org/vnicd1", "org.vnicd1.Manager", "CreateTap", "sbba{sv}",
                       (lan, True, queues > 1, variant.options({"persistent": True})))
    yield reply[1]
    alice.call(reply[0], "org.vnicd1.Endpoint", "Release")


@pytest.mark.parametrize("queues", [1, 2])
def test_an_ethernet_interface_on_a_persistent_tap_that_libvirt_does_not_manage(session, persistent_tap, sink,
                                                                                queues):
    driver = f"<driver queues='{queues}'/>" if queues > 1 else ""
    domain = Domain(session, "unmanaged",
                    f"<interface type='ethernet'><target dev='{persistent_tap}' managed='no'/>"
                    f"<mac address='{MAC}'/><model type='virtio'/>{driver}</interface>",
                    ip="192.0.2.10/24", ping=HOST, send=f"{HOST}:{sink.port}:{SIZE}", wait=60)
    assert domain.status == 0, domain.error
    check_network(domain, persistent_tap, sink)
    assert domain.destroy()[0] == 0
    assert kernel.exists(persistent_tap)


def test_several_queues_on_a_tap_that_stays_until_the_user_has_logged_out(world, session, alice, lan, sink):
    """It stays when the machine ends and is started again, and goes with the user's session."""
    interface = "<interface type='ethernet'><target dev='{}' managed='no'/><mac address='{}'/>" \
        "<model type='virtio'/><driver queues='2'/></interface>"
    with FakeLogind(world) as logind:
        login = logind.login(alice.uid)
        tap = alice.create_tap(lan, True, True, queues=2, until_logout=True, guest_mac=MAC)
        for name in ("first", "second"):
            domain = Domain(session, name, interface.format(tap.interface, MAC), ip="192.0.2.10/24", ping=HOST,
                            send=f"{HOST}:{sink.port}:{SIZE}", wait=60)
            assert domain.status == 0, domain.error
            if name == "first":
                check_network(domain, tap.interface, sink)
            assert domain.wait_for(f"VNIC-RESULT ping {HOST} ").endswith(" ok")
            assert tap.get("Queues") + tap.get("QueuesDisabled") == 2
            assert domain.destroy()[0] == 0
            assert poll(lambda: tap.get("State") == "idle", 5) and kernel.exists(tap.interface)
        login.end()
        assert kernel.wait_gone(tap.interface, 5)
