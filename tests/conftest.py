"""Shared by all tests: how hypothesis runs, and where the real data sets are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "VOUCH_DATA"
PROFILE_VARIABLE = "HYPOTHESIS_PROFILE"

# Derandomized: a failure repeats, and a pass does not depend on the day's luck.
settings.register_profile("vouch", deadline=None, derandomize=True, database=None, max_examples=50)
settings.register_profile("ci", settings.get_profile("vouch"), max_examples=150)
settings.load_profile(os.environ.get(PROFILE_VARIABLE, "vouch"))


def shared_data_folder() -> Path:
    """The folder of real data sets: $VOUCH_DATA, else shared/data beside the repository."""
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen) if chosen else REPOSITORY.parent / "shared" / "data"


@pytest.fixture(scope="session")
def data_set() -> Callable[[str], Path]:
    """``data_set(name)`` is the path of a real data set; the test is skipped where it is absent.

    The data may be studied but not copied into the repository, so a fresh clone has none.
    """

    def find(name: str) -> Path:
        path = shared_data_folder() / name
        if not path.exists():
            pytest.skip(
                f"real data set {name} is not at {path}; set {DATA_VARIABLE} to the folder of data"
            )
        return path

    return find
