"""`python -m tiercap`: the command line."""

from __future__ import annotations

import sys

from tiercap.optimizer.cli import main

if __name__ == "__main__":
    sys.argv[0] = "tiercap"
    main()
