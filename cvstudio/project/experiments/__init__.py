"""Experiments: ordinary runs that are held together to answer one question."""
