"""``vouch schemes``: the catalogue of schemes and of real programmes, and imports from files."""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from rich.markup import escape

from sim.commands.console import Output
from sim.commands.look import write_result
from sim.commands.tables import plain_table
from sim.errors import InputError, nearest
from sim.scenario import Policy
from sim.schemes import PROGRAMMES, SCHEMES, RealProgramme, Scheme, make_scheme
from sim.schemes.affiliate_yaml import read_affiliate_yaml

if TYPE_CHECKING:
    from rich.table import Table

IMPORT = "import"
_WIDTH, _COMMENTS_AT, _DEFAULT = 79, 28, 10
_UNBOUNDED = 10**6  # upper bounds from here on only keep numbers finite
_CHOSEN = frozenset({"plan", "modeller's choice"})  # sources that say: yours to choose


class Parameter(NamedTuple):
    """A parameter of a scheme, as its class declares it. ``allowed`` is a text, "" for any."""

    name: str
    default: Any
    unit: str
    low: float | None
    high: float | None
    allowed: str
    description: str
    source: str


# The commands -----------------------------------------------------------------------------------


def list_schemes(output: Output, out: Path | None, overwrite: bool) -> None:
    """Every built-in scheme, then the programmes from the real world."""
    found = [_overview(scheme) for scheme in _catalogue()]
    programmes = [
        {"name": one.name, "title": one.title, "scheme": one.policy.scheme, "source": one.source}
        for one in PROGRAMMES.values()
    ]
    document = {"schemes": found, "programmes": programmes}
    write_result(document, out, overwrite)
    schemes_table = plain_table(
        'Schemes: scheme = "..." in a policy', "scheme", "levels", "what is paid", left=3
    )
    for one in found:
        schemes_table.add_row(one["name"], str(one["levels"]), _cell(one["what"], one["source"]))
    programmes_table = plain_table(
        'Programmes from the real world: programme = "..." in a policy',
        "programme", "scheme", "what it is", left=3,
    )  # fmt: skip
    for programme in PROGRAMMES.values():
        what = _cell(programme.title, programme.source)
        programmes_table.add_row(programme.name, programme.policy.scheme, what)
    output.show(
        schemes_table, "", programmes_table, "",
        "Levels: how many people above the buyer earn from an order, at the defaults.\n"
        "vouch schemes NAME          parameters, and TOML to paste\n"
        "vouch schemes import FILE   a programme from a registry's YAML file",
    )  # fmt: skip
    output.result(document)


def show_scheme(name: str, output: Output, out: Path | None, overwrite: bool) -> None:
    """A scheme with its parameters, or a programme with its terms, and TOML to paste."""
    if name in PROGRAMMES:
        _show_programme(PROGRAMMES[name], output, out, overwrite)
        return
    if ":" not in name and name not in SCHEMES:
        names = (*SCHEMES, *PROGRAMMES, IMPORT)
        raise InputError(f"there is no scheme or programme {name!r}{nearest(name, names)}")
    scheme = type(make_scheme(Policy(scheme=name), "policy"))
    own, terms = own_parameters(scheme), parameters(Scheme)
    about, details = _overview(scheme), _doc(scheme)[1]
    snippet = scheme_toml(scheme, name)
    document = {
        **about,
        "details": details,
        "parameters": [one._asdict() for one in own],
        "terms": [one._asdict() for one in terms],
        "toml": snippet,
    }
    write_result(document, out, overwrite)
    output.show(f"[bold]{escape(name)}[/bold]: {escape(about['what'])}")
    if details:
        output.show(escape(details))
    output.show(f"{_levels(about['levels'])}. [dim]Source: {escape(about['source'])}[/dim]", "")
    if own:
        output.show(_table("Parameters", own), "")
    output.show(_table("Terms that every scheme has", terms, with_source=False), "")
    output.show("What names no source is yours to choose. To paste into a scenario:", "")
    _verbatim(output, snippet)
    output.result(document)


def import_programme(file: Path, output: Output, out: Path | None, overwrite: bool) -> None:
    """The TOML of a programme in a file of an affiliate registry."""
    programme = read_affiliate_yaml(file)
    snippet = programme_toml(programme)
    document = _programme_document(programme, snippet)
    write_result(document, out, overwrite)
    _verbatim(output, snippet)
    output.result(document)


def show_markdown(output: Output) -> None:
    """The reference page of all schemes and programmes."""
    _verbatim(output, markdown())


