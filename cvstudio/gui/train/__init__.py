"""Train: choose and start a run, watch it learn, and look at earlier runs."""
