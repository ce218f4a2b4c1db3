"""Whether a target can fail: it is measured again with an error planted in the source.

The error is put into the text of one module as it is imported by a fresh interpreter, so that
everything that uses the module uses the error, compiled code too. Nothing is written anywhere.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sim.validation.target import Plant

PACKAGE = Path(__file__).resolve().parents[1]

# Workers leave Ctrl-C to their parent, which a child would take over from them.
_CHILD = """
import json, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
work = json.loads(sys.argv[1])
sys.path[:] = work["path"]
from sim.validation.planting import measure_here
measure_here(work["target"], work["plant"], work["missed"])
"""
_LONGEST = 900  # seconds


class Planted(NamedTuple):
    """What became of a target with an error planted.

    caught : whether a reading left its band that lies in it without the error. by : that reading,
    or why there is none. measured, low, high : of the reading.
    """

    target: str
    caught: bool
    by: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None


def measure_planted(target: str, plant: Plant, missed: Sequence[str] = ()) -> Planted:
    """Measure a target, in its quick form, with an error planted.

    Runs in an interpreter of its own. missed : readings that leave their band without the error,
    so that they notice nothing. Raises RuntimeError if that fails other than by the error.
    """
    # The path of this process, so that the child finds the same modules whatever folder it is in.
    work = json.dumps({"path": sys.path, "target": target, "plant": plant, "missed": list(missed)})
    command = [sys.executable, "-P", "-c", _CHILD, work]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{target} with its planted error: {last}")
    return Planted(**json.loads(done.stdout.splitlines()[-1]))


def planted_source(module: str, old: str, new: str) -> str:
    """The source of a module with ``old``, which stands in it exactly once, replaced by ``new``."""
    text = _path(module).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(
            f"the planted error of {module} must replace a text that stands there once; "
            f"{text.count(old)} times: {old!r}"
        )
    return text.replace(old, new)


def _path(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def compiled_with(module: str, old: str) -> set[str]:
    """The modules whose compiled code changes with ``old`` in ``module``.

    They may not come from the disk cache, nor go there, while an error is planted. What stands in
    a function that is not compiled, or in a section of a scenario, changes none: its values are
    arguments of compiled code. A constant is frozen into what imports it.
    """
    sources = {
        ".".join(("sim", *path.relative_to(PACKAGE).with_suffix("").parts)): path.read_text("utf-8")
        for path in PACKAGE.rglob("*.py")
    }
    compiled = {name for name, text in sources.items() if "from sim._jit import" in text}
    if module not in compiled and _stays_interpreted(sources[module], old):
        return set()
    reached, waiting = set(), [module]
    while waiting:
        found = waiting.pop()
        reached.add(found)
        parent, _, child = found.rpartition(".")
        imports = re.compile(
            rf"^from {re.escape(found)} import|^from {re.escape(parent)} import .*\b{child}\b", re.M
        )
        waiting += [
            name for name in compiled - reached - set(waiting) if imports.search(sources[name])
        ]
    return reached


def _stays_interpreted(source: str, part: str) -> bool:
    """Whether a part of a source stands inside one function, or inside one section."""
    first = source[: source.index(part)].count("\n") + 1
    last = first + part.count("\n")
    return any(
        node.body[0].lineno <= first and last <= (node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.ClassDef) and [*map(ast.unparse, node.bases)] == ["Section"])
    )


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module of the package from a given text, with or without the kernel cache."""

    def __init__(self, name: str, path: str, text: str | None, cached: bool) -> None:
        super().__init__(name, path)
        self._text = text
        self._cached = cached

    def get_code(self, fullname: str) -> Any:
        """Compile the given text; without one, as usual."""
        if self._text is None:
            return super().get_code(fullname)
        return self.source_to_code(self._text.encode(), self.path)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; what it imports decides about the cache for itself."""
        from sim import _jit

        with _jit.kernel_cache(self._cached):
            super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the package, one of them with an error."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self._module, self._text = module, planted_source(module, old, new)
        self._uncached = compiled_with(module, old)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> Any:
        """The module's usual place, with a loader of ours."""
        if not fullname.startswith("sim.") or fullname == "sim._jit":
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            text = self._text if fullname == self._module else None
            cached = fullname not in self._uncached
            spec.loader = _Loader(fullname, spec.origin, text, cached)
        return spec


def measure_here(target: str, plant: Sequence[str], missed: Sequence[str]) -> None:
    """Plant an error in this fresh interpreter, measure the target and print what came of it."""
    _, module, old, new = plant
    with contextlib.redirect_stdout(sys.stderr):
        sys.meta_path.insert(0, _Finder(module, old, new))
        found = _measured(target, missed)
    print(json.dumps(found._asdict()))


def _measured(target: str, missed: Sequence[str]) -> Planted:
    from sim.validation.target import NoDataError
    from sim.validation.targets import TARGETS

    measure = TARGETS[target].measure
    assert measure is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = measure(True)
    except NoDataError as absent:
        return Planted(target, False, str(absent))
    except Exception as error:  # it shows that something is wrong, not that the target sees it
        return Planted(target, False, f"the run ended with {type(error).__name__}: {error}")
    left = [one for one in finding.readings if not one.holds and one.what not in missed]
    if not left:
        return Planted(target, False, "no reading left its band that was in it before")
    # One that is still a number says more than one that is none any more.
    first = min(left, key=lambda one: math.isnan(one.measured))
    return Planted(target, True, first.what, *map(float, (first.measured, first.low, first.high)))
