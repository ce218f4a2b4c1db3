"""The shape of the code: layers, single importers, documentation, declared numbers, one version.

Files are read with ``ast``, so an import inside a function or under TYPE_CHECKING counts too.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "sim"
LONGEST_FILE = 500

# The reading order. A file imports only files above it; the files of a folder (a name that ends
# in "/") may import each other. A new file gets its place here.
LAYERS = (
    "errors", "processors", "_jit", "randomness", "quantities", "behavior", "sections",
    "toml_files", "scenario", "campaign", "rules", "bounds",
    "edges", "campus", "degree_sequences", "growing", "generators", "plain_rows", "sparse_rows",
    "tie_strength", "graph_statistics", "memory", "plain_ties", "edge_lists", "graph_files",
    "saved_arrays", "network", "quantiles", "tastes", "population", "world", "segments",
    "orders", "accounts", "journal", "commission_lines", "points", "order_book", "book_checks",
    "book_tables", "ledger", "credits", "market", "schemes/", "limits", "attribution",
    "incentives", "audit/", "day", "teams", "opportunists", "kernels", "presence", "sharing",
    "threads", "engine",
    "word_of_mouth", "agents", "agent_engine", "measures", "twins", "disclosure", "model",
    "run_file", "checkpoint",
    "theory", "theory_buying", "contagion", "recommending", "presets", "reductions",
    "studies/", "validation/",
    "report/", "app/", "commands/", "cli", "testing/", "__init__",
)  # fmt: skip

SINGLE_IMPORTERS = {
    "llvmlite": {"_jit"},
    "numba": {"_jit"},
    "mesa": {"agents", "model", "word_of_mouth"},
    "matplotlib": {"report/"},
    "solara": {"app/"},
    "dask": {"studies/"},
    "distributed": {"studies/"},
}

# Comparison.plot is promised by the Python interface; it loads the report when it is called.
UPWARD = {"sim/studies/comparison.py": {"report/"}}

# Too slow to load before they are needed: `vouch --help` must answer at once.
HEAVY = ("numba", "mesa", "matplotlib", "pandas", "scipy")

# Compiled code is documented but not annotated: numba infers the types from the call.
UNTYPED_LAYERS = {"rules", "bounds", "kernels", "presence", "sharing"}
COMPILING_DECORATORS = {"rule", "inlined_rule", "kernel", "phase", "inner"}

SOURCE_FILES = sorted(PACKAGE.rglob("*.py"))

MACHINE_TEXT = re.compile(
    r"(?<![\w.])/(?:home|root|Users|work|tmp)/"  # folders of one machine
    r"|[A-Z]:\\Users\\"
    r"|pypi\.org|python[h]osted\.org|registry\.npmjs\.org|deb\.debian\.org"
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def relative_name(path: Path) -> str:
    """A source file as it is named in messages, such as sim/studies/compare.py."""
    return path.relative_to(REPOSITORY).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def module_name(path: Path) -> str:
    """The dotted name of a source file, such as sim.studies.compare; a package is its folder."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> str:
    """The entry of LAYERS a dotted module belongs to."""
    parts = module.split(".")
    if len(parts) == 1:
        return "__init__"
    is_folder = len(parts) > 2 or (PACKAGE / parts[1]).is_dir()
    return parts[1] + "/" if is_folder else parts[1]


def is_module(name: str) -> bool:
    path = REPOSITORY.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node except what stands under ``if TYPE_CHECKING:``, which no run imports."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from run_time_nodes(node)


