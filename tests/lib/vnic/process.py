# SPDX-License-Identifier: LGPL-2.1-or-later
"""Child processes that are never lost: output goes to a file, and every wait has a deadline."""

import grp
import itertools
import os
import pathlib
import pwd
import signal
import subprocess
import time

ROOM = pathlib.Path(os.environ.get("VNICD_WORLD", "/run/vnicd-world"))


def poll(question, timeout, interval=0.01):
    """Poll until the result is true; returns it, or the last one at the deadline."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer or time.monotonic() >= end:
            return answer
        time.sleep(interval)


def identity(user):
    """Popen's arguments to start something as this user with all its groups."""
    entry = pwd.getpwnam(user)
    groups = [group.gr_gid for group in grp.getgrall() if user in group.gr_mem]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [entry.pw_gid, *groups]}


def variables(user, bus_address, extra=None):
    """The environment of an ordinary login of this user."""
    entry = pwd.getpwnam(user)
    result = {"PATH": os.environ["PATH"], "HOME": entry.pw_dir, "USER": user, "LOGNAME": user,
              "LANG": "C.UTF-8", "DBUS_SYSTEM_BUS_ADDRESS": bus_address}
    # The variables that a build with sanitizers or coverage reads.
    result.update({key: value for key, value in os.environ.items()
                   if key.startswith(("ASAN_", "UBSAN_", "LSAN_", "GCOV_", "LLVM_PROFILE", "VNICD_"))})
    result.update(extra or {})
    return result


class Process:
    """A server of the world: started with its output in ROOM/log/NAME, stopped by its pid."""

    def __init__(self, name, argv, **options):
        self.name = name
        self.argv = [str(part) for part in argv]
        self.log = ROOM / "log" / name
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._start = output.tell()
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=output,
                                          stderr=output, cwd="/", **options)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def output(self):
        """What this start of it has written so far."""
        with self.log.open("rb") as file:
            file.seek(self._start)
            return file.read().decode(errors="replace")

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def wait(self, timeout=10.0):
        """Its exit status (negative: the signal that ended it)."""
        return self.popen.wait(timeout)

    def stop(self, timeout=10.0):
        """Ask it to exit, then kill it; returns its exit status."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait(10)


def descendants(pid):
    """The pids below this one, nearest first: the programs that strace or setpriv runs."""
    found = []
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = _children_by_stat(pid)
    for child in children:
        found.append(int(child))
    for child in list(found):
        found.extend(descendants(child))
    return found


def _children_by_stat(pid):
    """For kernels without CONFIG_PROC_CHILDREN."""
    result = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == pid:
                result.append(folder.name)
    return result


def open_fds(pid):
    """number → target of the descriptors of a process."""
    result = {}
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            result[int(entry.name)] = os.readlink(entry)
        except OSError:
            continue
    return result


# The standard descriptors with which a program may be started closed: each, and all together.
CLOSED = [closed for n in (1, 2, 3) for closed in itertools.combinations((0, 1, 2), n)]


def without_fds(closed, argv):
    """The command line that runs this one with these descriptors closed, under the same pid."""
    return ["sh", "-c", 'exec "$0" "$@" ' + " ".join(f"{fd}>&-" for fd in closed), *argv]


def cpu_seconds(pid):
    """Its processor time; the kernel counts in hundredths."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_field(pid, field):
    """One line of /proc/PID/status, without its name."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.split(":", 1)[1].strip()
    raise KeyError(field)


def state(task):
    """One letter, as proc(5) has it."""
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


class stopped:
    """The process is stopped inside the block; what is sent to it waits."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)
        # The signal has only been sent then: a thread that runs on another processor stops when it next leaves the kernel.
        assert poll(lambda: all(state(task) in "Tt" for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir()), 10, 0.001)

    def __exit__(self, *_):
        time.sleep(0.1)  # a bus may answer the test before it has written its messages for the process
        os.kill(self.pid, signal.SIGCONT)
