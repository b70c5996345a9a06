"""The Augment page: a pipeline, and what it does to the person's own labelled images."""
