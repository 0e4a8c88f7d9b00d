# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands on the pages for users, as they stand there: each is run in order, and says what the page says."""

import os
import re

import pytest
from vnic import kernel
from vnic.logind import FakeLogind
from vnic.process import ROOM, poll

COMMANDS = ("vnicctl", "sudo", "sleep", "gdbus", "busctl")


def commands_of(text):
    """The indented lines of a page; XML is no command."""
    return [line.strip() for line in re.findall(r"^(?: {4}| {7})(\S.*)$", text, re.M) if not line.strip().startswith(("<", "*"))]


@pytest.fixture
def logged_in(world, alice):
    with FakeLogind(world) as logind:
        session = logind.login(alice.uid)
        yield
        session.end()
        assert poll(lambda: not kernel.our_links(), 10)


@pytest.fixture
def page(world, bridges, logged_in):
    """page("lifetime.md") → the output of each of its commands; br0 of the page is a bridge that alice may use, and
    alice is logged in."""
    bridges("yes0")
    path = {"PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}"}

    def run(name):
        lines = commands_of((world.source / "docs" / name).read_text(encoding="utf-8"))
        outputs = {}
        for line in lines:
            assert line.split()[0] in COMMANDS, line
            user = "root" if line.startswith("sudo ") else "alice"
            words = re.sub(r"\bbr0\b", "yes0", line.removeprefix("sudo "))
            status, out, err = world.output_as(user, ["sh", "-c", words], env=path)
            assert status == 0, f"{line}: {err}"
            outputs[line] = out
        return outputs
    return run


def said(outputs, pattern):
    """The output of the only command that matches."""
    found, = [out for line, out in outputs.items() if re.search(pattern, line)]
    return found


def test_the_page_about_lifetimes(page, alice):
    outputs = page("lifetime.md")
    trial = said(outputs, "--label trial")
    assert "/dev/net/tun" in trial and re.search(r"persistent +no", trial) and re.search(r"label +trial", trial)
    assert said(outputs, "^sleep").startswith("interface  vnic")
    assert re.search(r"until[-_]logout +yes", said(outputs, "show desk"))
    server = said(outputs, "show server")
    assert re.search(r"persistent +yes", server) and re.search(r"state +idle", server)
    assert re.search(r"kind +isolated", said(outputs, "network show lab"))
    assert poll(lambda: not kernel.our_links() and not kernel.exists("lab"), 10)


def test_the_page_for_authors_of_programs(page, alice):
    outputs = page("five-minutes-app-developer.md")
    assert "'yes0'" in said(outputs, "ListBridges")
    interface = kernel.our_links()[0]
    assert interface in said(outputs, "--label boxes")
    assert interface in said(outputs, "GetEndpoint") and interface in said(outputs, "GetManagedObjects")
    assert said(outputs, "NameHasOwner") == "b true\n"
    assert alice.get(f"/org/vnicd1/endpoint/{interface}", "org.vnicd1.Tap", "Multiqueue")


def test_the_examples_of_vnicctl_import_are_what_it_writes(world):
    """The blocks of the manual page: a file and what becomes of it, twice."""
    text = (world.source / "docs" / "man" / "vnicctl-import.5").read_text(encoding="utf-8")
    blocks = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", text, re.M | re.S)
    assert len(blocks) == 5
    folder = ROOM / "import"
    folder.mkdir(exist_ok=True)
    for name, given, wanted in (("bridge.conf", *blocks[:2]), ("lxc-usernet", *blocks[2:4])):
        (folder / name).write_text(given)
        status, out, err = world.output_as("root", [world.tool("vnicctl"), "import", name], cwd=folder)
        assert (status, err) == (0, "")
        assert out.endswith("\n\n" + wanted)
