"""The design of a study as it is kept in its folder, and what may change between two of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import InputError
from sim.scenario import Scenario
from sim.studies.sweeps.design import Design, as_floats, code_fingerprint, inputs_of
from sim.studies.sweeps.factors import Factor
from sim.studies.sweeps.sampling import Settings
from sim.studies.sweeps.study_file import Target

NAME = "design.json"
FORMAT = 1
_MOST_DIFFERENCES = 5
_FREE = ("name", "compare", "policies")
"""Parts of the scenario that may change: no run of the other policies depends on them."""
_NETWORK_FILES = {"file (content)": "network.file", "groups (content)": "network.groups"}


def as_text(design: Design) -> str:
    """The design as JSON, the same text for equal designs."""
    table = {
        "format": FORMAT,
        "code": code_fingerprint(),
        "scenario": design.scenario.to_table(),
        "policies": design.policies,
        "baseline": design.baseline,
        "replications": design.replications,
        "inputs": dict(design.inputs),
        "targets": {name: target.model_dump() for name, target in design.targets.items()},
        "points": _settings_table(design.points),
        "worlds": _settings_table(design.worlds),
    }
    return json.dumps(table, ensure_ascii=False)


def _settings_table(settings: Settings) -> dict[str, Any]:
    factors = [dataclasses.asdict(factor) for factor in settings.factors]
    return {"factors": factors, "rows": settings.rows}


def digest(text: str) -> str:
    """What names a saved design: the sha256 of its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(folder: Path) -> str:
    """The text of the design in a study's folder.

    Raises
    ------
    InputError
        If the folder holds no study of this kind.
    """
    try:
        return (folder / NAME).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"{folder} holds no sweep ({NAME}); name the --out folder of `vouch sweep`, `rank`, "
            "`sensitivity` or `optimize`"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise InputError(f"{folder / NAME} cannot be read: {reason}") from None


