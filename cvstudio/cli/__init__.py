"""The command line: one file per group of subcommands, each a thin call."""
