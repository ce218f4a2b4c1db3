"""The parts of docs/odd.md and docs/decisions.md that the code itself says.

A page is written by hand around blocks between two comments, ``<!-- begin KIND WORDS -->`` and
``<!-- end -->``. :func:`renew` fills every block from the declarations, so that a page cannot say
anything else than the program does. ``python -m sim.report.odd docs`` renews the pages of a folder.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

from sim._jit import plain
from sim.attribution import FULL_WEIGHT
from sim.behavior import Behavior
from sim.day import SATURATED
from sim.errors import InputError, nearest
from sim.generators import GENERATORS
from sim.measures import DAILY, MEASURES
from sim.model import PHASES
from sim.opportunists import MOST_IDENTITIES
from sim.population import Population, State
from sim.randomness import Decision
from sim.report.declared import Parameter, markdown_table, parameters, shown, table
from sim.report.evidence import GRADES, ROWS, evidence
from sim.rules import BUILT_IN, EQUAL_SPLIT
from sim.schemes import SCHEMES
from sim.tastes import TASTE_DIMENSIONS
from sim.teams import USUAL_DISCOUNT

_BLOCK = re.compile(r"(<!-- begin (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def renew(page: str) -> str:
    """A Markdown page with every block filled anew.

    Raises
    ------
    InputError
        If a block names a kind, a rule, a field or a table that does not exist.
    """

    def filled(found: re.Match[str]) -> str:
        kind, *words = found[2].split()
        if kind not in BLOCKS:
            raise InputError(f"begin {found[2]}: there is no block '{kind}'{nearest(kind, BLOCKS)}")
        return f"{found[1]}\n{BLOCKS[kind](*words)}\n\n{found[3]}"

    return _BLOCK.sub(filled, page)


# Process overview -------------------------------------------------------------------------------


def phases() -> str:
    """The phases of a day, in order."""
    rows = ((str(k), f"`{one.name}`", one.reads, one.writes) for k, one in enumerate(PHASES, 1))
    return markdown_table(("", "phase", "reads", "writes"), rows)


# Entities ---------------------------------------------------------------------------------------

_OF = {
    "(N,)": "person",
    "(P, N)": "person and product",
    "(T,)": "tie",
    "(P, T)": "tie and product",
    "(P,)": "product",
}
_COLUMN = re.compile(
    r"(?m)^    (\w+): np\.ndarray  # (?:(\([^)]*\))|likewise) ?(u?int\d+|float\d+)? ?(.*)$"
)


def arrays(name: str) -> str:
    """The columns of the traits (``Population``) or of the state (``State``), by entity."""
    kinds: dict[str, type] = {"Population": Population, "State": State}
    kind = _named(name, kinds, "table")
    rows, shape = [], ""
    for column, stated, dtype, meaning in _COLUMN.findall(inspect.getsource(kind)):
        shape = stated or shape
        rows.append((f"`{column}`", _OF[shape], dtype or "float32", meaning))
    return markdown_table(("variable", "of each", "type", "what it is"), rows)


CONSTANTS: dict[str, tuple[float, str]] = {
    "tastes.TASTE_DIMENSIONS": (TASTE_DIMENSIONS, "length of a taste vector"),
    "rules.EQUAL_SPLIT": (
        EQUAL_SPLIT, "smaller over larger part from which two parts of a reward pass for equal"
    ),
    "day.SATURATED": (SATURATED, "largest count kept of messages heard or carried"),
    "teams.USUAL_DISCOUNT": (USUAL_DISCOUNT, "discount from which a team pulls fully"),
    "attribution.FULL_WEIGHT": (
        FULL_WEIGHT, "weight of the latest touch under time_decay; weights are whole numbers"
    ),
    "opportunists.MOST_IDENTITIES": (MOST_IDENTITIES, "most invented names behind one order"),
}  # fmt: skip
"""Numbers of the model that no scenario sets, with their meaning."""


def constants() -> str:
    """The numbers of the model that no scenario sets."""
    rows = ((f"`{name}`", shown(value), text) for name, (value, text) in CONSTANTS.items())
    return markdown_table(("constant", "value", "what it is"), rows)


def networks() -> str:
    """The generators with their parameters at the generators' own defaults."""
    rows = []
    for kind, generator in GENERATORS.items():
        options = [
            f"`{option.name}` {shown(option.default)}"
            for option in inspect.signature(generator).parameters.values()
            if option.kind is inspect.Parameter.KEYWORD_ONLY
        ]
        rows.append((f"`{kind}`", ", ".join(options), _summary(generator)))
    return markdown_table(("kind", "parameters", "what it is"), rows)


