# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's qemu:///session of an ordinary user, whose daemon is started here, in the world."""

import os
import pwd
import shutil
import xml.etree.ElementTree as tree

from .process import ROOM, Process, identity, poll, variables

LIBVIRTD = "/usr/sbin/libvirtd"


def is_installed():
    return os.path.exists(LIBVIRTD) and shutil.which("virsh")


class Session:
    """The user's own libvirtd, and virsh."""

    def __init__(self, world, user="alice"):
        self.world, self.user = world, user
        entry = pwd.getpwnam(user)
        self.home = ROOM / "home" / user
        runtime = f"/run/user/{entry.pw_uid}"
        self.env = {"XDG_RUNTIME_DIR": runtime}
        config = self.home / ".config" / "libvirt"
        self._folder(config, entry)
        # The line that an ordinary user adds. The other two say: no log daemon, no security driver.
        (config / "qemu.conf").write_text(f'bridge_helper = "{world.tool("vnic-bridge-helper")}"\n'
                                          'stdio_handler = "file"\nsecurity_driver = "none"\n')
        self.daemon = Process("libvirtd", [LIBVIRTD], env=variables(user, world.bus.address, self.env),
                              **identity(user))
        socket = f"{runtime}/libvirt/libvirt-sock"
        assert poll(lambda: os.path.exists(socket) or not self.daemon.alive(), 20)
        assert self.daemon.alive(), self.daemon.output()

    def _folder(self, folder, entry):
        folder.mkdir(parents=True, exist_ok=True)
        while folder != self.home:
            os.chown(folder, entry.pw_uid, entry.pw_gid)
            folder = folder.parent

    def virsh(self, *words):
        return self.world.output_as(self.user, ["virsh", "-q", "-c", "qemu:///session", *words], timeout=40,
                                    env=self.env)

    def vnicctl(self, *words, env=None):
        """(exit status, stdout, stderr) of "vnicctl libvirt"."""
        return self.world.output_as(self.user, [self.world.tool("vnicctl"), "libvirt", *words], timeout=40,
                                    env=self.env | (env or {}))

    def networks(self, *which):
        """The names of the networks that net-list shows."""
        status, out, err = self.virsh("net-list", "--name", *(which or ["--all"]))
        assert status == 0, err
        return sorted(out.split())

    def network(self, name):
        """The definition of a network."""
        status, out, err = self.virsh("net-dumpxml", name)
        assert status == 0, err
        return tree.fromstring(out)

    def define_network(self, definition):
        file = self.home / "network.xml"
        file.write_text(definition)
        file.chmod(0o644)
        status, _, err = self.virsh("net-define", str(file))
        assert status == 0, err

    def close(self):
        for name in self.virsh("list", "--all", "--name")[1].split():
            self.virsh("destroy", name)
            self.virsh("undefine", name)
        for name in self.networks("--all"):
            self.virsh("net-destroy", name)
            self.virsh("net-undefine", name)
        self.daemon.stop()
