"""How much memory the machine has free, and the refusal of work that needs more."""

from __future__ import annotations

import os

from sim.errors import InputError


def bytes_available() -> int | None:
    """Memory the machine has free, in bytes; None where it cannot be told."""
    try:
        with open("/proc/meminfo") as lines:
            free = next(line for line in lines if line.startswith("MemAvailable"))
        return int(free.split()[1]) * 1024
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def require_bytes(needed: float, what: str, cure: str) -> None:
    """Raise InputError if ``what`` needs more memory than is free; nothing where it is unknown."""
    available = bytes_available()
    if available is not None and needed > available:
        raise InputError(
            f"{what} needs about {needed / 1e9:.1f} GB of memory, and {available / 1e9:.1f} GB is "
            f"free; {cure}"
        )
