"""Networks that leave: graph, precisions, engines, proof, timing; `job.run_export` is the door."""
