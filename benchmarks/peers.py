"""Which programs of others can be measured, and in which Python they are installed.

Peers are looked for in our own Python and in those of ``--peers-python``, so that a peer whose
dependencies do not go with ours can live in an environment of its own.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

_PROBE = """
import importlib.metadata, importlib.util, json, sys
found = {}
for name in sys.argv[1:]:
    if importlib.util.find_spec(name) is not None:
        owners = importlib.metadata.packages_distributions().get(name, [])
        found[name] = importlib.metadata.version(owners[0]) if owners else ""
print(json.dumps(found))
"""


class Pythons:
    """Our own Python and those of ``--peers-python``, in the order they are asked."""

    def __init__(self, others: list[Path]) -> None:
        self.executables = [sys.executable, *(str(path) for path in others)]

    def find(self, modules: tuple[str, ...]) -> tuple[str, str] | None:
        """The first Python that has all ``modules``, and the version of the first of them."""
        for executable in self.executables:
            found = _installed(executable, modules)
            if all(name in found for name in modules):
                return executable, found[modules[0]] if modules else ""
        return None


@functools.cache
def _installed(executable: str, modules: tuple[str, ...]) -> dict[str, str]:
    """Versions of those of ``modules`` that a Python has."""
    if not modules:
        return {}
    run = subprocess.run(
        [executable, "-c", _PROBE, *modules], capture_output=True, text=True, check=False
    )
    return json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 and run.stdout else {}


def environment(**changes: str) -> dict[str, str]:
    """The environment of a measured process: this repository first, one thread unless it asks."""
    paths = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | changes
