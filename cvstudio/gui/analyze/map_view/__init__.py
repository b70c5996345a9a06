"""The view Map: every image, or object, as a point where a run sees it; and what lies where."""
