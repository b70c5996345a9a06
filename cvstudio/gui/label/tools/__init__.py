"""The tools of the canvas: one gesture object a file, each keeping its draft to itself."""
