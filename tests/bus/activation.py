# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first call of an ordinary user starts the service, through the activation file as it is built.

Without systemd dbus-daemon itself starts services, so here it runs as root, and the service drops the
privileges that its unit would take from it.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from vnic import kernel  # noqa: E402
from vnic.client import NAME, Client  # noqa: E402
from vnic.world import World  # noqa: E402

SERVICES = pathlib.Path("/run/vnicd-world/services")


def main():
    world = World(bus="dbus-daemon", bus_extra=f"<user>root</user><servicedir>{SERVICES}</servicedir>")
    SERVICES.mkdir(mode=0o755)
    text = (world.build / "dbus" / "org.vnicd1.service").read_text()
    command = "Exec=/usr/bin/env " + " ".join(world.service_command())
    (SERVICES / "org.vnicd1.service").write_text(re.sub(r"^Exec=.*$", command, text, flags=re.M))
    world.start(service=False)
    with kernel.bridge("yes0"), Client(world, "alice") as client:
        assert client.owner_of(NAME) is None
        with client.create_tap("yes0") as tap:
            assert kernel.exists(tap.interface)
        assert client.owner_of(NAME)


if __name__ == "__main__":
    main()
