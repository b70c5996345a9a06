"""The window: the only home of PySide6 and pyqtgraph."""

from __future__ import annotations

import PySide6.QtCore  # noqa: F401  # puts Shiboken's import hook in place, which is disarmed here
from shibokensupport import feature

# After every import, Shiboken reads the source of the imported module to see whether it switches
# PySide's optional features on, which nothing here does. Looking into a package that is still being
# imported breaks pydantic now and then ("partially initialized module"), and costs time at start.
if hasattr(feature, "_mod_uses_pyside"):
    feature._mod_uses_pyside = lambda module: False
