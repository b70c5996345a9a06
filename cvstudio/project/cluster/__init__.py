"""Runs that a Ray cluster does: what is sent, how it is followed, and what comes home."""
