# SPDX-License-Identifier: LGPL-2.1-or-later
"""The servers of the world: a system bus, polkit, and vnicd started as its unit would start it.

This is used inside tests/lib/world, which makes the namespaces and says in the environment where the build
and the source are. VNICD_TEST_BUS chooses dbus-daemon (default) or dbus-broker. VNICD_SERVICE and
VNICD_BUS_POLICY replace the program and its bus policy (for a stand-in).
"""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess

from . import polkit as authorities
from .bus import POLKIT_POLICY, Bus
from .client import MANAGER, NAME, ROOT, BusError, Client
from .process import ROOM, Process, identity, open_fds, poll, status_field, variables

PRIVILEGES = ["setpriv", "--reuid", "vnicd", "--regid", "vnicd", "--clear-groups",
              "--inh-caps", "-all,+net_admin", "--ambient-caps", "-all,+net_admin",
              "--bounding-set", "-all,+net_admin", "--no-new-privs"]


# Tests create endpoints faster than users do.
CONFIGURATION = "[Limits]\nCreations=100000\n"


def must_exist(*candidates):
    for path in candidates:
        if path.exists():
            return path
    raise RuntimeError("missing: " + " and ".join(map(str, candidates)))


RUNTIME = pathlib.Path("/run/vnicd")