# Design concepts --------------------------------------------------------------------------------


def decisions() -> str:
    """What every draw decides, with the number that stands in its address."""
    comments = _comments_of_members(Decision)
    rows = ((str(int(one)), f"`{one.name}`", comments.get(one.name, "")) for one in Decision)
    return markdown_table(("number", "decision", "what is drawn"), rows)


def _comments_of_members(members: type[IntEnum]) -> dict[str, str]:
    """The comment beside each member of an enumeration."""
    return dict(re.findall(r"(?m)^    (\w+) = \d+  # (.+)$", inspect.getsource(members)))


def measures(kind: str) -> str:
    """The columns of a day (``daily``) or of a run (``outcomes``)."""
    tables = {
        "daily": {name: column.meaning for name, column in DAILY.items()},
        "outcomes": {name: _summary(measure) for name, measure in MEASURES.items()},
    }
    rows = ((f"`{name}`", text) for name, text in _named(kind, tables, "table").items())
    return markdown_table(("measure", "what it is"), rows)


# Submodels --------------------------------------------------------------------------------------


class RuleText(NamedTuple):
    """The docstring of a rule in its parts. ``symbols`` : argument and meaning, as in the text."""

    summary: str
    formula: str
    symbols: dict[str, str]
    notes: str


_SYMBOL = re.compile(r"(?:^|(?<=\s))([a-z_]+(?:, [a-z_]+)*) : ")


def rule_text(slot: str) -> RuleText:
    """What the built-in rule of a slot says of itself."""
    doc = inspect.getdoc(plain(getattr(BUILT_IN, slot))) or ""
    summary, *formulas, last = re.sub(r":func:`(\w+)`", r"\1", doc).split("\n\n")
    if not formulas:  # the formula stands in the summary, after the colon
        summary, _, formula = " ".join(summary.split()).partition(": ")
        formulas = [formula]
    _, *named = _SYMBOL.split(" ".join(last.split()))
    meanings = [text.strip() for text in named[1::2]]
    meanings[-1], _, notes = meanings[-1].partition(". ")
    return RuleText(
        " ".join(summary.split()).rstrip("."),
        "\n".join(formulas).rstrip("."),
        {name: text.rstrip(".") for name, text in zip(named[::2], meanings, strict=True)},
        notes,
    )


def coefficients_of(slot: str) -> list[Parameter]:
    """The fields of ``scenario.behavior`` that the built-in rule of a slot reads.

    Those it reads as ``c.field``, from the section with the rule's name or else the one section
    that has them all; and those it is given as an argument named section_field.
    """
    known = {one.path: one for one in parameters(Behavior, "behavior.")}
    function = plain(getattr(BUILT_IN, slot))
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    read = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "c"
    }
    own_first = sorted(Behavior.model_fields, key=lambda section: section != slot)
    places = ({f"behavior.{section}.{field}" for field in read} for section in own_first)
    paths = next(place for place in places if place <= known.keys())
    for argument in inspect.signature(function).parameters:
        paths.add("behavior." + argument.replace("_", ".", 1))
    return [one for path, one in known.items() if path in paths]


def rule(slot: str) -> str:
    """A rule: what it says, its formula, its symbols and its coefficients."""
    function = plain(_named(slot, BUILT_IN._asdict(), "rule"))
    text = rule_text(slot)
    arguments = ", ".join(inspect.signature(function).parameters)
    symbols = "; ".join(
        f"{', '.join(f'`{name}`' for name in names.split(', '))}: {meaning}"
        for names, meaning in text.symbols.items()
    )
    blocks = [
        f"{text.summary}. [`rules.{slot}`](../sim/rules.py)`({arguments})`",
        f"```text\n{text.formula}\n```",
        f"With {symbols}.",
        text.notes,
    ]
    found = coefficients_of(slot)
    return "\n\n".join(filter(None, [*blocks, table(found) if found else ""]))


