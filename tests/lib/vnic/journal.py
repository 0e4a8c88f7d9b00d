# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal of the world: this reads what is logged to it."""

import pathlib
import socket
import threading

from .process import poll

SOCKET = pathlib.Path("/run/systemd/journal/socket")
KEPT = 5000


def read_record(data):
    """The fields of a datagram of the journal's protocol: NAME=value, or a name, its length and the value."""
    fields = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8:8 + size], rest[8 + size + 1:]
        fields[name.decode()] = value.decode(errors="replace")
        data = rest
    return fields


class Journal:
    """One journal for all tests, since there is one socket."""

    records = []
    _socket = None

    @classmethod
    def listen(cls):
        if cls._socket is None:
            SOCKET.parent.mkdir(parents=True, exist_ok=True)
            SOCKET.unlink(missing_ok=True)
            cls._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            cls._socket.bind(str(SOCKET))
            SOCKET.chmod(0o666)
            threading.Thread(target=cls._read, name="journal", daemon=True).start()
        return cls

    @classmethod
    def _read(cls):
        while True:
            try:
                data = cls._socket.recv(1 << 18)
            except OSError:
                return
            cls.records.append(read_record(data) | {"_SIZE": len(data)})
            del cls.records[:-KEPT]

    @classmethod
    def messages(cls):
        return [record["MESSAGE"] for record in cls.records if "MESSAGE" in record]

    @classmethod
    def audit(cls):
        """The records of the service's audit."""
        return [record for record in cls.records if "VNICD_VERDICT" in record]

    @classmethod
    def wait_for(cls, count, timeout=5.0, **fields):
        """The first count audit records with these fields (uid="1001" is VNICD_UID)."""
        wanted = {f"VNICD_{name.upper()}": value for name, value in fields.items()}

        def there():
            found = [record for record in cls.audit() if wanted.items() <= record.items()]
            return found if len(found) >= count else None
        found = poll(there, timeout)
        assert found, f"the journal has not {count} of {wanted}; it has {cls.audit()[-20:]}"
        return found