class World:
    """One bus with polkit ("real", "hang", "none") and the service on it.

    `wrap` goes before the service's command (strace, valgrind; VNICD_TEST_WRAP is the default); `service_env`
    goes into its environment; `bus_extra` is XML for the bus's configuration (limits, for example).
    """

    def __init__(self, bus=None, polkit="real", wrap=(), service_env=None, bus_extra=""):
        if not ROOM.is_dir():
            raise RuntimeError("not inside a world: start this with tests/lib/world")
        self.build = pathlib.Path(os.environ["VNICD_BUILD"])
        self.source = pathlib.Path(os.environ["VNICD_SOURCE"])
        self.program = pathlib.Path(os.environ.get("VNICD_SERVICE") or self.build / "service" / "vnicd")
        given = os.environ.get("VNICD_BUS_POLICY")
        policy = pathlib.Path(given) if given else must_exist(
            self.build / "dbus" / "org.vnicd1.conf", self.source / "dbus" / "org.vnicd1.conf")
        kind = bus or os.environ.get("VNICD_TEST_BUS") or "dbus-daemon"
        self.bus = Bus(kind, [must_exist(POLKIT_POLICY), policy], bus_extra)
        self.polkit = authorities.KINDS[polkit](self)
        self.wrap = list(wrap) or shlex.split(os.environ.get("VNICD_TEST_WRAP", ""))
        self.configuration = ROOM / "etc"
        self.configure()
        self.service_env = {"CONFIGURATION_DIRECTORY": str(self.configuration), **(service_env or {})}
        self.service = None
        self._root = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self, service=True):
        self.bus.start()
        self.polkit.start()
        if service:
            self.start_service()
        return self

    def stop(self):
        """Stop everything; the exit status of the service is left in `service.popen.returncode`."""
        try:
            if self.service and self.service.alive():
                # A wrapper exits with it.
                with contextlib.suppress(BusError, ProcessLookupError):
                    self.signal_service(signal.SIGTERM)
                    self.service.wait()
                self.service.stop()
        finally:
            with contextlib.suppress(BusError):
                self.polkit.stop()
            self._leave_bus()
            self.bus.stop()

    # Names on the bus, looked up by root over a connection of the world's own

    @property
    def root(self):
        if self._root is None or self._root.closed():
            self._root = Client(self, "root")
        return self._root

    def _leave_bus(self):
        if self._root:
            self._root.close()
            self._root = None

    def owner_of(self, name):
        """The unique name behind a name; None without one, or without a bus."""
        try:
            return self.root.owner_of(name)
        except BusError:
            self._leave_bus()
            return None

    def wait_for_name(self, name, process=None, timeout=10.0):
        """Wait until the name has an owner; if the process that should own it dies, that is an error at
        once."""
        def there():
            return self.owner_of(name) or (process and not process.alive())
        if not poll(there, timeout) or not self.owner_of(name):
            said = f"{process.name} said: {process.output()}" if process else ""
            raise RuntimeError(f"nobody owns {name}; {said}")

    def wait_for_no_name(self, name, timeout=10.0):
        if not poll(lambda: not self.owner_of(name), timeout):
            raise RuntimeError(f"{name} still has an owner")

    # The service and its configuration

    def configure(self, text=CONFIGURATION, name="vnicd.conf"):
        """Write a file of the configuration; the service reads it at its next start or reload."""
        file = self.configuration / name
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}")
        draft.write_text(text)
        draft.chmod(0o644)
        draft.rename(file)

    def reload(self):
        """Make the service read its configuration; BusError for a bad one."""
        self.root.call(ROOT, MANAGER, "Reload")

    def service_command(self):
        return [*self.wrap, *PRIVILEGES, str(self.program)]

    def umask(self):
        """The umask of the unit: files that others have to read do not depend on it."""
        unit = (self.source / "dbus" / "vnicd.service.in").read_text(encoding="utf-8")
        return int(re.search(r"^UMask=([0-7]+)$", unit, re.MULTILINE)[1], 8)

    @staticmethod
    def make_runtime_directory():
        """Create it as systemd does by RuntimeDirectory=."""
        RUNTIME.mkdir(mode=0o755, exist_ok=True)
        shutil.chown(RUNTIME, "vnicd", "vnicd")

    def start_service(self, timeout=10.0, wait=True):
        self.make_runtime_directory()
        env = variables("vnicd", self.bus.address, self.service_env)
        del env["HOME"]
        self.service = Process("vnicd", self.service_command(), env=env, umask=self.umask())
        if wait:
            self.wait_for_name(NAME, self.service, timeout)

    def stop_service(self, timeout=10.0):
        """Send SIGTERM; returns the exit status."""
        self.signal_service(signal.SIGTERM)
        status = self.service.wait(timeout)
        self.wait_for_no_name(NAME)
        return status

    def kill_service(self):
        self.signal_service(signal.SIGKILL)
        self.service.wait()
        self.wait_for_no_name(NAME)

    def restart_service(self):
        status = self.stop_service()
        self.start_service()
        return status

    def signal_service(self, number):
        """Send a signal to the service itself, even if something is wrapped around it."""
        os.kill(self.pid, number)

    @property
    def pid(self):
        """The service's pid: that of the name's owner when the process that was started is only its
        wrapper."""
        if not self.wrap:
            return self.service.pid
        return self.root.bus_call("GetConnectionUnixProcessID", "s", (NAME,))[0]

    def service_fds(self):
        return len(open_fds(self.pid))

    def service_fd_list(self):
        """number → its target."""
        return open_fds(self.pid)

    def service_rss(self):
        """Resident memory in KiB."""
        return int(status_field(self.pid, "VmRSS").split()[0])

    # Polkit and the bus

    @contextlib.contextmanager
    def polkit_as(self, kind):
        """Another polkit ("hang", "none") for a while; returns it. The previous one comes back."""
        before = self.polkit
        before.stop()
        self.polkit = authorities.KINDS[kind](self)
        try:
            self.polkit.start()
            yield self.polkit
        finally:
            self.polkit.stop()
            self.polkit = before
            before.start()

    def restart_bus(self, polkit=True):
        """The bus daemon dies and comes back; polkitd exits with its connection and is started again."""
        self._leave_bus()
        self.bus.restart()
        if polkit and self.polkit.kind == "real":
            if self.polkit.process.alive():
                self.polkit.process.stop()
            self.polkit.start()

    @contextlib.contextmanager
    def bus_policy_without(self, pattern):
        """The bus continues with the service's policy without the parts that this regular expression
        matches."""
        policy = self.bus.policy_files[-1]
        text, count = re.subn(pattern, "", policy.read_text(), flags=re.DOTALL)
        assert count, f"{policy} has nothing that matches {pattern}"
        changed = ROOM / "changed-policy.conf"
        changed.write_text(text)
        changed.chmod(0o644)
        try:
            self._reload_bus([*self.bus.policy_files[:-1], changed])
            yield
        finally:
            self._reload_bus(self.bus.policy_files)

    def _reload_bus(self, policy_files):
        self.bus.write_config(policy_files)
        self.root.bus_call("ReloadConfig")

    # Users

    def tool(self, name):
        """The path of a program of the client, such as vnicctl."""
        return self.build / "client-cli" / name

    def client(self, user="alice"):
        return Client(self, user)

    def run_as(self, user, argv, *, env=None, **options):
        """A Popen of a program as this user, with the world's bus and pipes for its output."""
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        options.setdefault("text", True)
        options.setdefault("cwd", "/")
        return subprocess.Popen([str(part) for part in argv],
                                env=variables(user, self.bus.address, env), **identity(user), **options)

    def output_as(self, user, argv, timeout=20.0, **options):
        """(exit status, stdout, stderr) of a program that exits by itself."""
        child = self.run_as(user, argv, **options)
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate(timeout=5)
            raise AssertionError(f"{shlex.join(map(str, argv))} did not end in {timeout} s: "
                                 f"{out}{err}") from None
        return child.returncode, out, err
