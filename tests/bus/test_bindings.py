# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/bindings.md says: the installed interfaces, generators and libraries. Programs that work are in
test_examples.py."""

import os
import shutil
import subprocess

import pytest
from vnic import kernel
from vnic.contract import install, interfaces
from vnic.process import ROOM, open_fds

GENERATORS = {
    # Without --glib-min-required it does not see by itself which calls pass fds.
    "gdbus-codegen": ["--c-namespace", "Vnicd", "--interface-prefix", "org.vnicd1.", "--generate-c-code", "generated",
                      "{}"],
    "qdbusxml2cpp": ["-p", "generated", "{}"],
    "sdbus-c++-xml2cpp": ["{}", "--proxy=generated.h"],
}


@pytest.fixture(scope="module")
def pkg_config():
    """pkg_config("--modversion") → what pkg-config says of an installation below a root of its own."""
    root = ROOM / "installed-for-bindings"
    install(root)

    def ask(question):
        return subprocess.run(["pkg-config", question, "vnicd"], check=True, text=True, stdout=subprocess.PIPE,
                              env=os.environ | {"PKG_CONFIG_PATH": f"{root}/usr/share/pkgconfig",
                                                "PKG_CONFIG_SYSROOT_DIR": str(root)}).stdout.strip()
    return ask


@pytest.fixture(scope="module")
def folder(pkg_config):
    return pkg_config("--variable=interfaces_dir")


def test_pkg_config_tells_the_version_and_where_the_interfaces_are(alice, pkg_config, folder):
    assert pkg_config("--modversion") == alice.get("/org/vnicd1", "org.vnicd1.Manager", "Version")
    assert sorted(os.listdir(folder)) == [f"org.vnicd1.{name}.xml" for name in ("Endpoint", "Manager", "Network", "Tap")]
    assert pkg_config("--cflags") == pkg_config("--libs") == ""


@pytest.mark.parametrize("generator", GENERATORS)
def test_a_generator_makes_every_call_of_every_interface(folder, generator, tmp_path):
    if not shutil.which(generator):
        pytest.skip(f"{generator} is not installed")
    for interface in interfaces():
        arguments = [part.format(f"{folder}/{interface.get('name')}.xml") for part in GENERATORS[generator]]
        done = subprocess.run([generator, *arguments], cwd=tmp_path, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        assert done.returncode == 0 and "unknown" not in done.stdout, done.stdout
        text = (tmp_path / "generated.h").read_text() + "".join(path.read_text() for path in tmp_path.glob("*.c"))
        for method in interface.findall("method"):
            assert f"{method.get('name')}(" in text or f'"{method.get("name")}"' in text, method.get("name")
        if generator == "gdbus-codegen":
            passes_fds = [method for method in interface.findall("method")
                          if any("h" in argument.get("type") for argument in method.findall("arg"))]
            header = (tmp_path / "generated.h").read_text()
            assert header.count("GUnixFDList **out_fd_list") == 2 * len(passes_fds), "of the two forms of each call"


DASBUS_WITH_ITS_DEFAULT_CLIENT = """
import sys
from dasbus.connection import SystemMessageBus
from dasbus.typing import get_variant
manager = SystemMessageBus().get_proxy("org.vnicd1", "/org/vnicd1", "org.vnicd1.Manager")
print(*manager.CreateTap(sys.argv[1], True, True, {"queues": get_variant("u", 2)})[1:], flush=True)
sys.stdin.read()
"""


def test_the_default_client_of_dasbus_loses_the_queues_and_with_them_the_tap(world, bridge):
    pytest.importorskip("dasbus")
    child = world.run_as("alice", ["/usr/bin/python3", "-c", DASBUS_WITH_ITS_DEFAULT_CLIENT, bridge],
                         stdin=subprocess.PIPE)
    try:
        line = child.stdout.readline()
        assert line.endswith(" [0, 1]\n"), line or child.stderr.read()
        assert kernel.wait_gone(line.split()[0])
        assert "/dev/net/tun" not in open_fds(child.pid).values()
    finally:
        child.communicate(timeout=10)
