# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bus tier: the real kernel, a real bus, the real polkitd and the real service; there are mocks only
where polkit must hang."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

pytest_plugins = ["vnic.fixtures"]
