"""Runs in TensorBoard and MLflow: a process of its own follows a run and copies what it says."""
