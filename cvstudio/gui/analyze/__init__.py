"""The Analyze page: what a run gets wrong, why, and the way to the label behind it."""
