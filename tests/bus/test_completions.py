# SPDX-License-Identifier: LGPL-2.1-or-later
"""The completions in real shells: what Tab makes of a line. bash and zsh run in a terminal, as they do for
users; fish reports what it would complete."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
from vnic.networks import network
from vnic.process import identity, variables

END = "=END="
TIMEOUT = 20.0


class Shell:
    """An interactive shell of alice's in a terminal; Tab shows what it inserts or lists."""

    def __init__(self, world, argv, setup):
        self.master, slave = pty.openpty()
        env = {"PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}", "TERM": "dumb", "COLUMNS": "200",
               "LINES": "50", "PS1": "", "HISTFILE": ""}
        self.child = subprocess.Popen(["setsid", "--ctty", "--wait", *argv], stdin=slave, stdout=slave,
                                      stderr=slave, env=variables("alice", world.bus.address, env), cwd="/",
                                      **identity("alice"))
        os.close(slave)
        self.run(setup)

    def read_until(self, words):
        text, end = "", time.monotonic() + TIMEOUT
        while words not in text and time.monotonic() < end:
            if select.select([self.master], [], [], 0.2)[0]:
                text += os.read(self.master, 4096).decode(errors="replace")
        assert words in text, text
        return text

    def run(self, line):
        # The mark is split into two words, so that the echo of the line does not match it.
        os.write(self.master, f"{line}\necho '=EN''D='\n".encode())
        return self.read_until(END)

    def close(self):
        os.close(self.master)
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@pytest.fixture(params=["bash", "zsh"])
def complete(request, world):
    """complete("vnicctl sho") → the line after Tab, in bash and in zsh."""
    need(request.param)
    folder = world.source / "client-cli" / "completions"
    if request.param == "bash":
        shell = Shell(world, ["bash", "--norc", "--noprofile", "-i"],
                      f"bind 'set enable-bracketed-paste off'; source {folder}/vnicctl.bash")
    else:
        shell = Shell(world, ["zsh", "-f", "-i"], f"unsetopt zle_bracketed_paste; PS1=; fpath=({folder} $fpath); "
                                                  "autoload -U compinit; compinit -u -D")

    def run(line):
        """The command line itself is made harmless: a function receives the words."""
        shell.run("vnicctl_words() { printf '[%s]' \"$@\"; echo; }")
        os.write(shell.master, f"{line}\t".encode())
        time.sleep(0.1)
        # Go to the start of the line and put a word before it: the words are printed instead of run.
        os.write(shell.master, b"\x01vnicctl_words \x05\n")
        text = shell.run("")
        return re.findall(r"\[([^]\r\n]*)\]", next(row for row in text.splitlines() if row.startswith("[")))

    yield run
    shell.close()


def test_verbs_options_bridges_and_endpoints_are_completed(complete, alice, bridges):
    bridges("yes0")
    with alice.create_tap("yes0", label="webserver") as tap:
        assert complete("vnicctl capa") == ["vnicctl", "capabilities"]
        assert complete("vnicctl expl") == ["vnicctl", "explain"]
        assert complete("vnicctl create --guest") == ["vnicctl", "create", "--guest-mac"]
        assert complete("vnicctl run --bridge y") == ["vnicctl", "run", "--bridge", "yes0"]
        assert complete("vnicctl explain y") == ["vnicctl", "explain", "yes0"]
        assert complete("vnicctl explain Nob") == ["vnicctl", "explain", "Nob"]  # not a single warning
        assert complete(f"vnicctl show {tap.interface[:9]}") == ["vnicctl", "show", tap.interface]
        assert complete("vnicctl release web") == ["vnicctl", "release", "webserver"]
        assert complete("vnicctl run --bridge yes0 -- setpri") == ["vnicctl", "run", "--bridge", "yes0", "--",
                                                                   "setpriv"]


def test_what_can_be_done_with_networks_is_completed(complete, root):
    assert complete("vnicctl network lea") == ["vnicctl", "network", "leases"]
    assert complete("vnicctl network create --kind iso") == ["vnicctl", "network", "create", "--kind", "isolated"]
    assert complete("vnicctl libvirt sy") == ["vnicctl", "libvirt", "sync"]
    assert complete("vnicctl network create --guests") == ["vnicctl", "network", "create", "--guests-isolated"]
    with network(root, "yeslab", "isolated", services=False):
        for word in ("show", "delete", "leases"):
            assert complete(f"vnicctl network {word} y") == ["vnicctl", "network", word, "yeslab"]


def test_each_verb_has_its_own_options(complete):
    assert complete("vnicctl list --al") == ["vnicctl", "list", "--all"]
    assert complete("vnicctl list --guest") == ["vnicctl", "list", "--guest"]


def test_without_a_service_nothing_is_completed_and_nothing_is_said(world, bridges):
    bridges("yes0")
    script = world.source / "client-cli" / "completions" / "vnicctl.bash"
    status, out, err = world.output_as("alice", ["bash", "-c", f"""
        source {script}
        COMP_WORDS=(vnicctl show ''); COMP_CWORD=2; _vnicctl; echo "${{#COMPREPLY[@]}}" """],
        env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
             "PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}"})
    assert (status, out.strip(), err) == (0, "0", "")


def test_fish_completes_the_same(world, alice, bridges):
    need("fish")
    bridges("yes0")
    script = world.source / "client-cli" / "completions" / "vnicctl.fish"

    def offered(line):
        status, out, err = world.output_as(
            "alice", ["fish", "--no-config", "-c", f"source {script}; complete -C {line!r}"],
            env={"PATH": f"{world.build / 'client-cli'}:{os.environ['PATH']}"})
        assert status == 0, err
        return {row.split("\t")[0] for row in out.splitlines()}

    with alice.create_tap("yes0", label="webserver") as tap:
        assert {"capabilities", "run", "explain", "doctor", "--version"} <= offered("vnicctl ")
        assert offered("vnicctl create --guest") == {"--guest-mac"}
        assert offered("vnicctl list --guest") == set()
        assert offered("vnicctl run --bridge ") == {"yes0"}
        assert offered("vnicctl explain ") == {"yes0"}
        assert offered("vnicctl network ") == {"create", "list", "show", "delete", "leases"}
        assert offered("vnicctl libvirt ") == {"sync", "remove"}
        assert offered("vnicctl network create --kind ") == {"nat", "isolated"}
        assert offered("vnicctl show ") == {tap.interface, "webserver"}
