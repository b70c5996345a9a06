"""What the process that asks holds in memory, for the scripts beside this file."""

# ruff: noqa: ANN201 -- they run in interpreters that are not ours


def memory():
    """Megabytes that belong to this process alone."""
    with open("/proc/self/smaps_rollup", encoding="utf-8") as stream:
        lines = (line.split() for line in stream)
        return sum(int(f[1]) for f in lines if f[0] in ("Private_Clean:", "Private_Dirty:")) / 1000
