# SPDX-License-Identifier: LGPL-2.1-or-later
"""Inside a system that systemd has booted, with the packages installed: tests run as root, and there is
nothing else to lose."""

import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[1] / "lib"))

import pytest  # noqa: E402
import system  # noqa: E402


@pytest.fixture
def bridge():
    """A bridge of the host that nobody may use yet."""
    system.run("ip", "link", "add", "br0", "type", "bridge")
    system.run("ip", "link", "set", "br0", "up")
    yield "br0"
    system.run("ip", "link", "delete", "br0")


@pytest.fixture
def uplink():
    """A device with a default route, as a laptop has."""
    system.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    for device in ("up0", "up1"):
        system.run("ip", "link", "set", device, "up")
    system.run("ip", "addr", "add", "198.51.100.2/24", "dev", "up0")
    system.run("ip", "route", "add", "default", "via", "198.51.100.1", "dev", "up0")
    yield "up0"
    system.run("ip", "link", "delete", "up0")


@pytest.fixture
def alice():
    with system.client("alice") as client:
        yield client


@pytest.fixture
def carol():
    with system.client("carol") as client:
        yield client


@pytest.fixture(autouse=True)
def as_it_was():
    """The service with its own unit and no configuration; there is no tap at the end."""
    yield
    system.remove_drop_ins()
    for file in pathlib.Path("/etc/vnicd").glob("vnicd.conf*"):
        for each in file.iterdir() if file.is_dir() else [file]:
            each.unlink()
    assert system.poll(lambda: not system.taps(), 5), system.taps()


@pytest.fixture(autouse=True, scope="session")
def people():
    """Users as the container creates them, for tests that run on another system."""
    for name, uid in (("alice", 1001), ("bob", 1002), ("carol", 1003)):
        if not system.succeeds("id", name):
            system.run("useradd", "--uid", str(uid), "--create-home", name)
    if not system.succeeds("getent", "group", "vm"):
        system.run("groupadd", "--gid", "1100", "vm")
    if "vm" not in system.said("id", "-nG", "carol").split():
        system.run("usermod", "-a", "-G", "vm", "carol")
    secret = pathlib.Path("/home/alice/secret")
    secret.write_text("secret\n")
    secret.chmod(0o644)
    os.chmod("/home/alice", 0o755)
