# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests' library: a private bus with polkit and vnicd on it, clients, the kernel's view, guests.

It runs inside tests/lib/world. Nothing here waits without a deadline.
"""

import os

# The long form of tests that are campaigns (tools/test --long).
LONG = os.environ.get("VNICD_TEST_LONG") == "1"
