"""What proves an installation: the self-test and the benchmarks."""
