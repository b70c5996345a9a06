"""The start of the frozen program."""

import multiprocessing
import sys

from cvstudio.__main__ import main

if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
