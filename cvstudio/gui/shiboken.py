"""Disarms Shiboken's look into every import; theme.py imports this before anything else of Qt.

After every import, Shiboken reads the source of the imported module to see whether it switches
PySide's optional features on, which nothing here does. Looking into a package that is still being
imported breaks pydantic now and then ("partially initialized module"), and costs time at start.
"""

from __future__ import annotations

import PySide6.QtCore  # noqa: F401  # puts the hook in place
from shibokensupport import feature

if hasattr(feature, "_mod_uses_pyside"):
    feature._mod_uses_pyside = lambda module: False