def _show_programme(
    programme: RealProgramme, output: Output, out: Path | None, overwrite: bool
) -> None:
    snippet = named_programme_toml(programme)
    document = _programme_document(programme, snippet)
    write_result(document, out, overwrite)
    scheme = make_scheme(programme.policy, programme.name)
    known = {one.name: one for one in parameters(type(scheme))}
    terms = plain_table(f"Terms: {scheme.name}", "parameter", "value", "what it is", left=3)
    for name, value in programme.policy.parameters.items():
        terms.add_row(name, escape(toml_value(value)), escape(_with_unit(known[name])))
    output.show(
        f"[bold]{programme.name}[/bold]: {escape(programme.title)}",
        f"[dim]Source: {escape(programme.source)}[/dim]",
        "", terms, "", escape(programme.note), "",
        "To paste into a scenario:", "",
    )  # fmt: skip
    _verbatim(output, snippet)
    output.result(document)


def _programme_document(programme: RealProgramme, snippet: str) -> dict[str, Any]:
    policy = {"scheme": programme.policy.scheme, **programme.policy.parameters}
    return {**programme._asdict(), "policy": policy, "toml": snippet}


# What a class declares --------------------------------------------------------------------------


def _catalogue() -> list[type[Scheme]]:
    """The built-in schemes."""
    package = SCHEMES["none"].__module__.rpartition(".")[0]
    return [one for one in SCHEMES.values() if one.__module__.startswith(f"{package}.")]


def parameters(scheme: type[BaseModel]) -> list[Parameter]:
    """Every parameter of a scheme, the terms that all have among them."""
    return [_parameter(name, field) for name, field in scheme.model_fields.items()]


def own_parameters(scheme: type[BaseModel]) -> list[Parameter]:
    """The parameters of a scheme besides the terms that all have."""
    return [one for one in parameters(scheme) if one.name not in Scheme.model_fields]