def imported_names(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything a file imports, at any depth of its code.

    ``from sim import network`` counts as ``sim.network`` where that is a module, else as ``sim``.
    """
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    for node in run_time_nodes(parse(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            for alias in node.names:
                name = f"{origin}.{alias.name}"
                if origin.split(".")[0] == "sim" and is_module(name):
                    yield node.lineno, name
                elif (origin, alias.name) != ("sim", "__version__"):
                    yield node.lineno, origin


def is_compiled(node: Definition) -> bool:
    names = {getattr(decorator, "id", None) for decorator in node.decorator_list}
    return bool(names & COMPILING_DECORATORS)


def public_definitions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """(qualified name, node) of public functions, classes and their public members."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from public_definitions(node.body, prefix)


def missing_annotations(node: ast.FunctionDef | ast.AsyncFunctionDef, is_method: bool) -> list[str]:
    """The parameters without a type, and "return" where the result has none."""
    decorators = {getattr(decorator, "id", None) for decorator in node.decorator_list}
    arguments = [*node.args.posonlyargs, *node.args.args]
    if is_method and "staticmethod" not in decorators:
        arguments = arguments[1:]
    arguments += node.args.kwonlyargs
    arguments += [star for star in (node.args.vararg, node.args.kwarg) if star is not None]
    missing = [argument.arg for argument in arguments if argument.annotation is None]
    return missing if node.returns is not None else [*missing, "return"]


def tracked_files() -> list[Path]:
    """Files under version control, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, check=True, text=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not a git checkout, so it is unknown which files are tracked: {error}")
    paths = (REPOSITORY / name for name in listing.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def heavy_modules_after(statement: str) -> list[str]:
    """Which of HEAVY a fresh interpreter has loaded once it ran ``statement``."""
    program = (
        f"import json, sys\n{statement}\n"
        f"print('\\n' + json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False, text=True)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


source_file = pytest.mark.parametrize("path", SOURCE_FILES, ids=relative_name)


@source_file
def test_a_file_imports_only_files_above_it(path):
    own = layer(module_name(path))
    assert own in LAYERS, (
        f"{relative_name(path)} has no place in the reading order; add it to LAYERS"
    )
    allowed = set(LAYERS[: LAYERS.index(own)])
    if own.endswith("/") or own == "__init__":
        allowed.add(own)
    allowed |= UPWARD.get(relative_name(path), set())
    wrong = [
        f"{relative_name(path)}:{line} imports {name}"
        for line, name in imported_names(path)
        if name.split(".")[0] == "sim" and layer(name) not in allowed
    ]
    assert wrong == []


@source_file
def test_an_outside_package_has_one_importer(path):
    own = layer(module_name(path))
    wrong = [
        f"{relative_name(path)}:{line} imports {name}"
        for line, name in imported_names(path)
        if own not in SINGLE_IMPORTERS.get(name.split(".")[0], {own})
    ]
    assert wrong == []


@source_file
def test_every_public_name_is_documented(path):
    tree = parse(path)
    undocumented = [
        f"{relative_name(path)}:{node.lineno} {name}"
        for name, node in public_definitions(tree.body)
        if not ast.get_docstring(node)
    ]
    assert ast.get_docstring(tree), f"{relative_name(path)} has no docstring"
    assert undocumented == []


@source_file
def test_every_public_function_is_annotated(path):
    if layer(module_name(path)) in UNTYPED_LAYERS:
        return
    untyped = [
        f"{relative_name(path)}:{node.lineno} {name}: {', '.join(missing)}"
        for name, node in public_definitions(parse(path).body)
        if not isinstance(node, ast.ClassDef) and not is_compiled(node)
        and (missing := missing_annotations(node, is_method="." in name))
    ]  # fmt: skip
    assert untyped == []


@source_file
def test_a_file_is_read_in_one_sitting(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, "split it along a line that a reader would guess"


def test_importing_the_package_loads_nothing_heavy():
    assert heavy_modules_after("import sim") == []


def test_help_loads_nothing_heavy():
    if not is_module("sim.cli"):
        pytest.skip("there is no sim/cli.py yet")
    show_help = (
        "import runpy\n"
        "sys.argv = ['vouch', '--help']\n"
        "try:\n"
        "    runpy.run_module('sim.cli', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code"
    )
    assert heavy_modules_after(show_help) == []


def test_one_version():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: *[\"']?([^\"'\s]+)", citation, flags=re.MULTILINE)
    assert cited is not None
    assert cited[1] == project["version"]


def test_the_installed_package_has_this_version():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        installed = importlib.metadata.version(project["name"])
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{project['name']} is not installed; pip install -e . makes its version known")
    assert installed == project["version"]
    sim = importlib.import_module("sim")
    assert getattr(sim, "__version__", installed) == installed


def test_no_machine_in_the_repository():
    found = []
    for path in tracked_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        lines = content.decode("utf-8", errors="replace").splitlines()
        found += [
            f"{relative_name(path)}:{number} {hit[0]}"
            for number, line in enumerate(lines, start=1)
            if (hit := MACHINE_TEXT.search(line))
        ]
    assert found == []


def sections_below(section: Any, seen: set[type]) -> set[type]:
    """The pydantic models named in the annotations of ``section``, at any depth, with itself."""
    from pydantic import BaseModel

    if isinstance(section, type) and issubclass(section, BaseModel):
        if section in seen:
            return seen
        seen.add(section)
        for field in section.model_fields.values():
            sections_below(field.annotation, seen)
    for part in get_args(section):
        sections_below(part, seen)
    return seen


def test_every_scenario_field_is_declared_in_full():
    if not is_module("sim.scenario"):
        pytest.skip("there is no sim/scenario.py yet")
    from sim.scenario import Scenario

    incomplete = []
    for section in sections_below(Scenario, set()):
        for name, field in section.model_fields.items():
            if sections_below(field.annotation, set()):
                continue  # a section or a list of them: its own fields are declared
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            declared = {"description": field.description, **extra}
            incomplete += [
                f"{section.__name__}.{name}: {key}"
                for key in ("description", "unit", "source", "kind")
                if not declared.get(key)
            ]
            if extra.get("kind") not in ("lever", "uncertainty", "fixed"):
                incomplete.append(f"{section.__name__}.{name}: kind = {extra.get('kind')!r}")
    assert sorted(incomplete) == []
