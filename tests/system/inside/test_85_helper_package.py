# SPDX-License-Identifier: LGPL-2.1-or-later
"""vnicd-libvirt: QEMU and libvirt find our helper where they look for their own, which comes back with the end of the
package, and with every way in which its installation can fail."""

import hashlib
import os
import pathlib
import subprocess

import pytest
import system

PACKAGES = pathlib.Path(os.environ.get("VNICD_TEST_PACKAGES", "/nowhere"))
HELPER = pathlib.Path("/usr/lib/qemu/qemu-bridge-helper")
ASIDE = pathlib.Path("/usr/lib/qemu/qemu-bridge-helper.distrib")
OURS = pathlib.Path("/usr/lib/libvirt/vnic-bridge-helper")

pytestmark = pytest.mark.skipif(not PACKAGES.is_dir(), reason="the packages are not at hand")


def package():
    (file,) = PACKAGES.glob("vnicd-libvirt_*.deb")
    return file


def of_qemu(file):
    """Whether it is what package qemu-system-common has."""
    for line in pathlib.Path("/var/lib/dpkg/info/qemu-system-common.md5sums").read_text().splitlines():
        digest, name = line.split()
        if f"/{name}" == str(HELPER):
            return file.is_file() and not file.is_symlink() and hashlib.md5(file.read_bytes()).hexdigest() == digest
    raise AssertionError("qemu-system-common has no bridge helper")


def is_ours():
    return HELPER.resolve() == OURS and of_qemu(ASIDE) and "vnic-bridge-helper" in system.run(HELPER, "--version")


def is_qemus():
    return of_qemu(HELPER) and not ASIDE.exists() and not OURS.exists() and system.run("dpkg-divert", "--list", HELPER) == ""


@pytest.fixture(autouse=True)
def is_installed():
    assert is_ours()
    yield
    system.run("dpkg", "-i", package())
    assert is_ours()


def test_a_guest_of_qemu_gets_a_tap_without_naming_a_helper(bridge):
    system.configure("[Group vm]\nAllowBridges=br0\n")
    system.restart()
    with subprocess.Popen(system.as_user("carol", "qemu-system-x86_64", "-S", "-display", "none", "-nodefaults", "-accel", "tcg",
                                         "-netdev", f"bridge,id=n0,br={bridge}", "-device", "virtio-net-pci,netdev=n0"),
                          stdin=subprocess.DEVNULL) as qemu:
        try:
            assert system.poll(lambda: [link["master"] for link in system.taps().values() if "master" in link] == [bridge], 30)
        finally:
            qemu.terminate()


@pytest.mark.parametrize("verb", ["remove", "purge"])
def test_without_the_package_qemu_has_its_own_again(verb):
    system.run("apt-get", "-q", "-y", verb, "vnicd-libvirt", timeout=120)
    assert is_qemus()


def test_an_upgrade_of_qemu_or_of_the_package_leaves_ours_in_its_place(tmp_path):
    system.run("dpkg", "-i", package())
    assert is_ours()
    # QEMU's package, made of what is installed.
    for name in system.run("dpkg-query", "-L", "qemu-system-common").splitlines():
        source = ASIDE if name == str(HELPER) else pathlib.Path(name)
        if not source.is_absolute() or source.is_dir() or not os.path.lexists(source):
            continue
        copy = tmp_path / name.lstrip("/")
        copy.parent.mkdir(parents=True, exist_ok=True)
        system.run("cp", "-a", source, copy)
    control = system.run("dpkg-query", "-s", "qemu-system-common").splitlines()
    (tmp_path / "DEBIAN").mkdir()
    (tmp_path / "DEBIAN" / "control").write_text("".join(
        f"{line}\n" for line in control if not line.startswith(("Status:", "Conffiles:", " /etc/"))))
    helper = tmp_path / str(HELPER).lstrip("/")
    helper.write_bytes(helper.read_bytes() + b"newer")
    (tmp_path / "DEBIAN" / "md5sums").write_text(f"{hashlib.md5(helper.read_bytes()).hexdigest()}  {str(HELPER).lstrip('/')}\n")
    system.run("dpkg-deb", "--root-owner-group", "-b", tmp_path, "/tmp/qemu-system-common.deb", timeout=120)
    system.run("dpkg", "-i", "/tmp/qemu-system-common.deb", timeout=120)
    assert ASIDE.read_bytes().endswith(b"newer") and is_ours()


def test_an_administrators_setuid_bit_is_not_given_to_ours():
    """That is how QEMU's own helper is made to work."""
    system.run("dpkg-statoverride", "--update", "--add", "root", "root", "4755", HELPER)
    try:
        for _ in range(2):
            system.run("dpkg", "-i", package())
            for file in (OURS, pathlib.Path("/usr/libexec/vnic-bridge-helper")):
                assert file.stat().st_mode & 0o7777 == 0o755
    finally:
        system.run("dpkg-statoverride", "--remove", HELPER)
        ASIDE.chmod(0o755)


def test_an_installation_that_fails_leaves_qemus_own(tmp_path):
    """In the middle, or since an administrator has moved it aside already."""
    system.run("dpkg", "-r", "vnicd-libvirt")
    system.run("dpkg-deb", "-R", package(), tmp_path / "broken")
    script = tmp_path / "broken" / "DEBIAN" / "preinst"
    script.write_text(script.read_text() + "\nexit 1\n")
    system.run("dpkg-deb", "-b", tmp_path / "broken", tmp_path / "broken.deb")
    assert not system.succeeds("dpkg", "-i", str(tmp_path / "broken.deb"))
    assert is_qemus()

    system.run("dpkg-divert", "--local", "--rename", "--divert", "/usr/lib/qemu/mine", "--add", HELPER)
    try:
        assert not system.succeeds("dpkg", "-i", str(package()))
        assert of_qemu(pathlib.Path("/usr/lib/qemu/mine")) and not HELPER.exists() and not OURS.exists()
    finally:
        system.run("dpkg-divert", "--local", "--rename", "--divert", "/usr/lib/qemu/mine", "--remove", HELPER)
    assert is_qemus()


def test_an_upgrade_that_fails_leaves_ours(tmp_path):
    system.run("dpkg-deb", "-R", package(), tmp_path / "broken")
    script = tmp_path / "broken" / "DEBIAN" / "preinst"
    script.write_text(script.read_text() + "\nexit 1\n")
    system.run("dpkg-deb", "-b", tmp_path / "broken", tmp_path / "broken.deb")
    assert not system.succeeds("dpkg", "-i", str(tmp_path / "broken.deb"))
    assert is_ours()


def test_the_unit_for_logins_is_whole_and_not_enabled():
    unit = "/usr/lib/systemd/user/vnicctl-libvirt.service"
    assert system.run("env", "XDG_RUNTIME_DIR=/run", "systemd-analyze", "verify", "--user", "--man=no", unit).strip() == ""
    assert not list(pathlib.Path("/etc/systemd/user").rglob("*vnic*"))