def _parameter(name: str, field: FieldInfo) -> Parameter:
    # A user's scheme may declare plain fields without units.
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    low = next((m.ge for m in field.metadata if getattr(m, "ge", None) is not None), None)
    high = next((m.le for m in field.metadata if getattr(m, "le", None) is not None), None)
    return Parameter(
        name, None if field.is_required() else _plain(field.default), str(extra.get("unit", "")),
        low, high, _allowed(field.annotation, low, high), field.description or "",
        str(extra.get("source", "")),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """A default as TOML and JSON know it."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _allowed(annotation: Any, low: float | None, high: float | None) -> str:
    """What a parameter may be, such as "0 to 1" or "month or lifetime"."""
    if low is not None and high is not None:
        return f"{low:g} or more" if high >= _UNBOUNDED else f"{low:g} to {high:,g}"
    if annotation is bool:
        return "true or false"
    literal = annotation if get_origin(annotation) is Literal else None
    for part in get_args(annotation):
        literal = part if get_origin(part) is Literal else literal
    return " or ".join(map(str, get_args(literal)))


def _overview(scheme: type[Scheme]) -> dict[str, Any]:
    what, _ = _doc(scheme)
    name = scheme.name
    levels = make_scheme(Policy(scheme=name), name).paid_levels
    return {"name": name, "levels": levels, "what": what, "source": scheme.source}


def _doc(scheme: type[Scheme]) -> tuple[str, str]:
    """The first paragraph of a class's docstring and the rest, each in one line."""
    first, _, rest = (inspect.getdoc(scheme) or "").replace("`", "").partition("\n\n")
    return " ".join(first.split()), " ".join(rest.split())


# Tables -----------------------------------------------------------------------------------------


def _table(title: str, rows: Sequence[Parameter], with_source: bool = True) -> Table:
    table = plain_table(title, "parameter", "default", "allowed", "what it is", left=4)
    for column, width in enumerate((19, _DEFAULT, 13)):
        table.columns[column].width = width
    for one in rows:
        default = "unset" if one.default is None else toml_value(one.default)
        if len(default) > _DEFAULT:
            default = "see below"
        what = _meaning(one) if with_source else escape(_with_unit(one))
        table.add_row(one.name, escape(default), one.allowed, what)
    return table


def _meaning(parameter: Parameter) -> str:
    source = "" if parameter.source in _CHOSEN else parameter.source
    return _cell(_with_unit(parameter), source)


def _with_unit(parameter: Parameter) -> str:
    """Description and unit, where the unit is not in the description and says more."""
    unit, text = parameter.unit, parameter.description
    says_more = unit not in ("", "name", "switch") and unit not in text
    return f"{text} ({unit})" if says_more else text


def _cell(text: str, source: str) -> str:
    return f"{escape(text)}\n[dim]source: {escape(source)}[/dim]" if source else escape(text)


def _levels(count: int) -> str:
    return {0: "Pays no sharer", 1: "Pays 1 level"}.get(count, f"Pays {count} levels")


def _verbatim(output: Output, text: str) -> None:
    """Print a text as it is: what is to be pasted must not be wrapped to the screen."""
    if not (output.quiet or output.as_json):
        print(text, end="")


# TOML -------------------------------------------------------------------------------------------


def toml_value(value: Any) -> str:
    """A value in one line of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}" if round(value, 2) == value and abs(value) < 1e12 else repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)


def scheme_toml(scheme: type[Scheme], name: str) -> str:
    """A policy with every parameter of its own at its default, commented where it is unset."""
    lines = [f"[policies.{scheme.name}]", f'scheme = "{name}"']
    for one in own_parameters(scheme):
        lines += _setting(one)
    return "\n".join(lines) + "\n"


def named_programme_toml(programme: RealProgramme) -> str:
    """A policy that names a programme, with the settings of [attribution] that go with it."""
    lines = [f"[policies.{programme.name}]", f'programme = "{programme.name}"']
    lines += ["# Its terms; write one to change it:"]
    lines += [f"# {line}" for line in _settings(programme.policy.parameters)]
    return "\n".join([*lines, *_attribution_lines(programme)]) + "\n"


def programme_toml(programme: RealProgramme) -> str:
    """A policy with all terms of a programme; its source and notes as comments."""
    lines = []
    for text in (programme.title, f"Source: {programme.source}", *programme.note.split("\n")):
        lines += _comment(text)
    lines += [f"[policies.{programme.name}]", f'scheme = "{programme.policy.scheme}"']
    lines += _settings(programme.policy.parameters)
    return "\n".join([*lines, *_attribution_lines(programme)]) + "\n"


def _attribution_lines(programme: RealProgramme) -> list[str]:
    if not programme.attribution:
        return []
    header = "[attribution]".ljust(_COMMENTS_AT) + "  # add to it if the scenario has one"
    return ["", header, *_settings(programme.attribution)]


def _settings(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {toml_value(value)}" for name, value in values.items()]


def _setting(parameter: Parameter) -> list[str]:
    """A parameter at its default with its meaning as a comment; unset ones as a comment."""
    meaning = _with_unit(parameter)
    if parameter.default is None:
        return _comment(f"{parameter.name} = ...  {meaning}")
    setting = f"{parameter.name} = {toml_value(parameter.default)}"
    line = f"{setting.ljust(_COMMENTS_AT)}  # {meaning}"
    return [line] if len(line) <= _WIDTH else [*_comment(meaning), *_broken(parameter, setting)]


def _broken(parameter: Parameter, setting: str) -> list[str]:
    """A setting of a list with an item per line where one line is too short."""
    if len(setting) <= _WIDTH or not isinstance(parameter.default, list):
        return [setting]
    items = [f"    {toml_value(item)}," for item in parameter.default]
    return [f"{parameter.name} = [", *items, "]"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="#   ")


# The reference page -----------------------------------------------------------------------------


def markdown() -> str:
    """The reference of all schemes, terms and programmes as a Markdown page."""
    blocks = [
        "# Schemes and programmes",
        "<!-- Made by `vouch schemes --markdown`. -->",
        "A policy of a scenario names a scheme and its parameters. Amounts are in currency units, "
        "rates are shares. What names no source is yours to choose; A: marks an assumption.",
        *_index(),
        "## Schemes",
        *(block for scheme in _catalogue() for block in _scheme_blocks(scheme)),
        "## Terms that every scheme has",
        _markdown_table(parameters(Scheme)),
        "## Programmes from the real world",
        '`programme = "..."` in a policy stands for its scheme and terms; any parameter written '
        "beside it replaces a term.",
        *(block for one in PROGRAMMES.values() for block in _programme_blocks(one)),
    ]
    return "\n\n".join(blocks) + "\n"


def _index() -> Iterator[str]:
    rows = [
        f"| [`{one['name']}`](#{one['name']}) | {one['what']} | {one['levels']} |"
        for one in map(_overview, _catalogue())
    ]
    yield "\n".join(["| scheme | what is paid | levels |", "|---|---|---|", *rows])
    yield "Levels: how many people above the buyer earn from an order, at the defaults."


def _scheme_blocks(scheme: type[Scheme]) -> Iterator[str]:
    what, details = _doc(scheme)
    yield f"### {scheme.name}"
    yield f"{what} {details}".strip()
    yield f"Source: {scheme.source}."
    own = own_parameters(scheme)
    if own:
        yield _markdown_table(own)
    yield f"```toml\n{scheme_toml(scheme, scheme.name)}```"


def _programme_blocks(programme: RealProgramme) -> Iterator[str]:
    yield f"### {programme.name}"
    yield f"{programme.title}."
    yield f"Source: {programme.source}."
    yield programme.note
    yield f"```toml\n{named_programme_toml(programme)}```"


def _markdown_table(rows: Sequence[Parameter]) -> str:
    lines = ["| parameter | default | allowed | what it is | source |", "|---|---|---|---|---|"]
    for one in rows:
        default = "unset" if one.default is None else f"`{toml_value(one.default)}`"
        source = "" if one.source in _CHOSEN else one.source
        cells = (f"`{one.name}`", default, one.allowed, _with_unit(one), source)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
