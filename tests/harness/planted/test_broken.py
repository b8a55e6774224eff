# SPDX-License-Identifier: GPL-2.0
"""Cannot be imported: its tests do not run, which must not look as if all had passed."""

raise ImportError("planted")
