# SPDX-License-Identifier: LGPL-2.1-or-later
"""strace on the running service: a system call of it fails, or is the last that it makes."""

import contextlib
import os
import signal
import subprocess
import tempfile

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


def said(file):
    file.seek(0)
    return file.read().decode(errors="replace")


@contextlib.contextmanager
def injected(world, syscall, what, number, *options):
    """At the service's number-th such call from now on happens what ("error=ENOMEM", "signal=KILL") says. Gives
    the log."""
    log, errors = ROOM / f"strace-{os.getpid()}", tempfile.TemporaryFile()
    pid = world.pid
    tracer = subprocess.Popen(["strace", "-qq", *options, "-o", log, "-e", f"trace={syscall}", "-e",
                               f"inject={syscall}:{what}:when={number}", "-p", str(pid)], stderr=errors)
    try:
        # On a machine that is short of processors it may take its time: what is tested comes afterwards.
        assert poll(lambda: status_field(pid, "TracerPid") == str(tracer.pid) or tracer.poll() is not None, 30)
        # What the service was still at may have been that call: then it is dead, and strace has ended with it.
        killed = what == "signal=KILL" and tracer.poll() == 0 and poll(lambda: not world.service.alive(), 5)
        assert killed or tracer.poll() is None, f"strace has ended with {tracer.returncode}: {said(errors)}"
        yield log
    finally:
        _end(tracer)
        log.unlink(missing_ok=True)
        errors.close()
        if what == "signal=KILL":  # the call may have been the one just now
            poll(lambda: not world.service.alive(), 0.5)
