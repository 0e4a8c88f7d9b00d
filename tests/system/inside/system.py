# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests inside a booted system use of it: systemd, the journal, the bus, the kernel's links."""

import json
import pathlib
import subprocess
import types

from vnic.client import Client
from vnic.process import poll  # noqa: F401  the tests take it from here

UNIT = "vnicd.service"
DROP_INS = pathlib.Path("/run/systemd/system/vnicd.service.d")
WORLD = types.SimpleNamespace(bus=types.SimpleNamespace(address="unix:path=/run/dbus/system_bus_socket"))


def run(*argv, timeout=60):
    done = subprocess.run([str(part) for part in argv], text=True, capture_output=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def said(*argv, timeout=60):
    """Its output, whatever its status."""
    done = subprocess.run([str(part) for part in argv], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, stdin=subprocess.DEVNULL, check=False)
    return done.stdout


def succeeds(*argv):
    return subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False).returncode == 0


def is_container():
    return succeeds("systemd-detect-virt", "--container", "--quiet")


def client(user):
    return Client(WORLD, user)


def agent(who, policy):
    """A user in front of the screen, who is this client's user."""
    from vnic.agent import Agent
    return Agent(WORLD, who, policy)


def as_user(user, *argv):
    """A command that an ordinary user types."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--", *argv]


def show(name, unit=UNIT):
    return run("systemctl", "show", "--value", "-p", name, unit).strip()


def why_not_active(*units):
    """What systemd has done with them, and what it has still to do."""
    matches = [word for unit in (*units, UNIT) for word in ("-u", unit)]
    return "\n".join((said("systemctl", "status", "--lines=0", *units), said("systemctl", "list-jobs"),
                      said("journalctl", "-b", "--no-pager", "-o", "short-precise", "--lines=80", *matches)))


def restart():
    """Restart it even if tests have done so more often than systemd permits."""
    said("systemctl", "reset-failed", UNIT)
    return said("systemctl", "restart", UNIT)


def pid():
    return int(show("MainPID"))


def journal(*matches, since=None):
    run("journalctl", "--sync")
    argv = ["journalctl", "-o", "json", "--no-pager", *matches]
    if since:
        argv += ["--since", f"@{since:.6f}"]
    return [json.loads(line) for line in run(*argv).splitlines()]


def links():
    """name → what the kernel reports of each link."""
    return {link["ifname"]: link for link in json.loads(run("ip", "-d", "-j", "addr", "show"))}


def taps():
    return {name: link for name, link in links().items() if link.get("ifalias", "").startswith("vnicd:1 ")}


def configure(text):
    file = pathlib.Path("/etc/vnicd/vnicd.conf")
    file.write_text(text)
    file.chmod(0o644)


def drop_in(name, text):
    """One or more lines that are added to the unit's own."""
    DROP_INS.mkdir(parents=True, exist_ok=True)
    (DROP_INS / f"{name}.conf").write_text(f"[Service]\n{text}\n")
    run("systemctl", "daemon-reload")


def remove_drop_ins():
    if DROP_INS.exists():
        for file in DROP_INS.iterdir():
            file.unlink()
        DROP_INS.rmdir()
        run("systemctl", "daemon-reload")
        said("systemctl", "stop", UNIT)
        said("systemctl", "reset-failed", UNIT)
