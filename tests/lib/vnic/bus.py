# SPDX-License-Identifier: LGPL-2.1-or-later
"""The private system bus of the world: dbus-daemon or dbus-broker with the real system bus's policy."""

import pathlib
import socket
import xml.sax.saxutils

from .journal import Journal
from .process import Process, ROOM, poll

SOCKET = pathlib.Path("/run/dbus/system_bus_socket")
POLKIT_POLICY = pathlib.Path("/usr/share/dbus-1/system.d/org.freedesktop.PolicyKit1.conf")

# The default policy of the distribution's system.conf: whatever it denies is denied here.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <user>messagebus</user>
  <auth>EXTERNAL</auth>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"
          send_member="UpdateActivationEnvironment"/>
    <allow send_destination="org.example.Idle"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Debug.Stats"/>
    <deny send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.systemd1.Activator"/>
  </policy>
  <policy context="default">
    <!-- As systemd's and logind's own policies allow it. -->
    <allow send_destination="org.freedesktop.systemd1" send_interface="org.freedesktop.systemd1.Manager"/>
    <allow send_destination="org.freedesktop.resolve1"/>
    <allow send_destination="org.freedesktop.login1" send_interface="org.freedesktop.login1.Manager"
           send_member="GetUser"/>
    <allow send_destination="org.freedesktop.login1" send_interface="org.freedesktop.DBus.Properties"
           send_member="Get"/>
    <allow send_destination="org.freedesktop.login1" send_interface="org.freedesktop.DBus.Properties"
           send_member="GetAll"/>
  </policy>
  <policy user="vnicd-network">
    <!-- A systemd-resolved in the world runs as this user. -->
    <allow own="org.freedesktop.resolve1"/>
  </policy>
  <policy user="root">
    <!-- Tests pose as them; nobody in the world is one. -->
    <allow own="org.freedesktop.NetworkManager"/>
    <allow own="org.freedesktop.network1"/>
    <!-- A service that does nothing: what a call costs that is none of ours. -->
    <allow own="org.example.Idle"/>
    <allow own="org.freedesktop.systemd1"/>
    <allow own="org.freedesktop.resolve1"/>
    <allow own="org.freedesktop.login1"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Debug.Stats"/>
  </policy>
{extra}{includes}</busconfig>
"""


class Bus:
    """The bus daemon. `kind` is dbus-daemon or dbus-broker; `extra` is more XML for its configuration."""

    def __init__(self, kind, policy_files, extra=""):
        if kind not in ("dbus-daemon", "dbus-broker"):
            raise ValueError(f"VNICD_TEST_BUS={kind}: dbus-daemon or dbus-broker")
        self.kind = kind
        self.address = f"unix:path={SOCKET}"
        self.process = None
        self.config = ROOM / "bus.conf"
        self.policy_files = list(policy_files)
        self.extra = extra
        self.write_config(self.policy_files)

    def write_config(self, policy_files):
        """The bus reads it when it starts, and when it is told to (ReloadConfig)."""
        includes = "".join(f"  <include>{xml.sax.saxutils.escape(str(path))}</include>\n"
                           for path in policy_files)
        self.config.write_text(CONFIG.format(socket=SOCKET, includes=includes, extra=self.extra))
        self.config.chmod(0o644)

    def start(self, timeout=10.0):
        SOCKET.parent.mkdir(parents=True, exist_ok=True)
        SOCKET.unlink(missing_ok=True)
        if self.kind == "dbus-daemon":
            self._start_daemon()
        else:
            self._start_broker()
        if not poll(lambda: self._answers() or not self.process.alive(), timeout) or \
                not self.process.alive():
            raise RuntimeError(f"{self.kind} does not start: {self.log()}")

    def _start_daemon(self):
        self.process = Process("bus", ["dbus-daemon", f"--config-file={self.config}", "--nofork",
                                       "--nopidfile", "--nosyslog"])

    def _start_broker(self):
        Journal.listen()  # it logs there, and blocks when nobody reads
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(SOCKET))
        SOCKET.chmod(0o666)
        listener.listen(128)
        # Socket activation as systemd does it: the socket is fd 3, LISTEN_PID is the launcher's own pid.
        script = ('exec 3<&"$1"; [ "$1" = 3 ] || eval "exec $1<&-"; '
                  'LISTEN_FDS=1 LISTEN_FDNAMES=dbus.socket LISTEN_PID=$$ exec dbus-broker-launch '
                  '--scope system --config-file "$2"')
        try:
            self.process = Process("bus", ["bash", "-c", script, "bash", listener.fileno(), self.config],
                                   pass_fds=[listener.fileno()])
        finally:
            listener.close()

    def _answers(self):
        """A bus that has read its configuration answers SASL; a listening socket alone proves nothing."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(1)
                probe.connect(str(SOCKET))
                probe.sendall(b"\0AUTH\r\n")
                return probe.recv(100).startswith(b"REJECTED")
        except OSError:
            return False

    @property
    def pid(self):
        """The pid of the process that passes the messages: with dbus-broker it is a child of the launcher."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(
            encoding="ascii").split()
        return int(children[0]) if self.kind == "dbus-broker" else self.process.pid

    def log(self):
        return self.process.output() + "".join(line + "\n" for line in Journal.messages())

    def stop(self):
        if self.process:
            self.process.stop()

    def kill(self):
        self.process.kill()

    def restart(self):
        """A new bus at the old address: every connection is gone."""
        self.stop()
        self.start()