def from_text(text: str, where: str) -> tuple[Design, str]:
    """The design of a text and the fingerprint of the code that it was made with.

    Raises
    ------
    InputError
        If the text is damaged or of a newer version.
    """
    try:
        table = json.loads(text)
        version = table["format"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{where} is damaged; restore it, or start again in another --out") from (
            None
        )
    if version != FORMAT:
        raise InputError(
            f"{where} was written by a newer version of vouch (format {version}; this one reads "
            f"{FORMAT}); use that version, or start again in another --out"
        )
    try:
        design = Design(
            Scenario.from_table(table["scenario"], where=where),
            tuple(table["policies"]),
            table["baseline"],
            _settings_of(table["points"]),
            _settings_of(table["worlds"]),
            table["replications"],
            {name: Target(**target) for name, target in table["targets"].items()},
            table["inputs"],
        )
        code = str(table["code"])
    except (AttributeError, KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{where} is damaged ({error!r}); restore it") from None
    return design, code


def _settings_of(table: Mapping[str, Any]) -> Settings:
    factors = tuple(
        Factor(**one | {"path": tuple(one["path"]), "values": tuple(one["values"])})
        for one in table["factors"]
    )
    return Settings(factors, tuple(tuple(row) for row in table["rows"]))


def check_continues(old: Design, new: Design, code: str, folder: Path) -> None:
    """Refuse to go on with ``new`` in a folder that holds ``old``, unless it extends it.

    code : fingerprint of the code that ``old`` was made with.

    Raises
    ------
    InputError
        If the code, the scenario, a policy, the targets or a setting is another one, or something
        is left out; the message shows the difference.
    """
    other = "choose another --out, or add --overwrite to start again"
    if code != code_fingerprint():
        raise InputError(
            f"{folder} was made with other code of vouch ({code}; this is {code_fingerprint()}), "
            f"which could give other results; finish it with that version, or {other}"
        )
    differences = list(_differences(_fixed_part(old), _fixed_part(new)))
    if differences:
        shown = "; ".join(differences[:_MOST_DIFFERENCES])
        more = len(differences) - _MOST_DIFFERENCES
        shown += f"; and {more} more" if more > 0 else ""
        raise InputError(f"{folder} holds a study of another scenario: {shown}; {other}")
    for part in ("worlds", "points"):
        lost = _lost(getattr(old, part), getattr(new, part))
        if lost:
            raise InputError(f"{folder} holds {part} that this study lacks: {lost}; {other}")
    gone = [name for name in old.policies if name not in new.policies]
    if gone:
        raise InputError(
            f"{folder} holds runs of policy '{gone[0]}', which this study lacks; {other}"
        )
    if new.replications < old.replications:
        raise InputError(
            f"{folder} holds a study of {old.replications} replications; {new.replications} are "
            f"fewer; ask for {old.replications} or more, or {other}"
        )


def joined(old: Design, new: Design) -> Design:
    """``new`` with the points, policies and replications that only ``old`` has.

    An adaptive study goes on with it: the points and replications that it lacks it has added
    itself. They come last, so that the points of ``new`` keep their numbers. Worlds are those of
    ``new``: all of them are asked about.
    """
    known = new.scenario.policies
    more = [name for name in old.policies if name not in new.policies and name in known]
    return new.but(
        points=_joined_settings(old.points, new.points),
        policies=(*new.policies, *more),
        replications=max(old.replications, new.replications),
        inputs={**new.inputs, **inputs_of(new.scenario, more)},
    )


def _joined_settings(old: Settings, new: Settings) -> Settings:
    """The settings of ``new``, then those only of ``old`` if they are of the same factors."""
    if {one.name for one in old.factors} != {one.name for one in new.factors}:
        return new
    have = {_text_of(row) for row in new.rows}
    return Settings(
        new.factors,
        (*new.rows, *(row for row in _in_order(old, new.factors) if _text_of(row) not in have)),
    )


def _in_order(settings: Settings, factors: Sequence[Factor]) -> list[tuple[Any, ...]]:
    """The rows of settings with their values in the order of ``factors``."""
    places = {factor.name: place for place, factor in enumerate(settings.factors)}
    order = [places[factor.name] for factor in factors]
    return [tuple(row[place] for place in order) for row in settings.rows]


def _text_of(row: Sequence[Any]) -> str:
    return json.dumps(as_floats(row))


def _fixed_part(design: Design) -> dict[str, Any]:
    """What no later design of the folder may change; policies that are run and the baseline."""
    table = design.scenario.to_table()
    kept = {name: value for name, value in table.items() if name not in _FREE}
    named = dict.fromkeys((*design.policies, design.baseline))
    return kept | {
        "compare": {"baseline": design.baseline},
        "policies": {
            name: table["policies"][name] | _content(design, {"code": f"policies.{name}"})
            for name in named
        },
        "network": table["network"] | _content(design, _NETWORK_FILES),
        "targets": {name: target.model_dump() for name, target in design.targets.items()},
    }


def _content(design: Design, names: Mapping[str, str]) -> dict[str, str]:
    """The content of inputs of the design, as it shows in a difference, by what it is called."""
    return {
        shown: design.inputs[name][:8] for shown, name in names.items() if name in design.inputs
    }


def _differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Differences between nested tables as "a.b = 1 there, 2 here"; new policies are none."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{name}.{key}" if name else str(key)
            if name == "policies" and (key not in old or key not in new):
                continue
            yield from _differences(old.get(key), new.get(key), inner)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{name}.{place}")
    elif old != new:
        yield f"{name} = {_shown(old)} there, {_shown(new)} here"


def _shown(value: Any) -> str:
    text = "unset" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _lost(old: Settings, new: Settings) -> str:
    """What of the old settings the new ones lack, in words; "" for nothing."""
    old_names, new_names = ({one.name for one in s.factors} for s in (old, new))
    if old_names != new_names:
        return f"they vary {_listed(old_names)}, these {_listed(new_names)}"
    have = {_text_of(row) for row in _in_order(new, old.factors)}
    missing = [row for row in old.rows if _text_of(row) not in have]
    if not missing:
        return ""
    values = ", ".join(
        f"{factor.name} = {value}" for factor, value in zip(old.factors, missing[0], strict=True)
    )
    return f"{values}" + (f" and {len(missing) - 1:,} more" if len(missing) > 1 else "")


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
