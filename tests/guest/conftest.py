# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest tier: real QEMU guests, without KVM, as ordinary users. The assertions are about what the guest
reports and what the kernel of the host reports of the tap."""

import hashlib
import pathlib
import socket
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

pytest_plugins = ["vnic.fixtures"]

HOST = "192.0.2.1"


@pytest.fixture(autouse=True)
def needs_guests(guest_ready):
    """Every test of this tier boots a guest, or is skipped with the reason why none can be booted."""


@pytest.fixture
def lan(bridges):
    """A bridge on which everybody may have taps, with the host at HOST, which answers pings."""
    return bridges("yes0", mac="02:00:00:00:00:01", address=f"{HOST}/24")


class Sink:
    """A TCP server of the host that accepts one transfer."""

    def __init__(self):
        self._listener = socket.create_server(("0.0.0.0", 0))
        self._listener.settimeout(100)
        self.port = self._listener.getsockname()[1]
        self._md5 = hashlib.md5()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection:
            while data := connection.recv(1 << 18):
                self._md5.update(data)

    def md5(self):
        """The checksum of everything received, once the other side has closed."""
        self._reader.join(20)
        return self._md5.hexdigest()

    def close(self):
        self._listener.close()


@pytest.fixture
def sink():
    """A server on the host to send to, at any address of it."""
    server = Sink()
    yield server
    server.close()
