"""How much memory there is for this process: what the machine has, or what its container is allowed."""

import os
from pathlib import Path

_CONTAINER = Path("/sys/fs/cgroup/memory.max")  # of a control group, version 2; a number of bytes, or "max"
_UNTOLD = 1 << 30


def memory_bytes(container: Path = _CONTAINER) -> int:
    """Return the bytes of memory that there are for us, taken or not; 1 GiB where the system does not tell.

    Source: sysconf(3); the kernel's documentation of control groups, version 2, memory interface files.
    """
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system, or one that does not say
        return _UNTOLD
    try:
        allowed = container.read_text(encoding="ascii").strip()
    except OSError:  # no such groups here
        return machine
    return min(machine, int(allowed)) if allowed.isdecimal() else machine
