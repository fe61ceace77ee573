"""The real command as a worker. The victim claims first, and dies by SIGKILL once it has told of a few policies."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tiercap.optimizer.cli import main
from tiercap.optimizer.search.shared import SharedStudy

role, most, claimed = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
claim, tell = SharedStudy.claim, SharedStudy._tell
told: list[Any] = []


def in_order(self: SharedStudy, generation: int) -> bool:
    """Claim, the victim before all others."""
    while role != "victim" and not claimed.exists():
        time.sleep(0.01)
    mine = claim(self, generation)
    claimed.touch()
    return mine


def strike(self: SharedStudy, *what: Any) -> bool:
    """Tell, unless it is time to die."""
    if role == "victim" and len(told) == most:
        os.kill(os.getpid(), signal.SIGKILL)
    told.append(what)
    return tell(self, *what)


SharedStudy.claim, SharedStudy._tell = in_order, strike  # type: ignore[method-assign]
main(sys.argv[4:])
