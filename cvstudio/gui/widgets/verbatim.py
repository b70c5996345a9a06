"""Words of the user on buttons and in tooltips, exactly as they were written.

Qt takes "&" on a button, a tab or in a menu for the mark of a shortcut, and a tooltip that looks
like HTML for HTML. Names of projects, classes, tags and files may hold both.
"""

from __future__ import annotations

from html import escape


def face(text: str) -> str:
    """The text for a button, an action, a menu or a tab; it then reads as it was written."""
    return text.replace("&", "&&")


def tip(text: str) -> str:
    """The text for a tooltip; it then reads as it was written, whatever it looks like."""
    if "<" not in text:
        return text
    return f"<span>{escape(text).replace(chr(10), '<br>')}</span>"
