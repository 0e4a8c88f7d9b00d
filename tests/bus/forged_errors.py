# SPDX-License-Identifier: LGPL-2.1-or-later
"""An unrelated user answers each reply of the service with the error that the bus sends when it cannot
deliver fds.

dbus-daemon drops an error that nobody asked for; here its policy lets those of bob pass, so that only the
service itself protects other users' taps from them.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from gi.repository import Gio  # noqa: E402
from vnic import kernel  # noqa: E402
from vnic.client import MANAGER, NAME, ROOT, Client  # noqa: E402
from vnic.rawclient import RawClient  # noqa: E402
from vnic.world import World  # noqa: E402

LET_BOB = """<policy user="bob"><allow send_type="error" send_requested_reply="false"/></policy>
<policy user="vnicd"><allow receive_type="error" receive_requested_reply="false"/></policy>
"""
COOKIES = range(1, 400)


def forge(sender, serial, cookie, destination):
    message = Gio.DBusMessage()
    message.set_message_type(Gio.DBusMessageType.ERROR)
    message.set_destination(destination)
    message.set_error_name("org.freedesktop.DBus.Error.NotSupported")
    message.set_reply_serial(cookie)
    message.set_serial(serial)
    sender.send_bytes(bytes(message.to_blob(Gio.DBusCapabilityFlags.NONE)))


def main():
    with World(bus="dbus-daemon", bus_extra=LET_BOB) as world, kernel.bridge("yes0"), \
            Client(world, "alice") as alice:
        stranger = RawClient(world, "bob")
        service = alice.owner_of(NAME)
        with alice.create_tap("yes0") as tap, alice.open_tap("yes0") as other:
            for serial, cookie in enumerate(COOKIES, 1000):
                forge(stranger, serial, cookie, service)
            # It has read them all by the time it answers on the same connection.
            stranger.receive_reply(stranger.send(ROOT, MANAGER, "GetEndpoint", "s", (tap.interface,)))
            assert alice.call(ROOT, MANAGER, "GetEndpoint", "s", (tap.interface,)) == (tap.endpoint,)
            assert set(kernel.our_links()) == {tap.interface, other.interface}
            assert "Rejected" not in world.bus.process.output(), "the bus has let none of them through"
        stranger.close()


if __name__ == "__main__":
    main()
