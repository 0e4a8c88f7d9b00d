# SPDX-License-Identifier: LGPL-2.1-or-later
"""One GLib main loop in one background thread, for everything that D-Bus delivers by itself.

Tests stay straight-line code: signals, late replies, mock objects and polkit questions are served here while
the test's own thread waits with a deadline. A closed connection or an absent service can therefore never
block the suite.
"""

import concurrent.futures
import threading

from gi.repository import GLib

DEADLINE = 20.0

_lock = threading.Lock()
_context = None
_thread = None


def _run(context, ready):
    context.push_thread_default()
    loop = GLib.MainLoop.new(context, False)
    ready.set()
    loop.run()


def context():
    """The main context of the background thread, which the first caller starts."""
    global _context, _thread
    with _lock:
        if _context is None:
            _context = GLib.MainContext.new()
            ready = threading.Event()
            _thread = threading.Thread(target=_run, args=(_context, ready), name="bus-loop", daemon=True)
            _thread.start()
            ready.wait(DEADLINE)
    return _context


def post(function, *arguments):
    """Run the function in the loop's thread; a Future holds what it returns or raises."""
    future = concurrent.futures.Future()

    def run(*_):
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return GLib.SOURCE_REMOVE

    where = context()
    if threading.current_thread() is _thread:
        run()
    else:
        source = GLib.Idle()
        source.set_priority(GLib.PRIORITY_DEFAULT)
        source.set_callback(run)
        source.attach(where)
    return future


def do(function, *arguments, timeout=DEADLINE):
    """Run the function in the loop's thread and return its result."""
    return post(function, *arguments).result(timeout)
