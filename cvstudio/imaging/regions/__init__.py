"""What tools find in pixels: regions and paths of the picture as it is displayed; no window."""
