"""The open project: its database, its undo, its runs."""
