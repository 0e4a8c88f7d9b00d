# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract as it is installed: one file for each D-Bus interface."""

import os
import pathlib
import subprocess
import xml.etree.ElementTree as tree

NAMES = ("Manager", "Endpoint", "Tap", "Network")


def interfaces():
    """The <interface> elements of the contract."""
    folder = pathlib.Path(os.environ["VNICD_SOURCE"]) / "dbus"
    return [tree.parse(folder / f"org.vnicd1.{name}.xml").getroot().find("interface") for name in NAMES]


def install(root):
    """Install it below this folder, with vnicd.pc, as a package would."""
    subprocess.run(["meson", "install", "-C", os.environ["VNICD_BUILD"], "--no-rebuild", "--quiet", "--tags", "devel"],
                   check=True, env=os.environ | {"DESTDIR": str(root)})
