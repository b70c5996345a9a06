"""The view New images: whether a run still knows what it looks at."""
