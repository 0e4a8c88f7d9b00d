# SPDX-License-Identifier: LGPL-2.1-or-later
"""strace on the running service: one of its system calls fails, or is the last that it makes."""

import contextlib
import os
import signal
import subprocess
import tempfile

from .process import ROOM, poll, status_field


def _end(tracer):
    """If strace is told to exit while the process that it traces is dying, it may wait for the first thread
    for ever: that one is only gone when strace has seen the others exit."""
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
def traced(world, *options):
    """From now on strace writes what the service does to the log that is returned."""
    log, errors = ROOM / f"strace-{os.getpid()}", tempfile.TemporaryFile()
    pid = world.pid
    tracer = subprocess.Popen(["strace", "-qq", "-f", *options, "-o", log, "-p", str(pid)], stderr=errors)
    try:
        assert poll(lambda: status_field(pid, "TracerPid") == str(tracer.pid) or tracer.poll() is not None, 30)
        assert tracer.poll() is None, f"strace has ended with {tracer.returncode}: {said(errors)}"
        yield log
    finally:
        _end(tracer)
        log.unlink(missing_ok=True)
        errors.close()


@contextlib.contextmanager
def injected(world, syscall, what, number, *options):
    """From now on the service's number-th such call is given what `what` says ("error=ENOMEM",
    "signal=KILL"). Returns the log."""
    log, errors = ROOM / f"strace-{os.getpid()}", tempfile.TemporaryFile()
    pid = world.pid
    tracer = subprocess.Popen(["strace", "-qq", *options, "-o", log, "-e", f"trace={syscall}", "-e",
                               f"inject={syscall}:{what}:when={number}", "-p", str(pid)], stderr=errors)
    try:
        # On a machine that is short of processors it may take its time: the test itself comes afterwards.
        assert poll(lambda: status_field(pid, "TracerPid") == str(tracer.pid) or tracer.poll() is not None, 30)
        # The call that the service was executing may have been that one: then it is dead, and strace has exited with it.
        killed = what == "signal=KILL" and tracer.poll() == 0 and poll(lambda: not world.service.alive(), 5)
        assert killed or tracer.poll() is None, f"strace has ended with {tracer.returncode}: {said(errors)}"
        yield log
    finally:
        _end(tracer)
        log.unlink(missing_ok=True)
        errors.close()
        if what == "signal=KILL":  # the call may have been the one just now
            poll(lambda: not world.service.alive(), 0.5)