def fields(*paths: str) -> str:
    """The parameters with these paths; a path that ends in a dot stands for all below it."""
    known = list(parameters())
    rows = []
    for path in paths:
        matching = [
            one for one in known
            if one.path == path or (path.endswith(".") and one.path.startswith(path))
        ]  # fmt: skip
        if not matching:
            raise InputError(
                f"begin fields {path}: there is no such field"
                f"{nearest(path, [one.path for one in known])}"
            )
        rows += matching
    return table(rows)


def schemes() -> str:
    """The built-in schemes: what each pays, and its source."""
    rows = (
        (f"[`{name}`](reference/schemes.md#{name})", _summary(scheme), scheme.source)
        for name, scheme in SCHEMES.items()
        if scheme.__module__.startswith("sim.")
    )
    return markdown_table(("scheme", "what is paid", "source"), rows)


# Evidence ---------------------------------------------------------------------------------------


def rows_of_evidence() -> str:
    """What the sources of parameters refer to, with the grades."""
    rows = ((name, row.rule, row.sign, row.size or "", row.rests_on) for name, row in ROWS.items())
    return markdown_table(("", "what is known", "sign", "size", "rests on"), rows)


def evidence_by_grade() -> str:
    """All uncertain parameters, grouped by how well their defaults are supported."""
    groups: dict[str, list[Parameter]] = {
        **{f"Size from {words}": [] for words in GRADES.values()},
        **{f"Sign or form from {words}, size assumed": [] for words in GRADES.values()},
        "Assumption": [],
        "Without a default of their own": [],
    }
    for one in parameters():
        if one.kind == "uncertainty":
            groups[_group(one)].append(one)
    counts = [(heading, str(len(group))) for heading, group in groups.items() if group]
    total = sum(len(group) for group in groups.values())
    blocks = [markdown_table(("evidence", "parameters"), [*counts, ("all", str(total))])]
    for heading, group in groups.items():
        if group:
            blocks += [f"### {heading}", _graded(group)]
    return "\n\n".join(blocks)


def _group(parameter: Parameter) -> str:
    """The heading under which an uncertain parameter stands."""
    found = evidence(parameter.source)
    if found is None or parameter.default is None:
        return "Without a default of their own"
    if found.grade == "A":
        return "Assumption"
    words = GRADES[found.grade]
    return f"Size from {words}" if found.size else f"Sign or form from {words}, size assumed"


def _graded(group: list[Parameter]) -> str:
    return markdown_table(
        ("parameter", "default", "bounds", "unit", "source"),
        (
            (f"`{one.path}`", shown(one.default), one.bounds, one.unit, one.source)
            for one in group
        ),
    )  # fmt: skip


# The command ------------------------------------------------------------------------------------

BLOCKS: dict[str, Callable[..., str]] = {
    "phases": phases,
    "arrays": arrays,
    "constants": constants,
    "networks": networks,
    "decisions": decisions,
    "measures": measures,
    "rule": rule,
    "fields": fields,
    "schemes": schemes,
    "rows_of_evidence": rows_of_evidence,
    "evidence_by_grade": evidence_by_grade,
}
"""What can stand in a block, by the first word of its comment."""


def _named(name: str, known: dict[str, Any], what: str) -> Any:
    if name not in known:
        raise InputError(f"there is no {what} '{name}'{nearest(name, known)}")
    return known[name]


def _summary(documented: Any) -> str:
    """The first paragraph of a docstring in one line, without markup of code."""
    first, _, _ = (inspect.getdoc(documented) or "").replace("``", "`").partition("\n\n")
    return " ".join(first.split())


def renewed_pages(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """The pages of a folder that have blocks: where they are, as they are, as they should be."""
    for path in sorted(folder.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if _BLOCK.search(page):
            yield path, page, renew(page)


def main(folder: str = "docs") -> None:
    """Renew the pages of a folder, and say which changed."""
    pages = list(renewed_pages(Path(folder)))
    if not pages:
        raise InputError(f"{folder} has no page with a block to renew; name the folder docs")
    for path, before, after in pages:
        path.write_text(after, encoding="utf-8")
        print(f"{path}: {'renewed' if before != after else 'current'}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
