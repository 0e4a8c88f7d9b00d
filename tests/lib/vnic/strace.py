# SPDX-License-Identifier: LGPL-2.1-or-later
"""strace on the running service: a system call of it fails, or is the last that it makes."""

import contextlib
import os
import signal
import subprocess

from .process import ROOM, poll, status_field


def _end(tracer):
    """Told to end while what it traces is dying, strace may wait for the first thread for ever: that one is only
    gone when strace has taken note of the others."""
    tracer.send_signal(signal.SIGINT)
    try:
        tracer.wait(2)
    except subprocess.TimeoutExpired:
        tracer.kill()
        tracer.wait(5)


@contextlib.contextmanager
def injected(world, syscall, what, number, *options):
    """At the service's number-th such call from now on happens what ("error=ENOMEM", "signal=KILL") says. Gives
    the log."""
    log = ROOM / f"strace-{os.getpid()}"
    pid = world.pid
    tracer = subprocess.Popen(["strace", "-qq", *options, "-o", log, "-e", f"trace={syscall}", "-e",
                               f"inject={syscall}:{what}:when={number}", "-p", str(pid)])
    try:
        assert poll(lambda: status_field(pid, "TracerPid") == str(tracer.pid), 5)
        yield log
    finally:
        _end(tracer)
        log.unlink(missing_ok=True)
        if what == "signal=KILL":  # the call may have been the one just now
            poll(lambda: not world.service.alive(), 0.5)
