"""A study with a policy whose runs hang, and limits that end them soon."""

from __future__ import annotations

from pathlib import Path

from sim.studies.sweeps.batches import Limits
from tests.tiny_studies import STUDY

HANGING = '''
import time

from sim.schemes import NoIncentive


class Hanging(NoIncentive):
    """Never comes to an offer."""

    def offer(self, market):
        time.sleep(600)
'''
LIMITS = Limits(seconds=1.0, grace=1.0)


def hanging_study(folder: Path) -> Path:
    """A study of three policies of which one hangs, and its scheme, in files of ``folder``."""
    (folder / "hanging_scheme.py").write_text(HANGING)
    path = folder / "study.toml"
    text = STUDY.replace("none = {}", 'none = {}\nhanging = {scheme = "hanging_scheme:Hanging"}')
    path.write_text(text.replace("replications = 3", "replications = 1"))
    return path
