"""The command line as other users of the machine see it in the list of processes."""

from __future__ import annotations

import ctypes
from pathlib import Path

_PROCESS = Path("/proc/self")
#: Where in `stat`, behind the name in brackets, the arguments' first and last address stand (proc(5): fields 48, 49).
_FIRST, _LAST = 45, 46


def blot(secret: str) -> bool:
    """Overwrite every ``secret`` in this process's arguments with asterisks; whether there was any.

    Linux keeps the arguments in the process's own memory and shows them from there. Elsewhere, and where the kernel
    does not say the address, nothing happens. Until here, some tenths of a second, the secret was visible.
    """
    try:
        fields = (_PROCESS / "stat").read_text().rpartition(")")[2].split()
        first, last = int(fields[_FIRST]), int(fields[_LAST])
        arguments = (_PROCESS / "cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return False
    wanted = secret.encode()
    if not wanted or first == 0 or len(arguments) != last - first:
        return False
    place = arguments.find(wanted)
    found = place >= 0
    while place >= 0:
        ctypes.memset(first + place, ord("*"), len(wanted))
        place = arguments.find(wanted, place + len(wanted))
    return found
