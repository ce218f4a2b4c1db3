"""The text of a scheme of one's own that fails when it is told to."""

from __future__ import annotations

# It raises at one in forty of its offers, the thirteenth first: in some runs, not in others.
FAULTY = '''
import os
import time
from pathlib import Path

from sim.schemes import Percentage


class Faulty(Percentage):
    """Pays a share, and fails as the file `fault` says, if there is one."""

    def offer(self, market):
        fault = Path("fault").read_text() if Path("fault").exists() else ""
        counted = Path(f"offers-{os.getpid()}")
        counted.write_text(counted.read_text() + "." if counted.exists() else ".")
        if fault == "raise" and len(counted.read_text()) % 40 == 13:
            raise ValueError("no offer [today]")
        if fault == "slow":
            time.sleep(0.2)
        return super().offer(market)
'''
