"""The Label workspace: the canvas with its tools, and the lists and panels around it."""
