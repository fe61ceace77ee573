"""Signals: the first unwinds the command, within two seconds; the second leaves at once.

SIGINT, SIGTERM and SIGHUP (the terminal was closed) arrive in the command as KeyboardInterrupt. Python runs a handler
only between two of its own instructions, and compiling a kernel is one long instruction; so a thread that reads the
signals where the system writes them stands by, and leaves in the command's place where it has not answered in time.
That loses nothing: what a run folder holds was whole at every instant.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

#: Seconds that a command has to put things in order.
GRACE = 1.6
#: Seconds within which signals count as one: some tools send theirs to a process and to its group.
ONE_SIGNAL = 0.1

_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
_SHOW_CURSOR = "\x1b[?25h"

#: How to go on, said when a command is interrupted; set by those that can be taken up again.
_advice = ""


class Asked(KeyboardInterrupt):
    """The process was asked to end by the signal ``number``."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def advise(sentence: str) -> None:
    """Say ``sentence`` after "interrupted" from now on: what is kept and which command goes on."""
    global _advice  # noqa: PLW0603 - a process has one command and one ending
    _advice = sentence


def told(ending: KeyboardInterrupt) -> tuple[str, int]:
    """The sentence and the exit code for an interruption that has unwound the command."""
    number = ending.number if isinstance(ending, Asked) else signal.SIGINT
    return _sentence(number), 128 + number


def listen() -> None:
    """Take over the signals; one that is ignored, as under `nohup`, or handled already stays as it is."""
    advise("")
    free = (signal.SIG_DFL, signal.default_int_handler)
    if threading.current_thread() is not threading.main_thread():
        return
    ours = [number for number in _WORDS if signal.getsignal(number) in free]
    for number in ours:
        signal.signal(number, _unwind)
    source, sink = os.pipe()
    os.set_blocking(sink, False)
    signal.set_wakeup_fd(sink, warn_on_full_buffer=False)
    threading.Thread(target=_stand_by, args=(source,), name="interrupts", daemon=True).start()


def _unwind(number: int, _frame: FrameType | None) -> None:
    """Interrupt the command, once; what it then puts in order is left in peace until the grace is over."""
    for other in _WORDS:
        if signal.getsignal(other) is _unwind:
            signal.signal(other, _hear)
    raise Asked(number)


def _hear(_number: int, _frame: FrameType | None) -> None:
    """A handler that leaves the answer to the thread that stands by."""


def _stand_by(source: int) -> None:
    """Wait for a signal, then for the second or the end of the grace; leave in the command's place."""
    number = _next(source)
    late = threading.Timer(GRACE, _leave, (number, _sentence(number)))
    late.daemon = True
    late.start()
    first, number = time.monotonic(), _next(source)
    while time.monotonic() - first < ONE_SIGNAL:
        number = _next(source)
    _leave(number, f"{_WORDS[signal.Signals(number)]} twice, left at once")


def _next(source: int) -> int:
    """The next signal that is ours."""
    while True:
        number = os.read(source, 1)[0]
        if number in _WORDS:
            return number


def _sentence(number: int) -> str:
    return "; ".join(part for part in (_WORDS[signal.Signals(number)], _advice) if part)


def _leave(number: int, sentence: str) -> None:
    """End the process here and now; rich may have hidden the cursor."""
    try:
        cursor = f"{_SHOW_CURSOR}\n" if os.isatty(2) else ""
        os.write(2, f"{cursor}error: {sentence}\n".encode())
    except OSError:
        pass
    finally:
        os._exit(128 + number)
