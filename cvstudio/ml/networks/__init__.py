"""Network families: one file per library, and the door that finds the right one."""
