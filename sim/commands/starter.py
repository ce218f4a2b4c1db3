"""``vouch init``: a commented scenario that runs as it is, written from the declared fields."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sim.errors import InputError
from sim.scenario import Attribution, Campaign, Compare, Network, Population, Product, Scenario
from sim.schemes import Percentage, Scheme, TwoSided

FILE = "scenario.toml"
_WIDTH, _LONGEST = 28, 100
_PLAIN_UNITS = frozenset({"name", "seed", "switch", "days", "people", "replications", "friends"})

_SECTIONS: tuple[tuple[str, type[BaseModel], tuple[str, ...]], ...] = (
    ("[network]", Network, ("kind",)),
    ("[population]", Population, ("size", "homophily", "effort", "visit_rate")),
    (
        "[[products]]",
        Product,
        ("name", "price", "unit_cost", "quality", "repurchase_days", "refund_days"),
    ),
    ("[campaign]", Campaign, ("organic_visits", "initial_customers")),
    ("[attribution]", Attribution, ("window_days", "existing_customers")),
    ("[compare]", Compare, ("baseline", "objective", "precision", "maximum_replications")),
)
_POLICIES: tuple[tuple[str, str, type[Scheme] | None, dict[str, Any]], ...] = (
    ("none", "the baseline: people share because they like to", None, {}),
    ("ten_percent", "a commission on every sale a link brings", Percentage, {"rate": 0.10}),
    (
        "give_get",
        "the friend gets a discount, the sharer a reward",
        TwoSided,
        {"give": 5.00, "get": 5.00, "budget": 20000},
    ),
)


def write_starter(folder: Path, name: str | None = None, seed: int | None = None) -> Path:
    """Write ``folder/scenario.toml`` and return its path; InputError if there is one already."""
    path = folder / FILE
    made = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(name or _study_name(folder), seed))
    except FileExistsError:
        what = path if path.exists() else folder
        raise InputError(
            f"{what} exists already; it is not overwritten: choose another folder, or move it away"
        ) from None
    except OSError as error:
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def _study_name(folder: Path) -> str:
    return folder.resolve().name or "launch"


def starter(name: str, seed: int | None = None) -> str:
    """The text of a starter scenario with three policies, each field with its meaning and unit."""
    given = {"name": name} | ({} if seed is None else {"seed": seed})
    lines = [
        "# A scenario of vouch: a world, and the incentive policies tried in it.",
        "#     vouch compare scenario.toml           which policy is best",
        "#     vouch run scenario.toml --explain     what is switched on, with every coefficient",
        "# These are the main fields at their defaults; one that is left out keeps its default.",
        "",
        *_fields(Scenario, ("name", "days", "seed", "currency"), given),
    ]
    for header, section, names in _SECTIONS:
        lines += ["", header, *_fields(section, names, {})]
    for policy, purpose, scheme, values in _POLICIES:
        lines += ["", f"[policies.{policy}]".ljust(_WIDTH) + f"  # {purpose}"]
        if scheme is not None:
            lines += [f'scheme = "{scheme.name}"', *_fields(scheme, tuple(values), values)]
    return "\n".join(lines) + "\n"


def _fields(section: type[BaseModel], names: tuple[str, ...], values: dict[str, Any]) -> list[str]:
    """A TOML line per field with its unit and description as a comment."""
    lines = []
    for name in names:
        field = section.model_fields[name]
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        unit = extra.get("unit")
        meaning = f"{field.description}" + ("" if unit in _PLAIN_UNITS else f" ({unit})")
        setting = f"{name} = {_toml(values.get(name, field.default))}"
        line = f"{setting.ljust(_WIDTH)}  # {meaning}"
        lines += [line] if len(line) <= _LONGEST else [f"# {meaning}", setting]
    return lines


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}" if round(value, 2) == value else repr(value)
    return json.dumps(value, ensure_ascii=False)
