"""Programmes from files of the OpenAffiliate registry (its YAML schema, 2026).

What the file says becomes a policy and settings of [attribution]; what it does not say keeps its
default here; what was read with a doubt stands in the note. A figure is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from sim.errors import InputError, nearest
from sim.quantities import describe_validation_error
from sim.scenario import Policy
from sim.schemes.making import make_scheme
from sim.schemes.programmes import RealProgramme

SOURCE = "OpenAffiliate registry (a file may hold defaults of the registry's importers)"

MONTH_DAYS, YEAR_DAYS = 30, 365
LIFE_DAYS = 100_000
_DAYS_OF = {"day": 1, "week": 7, "year": YEAR_DAYS}
_MODELS = {"last-click": "last_click", "first-click": "first_click", "multi-touch": "linear"}
_PAYOUTS: dict[str, dict[str, int]] = {
    "weekly": {"payout_every_days": 7},
    "monthly": {"payout_every_days": MONTH_DAYS},
    "net-30": {"payout_every_days": MONTH_DAYS, "hold_days": 30},
    "net-60": {"payout_every_days": MONTH_DAYS, "hold_days": 60},
}
_NOT_OF_SHARERS = {
    "cashback": 'pays who buys; write a policy with scheme = "two_sided", get = 0 and give_rate',
    "creator-payout": "pays for an audience, not for sales; no scheme here does",
}
_BARE = re.compile(r"\d+(\.\d+)?")
_FIGURE = r"\d[\d,]*(?:\.\d+)?"
_SHARES = re.compile(rf"({_FIGURE})(?:\s*%?\s*[-–]\s*({_FIGURE}))?\s*(?:%|percent\b)")
_AMOUNTS = re.compile(rf"[$€£¥]\s*({_FIGURE})(?:\s*[-–]\s*[$€£¥]?\s*({_FIGURE})(?!\s*%))?")
_KNOWN = frozenset({
    "name", "slug", "url", "aliases", "kind", "source", "category", "tags", "commission",
    "cookie_days", "attribution", "tracking_method", "payout", "signup_url", "approval",
    "approval_time", "restrictions", "eligibility", "marketing_materials", "api_available",
    "dedicated_manager", "dashboard_url", "network", "program_age", "description",
    "short_description", "agents", "verified", "submitted_by", "created_at", "updated_at",
    "last_verified_at",
})  # fmt: skip
"""Fields of a registry file; most do not say what is paid."""


def _number(unit: str, most: int = 10**7) -> Any:
    """A field for a number from 0 to ``most`` that may be left out."""
    return Field(None, ge=0, le=most, json_schema_extra={"unit": unit})


class _Table(BaseModel):
    """A table of the file; fields it does not know are listed in the note."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class _Commission(_Table):
    type: Literal["recurring", "one-time", "tiered", "hybrid"]
    rate: str
    mode: Literal["percentage", "flat", "tiered", "hybrid", "unknown"] | None = None
    value: float | None = _number("percent or currency units")
    currency: str = "USD"
    duration: str | None = None
    conditions: str | None = None

    @field_validator("rate", mode="before")
    @classmethod
    def _as_text(cls, rate: Any) -> Any:
        return str(rate) if type(rate) in (int, float) else rate


class _Payout(_Table):
    minimum: float | None = _number("currency units")
    currency: str | None = None
    frequency: Literal["weekly", "monthly", "net-30", "net-60"] | None = None
    methods: Any = None


class _Programme(_Table):
    name: str
    slug: str
    kind: Literal[
        "affiliate", "referral", "creator-payout", "revenue-share", "cashback", "partner-network"
    ] = "affiliate"
    commission: _Commission
    cookie_days: int | None = _number("days", 3650)
    attribution: Literal["last-click", "first-click", "multi-touch"] = "last-click"
    payout: _Payout = _Payout()

    @field_validator("slug")
    @classmethod
    def _names_a_policy(cls, slug: str) -> str:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
            raise ValueError(
                f"{slug!r} cannot name a policy; write lower-case words and digits joined by "
                "hyphens, such as acme-tools"
            )
        return slug

    @field_validator("commission", "payout", mode="before")
    @classmethod
    def _is_table(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(
                f"{value!r} is not a table; write its fields below {info.field_name}:, indented"
            )
        return value


class _Pay(NamedTuple):
    """What an order earns: a share of its net price, or an amount."""

    rate: float | None
    amount: float | None


def read_affiliate_yaml(path: str | Path) -> RealProgramme:
    """The programme in a YAML file of the OpenAffiliate registry.

    A one-time commission becomes ``percentage`` or ``fixed_bounty`` on the first order of new
    customers, a recurring one ``recurring``; of tiers and ranges the highest figure is taken.

    Raises
    ------
    InputError
        If the file cannot be read, is not YAML, lacks a field or has a wrong one, publishes no
        figure, or describes pay that no scheme has.
    """
    # null says that nothing is published, as leaving the field out does.
    table = {name: value for name, value in _read_yaml(Path(path)).items() if value is not None}
    try:
        found = _Programme.model_validate(table)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, str(path), _Programme)) from None
    if found.kind in _NOT_OF_SHARERS:
        raise InputError(f"{path}: kind = {found.kind!r} {_NOT_OF_SHARERS[found.kind]}")
    notes: list[str] = []
    terms = {
        **_scheme(found.commission, str(path), notes),
        **_payouts(found.payout, found.commission.currency, notes),
        "customers_only": found.kind == "referral",
    }
    attribution = _attribution(found, notes)
    if found.commission.conditions:
        notes.append(f"Conditions as published: {' '.join(found.commission.conditions.split())}")
    notes += _unknown(table)
    policy = Policy(**terms)
    make_scheme(policy, f"{path}: {found.slug}")
    return RealProgramme(
        found.slug, f"{found.name}: {_offer_of(found.commission)}", policy, attribution, SOURCE,
        "\n".join(notes),
    )  # fmt: skip


def _read_yaml(path: Path) -> dict[Any, Any]:
    """The table in a YAML file; InputError names the file and the line if it cannot be read."""
    text = _read_text(path)
    try:
        table = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f" in line {mark.line + 1}"
        raise InputError(f"{path} is not valid YAML{line}: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(table, dict):
        raise InputError(
            f"{path} holds no programme; it is to start with name:, slug: and commission:"
        )
    return table


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; name a file of an affiliate registry") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; name a YAML file in it") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a UTF-8 text file; a programme is YAML") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL character in the name
        raise InputError(f"{str(path)!r} cannot be read: {error}") from None


def _scheme(commission: _Commission, where: str, notes: list[str]) -> dict[str, Any]:
    """The scheme of a commission with its parameters."""
    pay = _pay(commission, where, notes)
    kind = commission.type
    if kind in ("tiered", "hybrid"):
        kind = "recurring" if commission.duration else "one-time"
        notes.append(f"type = {commission.type!r} is read as {kind}.")
    if kind == "one-time":
        if commission.duration:
            notes.append(f"duration = {commission.duration!r} means nothing for a first order.")
        how = (
            {"scheme": "fixed_bounty", "amount": pay.amount}
            if pay.rate is None
            else {"scheme": "percentage", "rate": pay.rate}
        )
        return {**how, "first_order_only": True}
    if pay.rate is None:
        raise InputError(
            f"{where}: commission.type = {commission.type!r} pays {pay.amount:g} again and again, "
            "which no scheme does; write mode: percentage with the share of the price in value, or "
            "type: one-time to pay it once"
        )
    days = _duration_days(commission.duration, where, notes)
    return {"scheme": "recurring", "rate": pay.rate, "duration_days": days}


def _pay(commission: _Commission, where: str, notes: list[str]) -> _Pay:
    """The figure of a commission: what mode and value say, else what the text of rate says."""
    text = commission.rate
    shares, amounts = _figures(text)
    mode = commission.mode or _mode_of(text, shares, amounts, where)
    in_percent = _in_percent(mode, shares, amounts)
    stated = [float(text)] if _BARE.fullmatch(text) else shares if in_percent else amounts
    figure = max(stated, default=None) if commission.value is None else commission.value
    if in_percent is None or figure is None:
        raise InputError(
            f"{where}: commission.mode = {mode!r} with rate = {text!r} gives no figure to pay; ask "
            "the programme, then write mode: percentage (or flat) and value: the figure"
        )
    if in_percent and figure > 100:
        raise InputError(
            f"{where}: commission pays {figure:g} percent, more than the price of the order; write "
            "value: 100 or less, or mode: flat and the amount in value"
        )
    if stated and max(stated) != figure:
        notes.append(f"rate says {text!r}, value says {figure:g}: the value is taken.")
    elif len(stated) > 1 or "up to" in text.lower():
        notes.append(f"rate = {text!r}: the highest figure, {figure:g}, is taken for every order.")
    if shares and amounts:
        kept, left = ("share", "amount") if in_percent else ("amount", "share")
        notes.append(
            f"rate = {text!r} pays in two ways: only the {kept} is here; where the {left} is paid "
            'for each order too, a policy with scheme = "combined" can add it.'
        )
    return _Pay(round(figure / 100, 9), None) if in_percent else _Pay(None, figure)


def _in_percent(mode: str, shares: list[float], amounts: list[float]) -> bool | None:
    """Whether the figure is a percentage (else an amount); None where nothing says so."""
    if mode in ("percentage", "flat"):
        return mode == "percentage"
    if mode == "hybrid" and shares:
        return True  # what the registry compares hybrid programmes on
    return None if mode == "unknown" or bool(shares) == bool(amounts) else bool(shares)


def _mode_of(text: str, shares: list[float], amounts: list[float], where: str) -> str:
    """The mode of a file that has none, from the text of its rate."""
    if _BARE.fullmatch(text):
        raise InputError(
            f'{where}: commission.rate = {text} has no unit; write "{text}%" if it is a share of '
            f'the price, "${text}" if it is an amount'
        )
    if shares and amounts:
        return "hybrid"
    return "percentage" if shares else "flat" if amounts else "unknown"


def _figures(text: str) -> tuple[list[float], list[float]]:
    """The percentages and the amounts in a text such as "20-30%" or "$5 per lead + 30%"."""
    shares, amounts = (
        [float(figure.replace(",", "")) for found in pattern.findall(text) for figure in found
         if figure]
        for pattern in (_SHARES, _AMOUNTS)
    )  # fmt: skip
    return shares, amounts


def _duration_days(text: str | None, where: str, notes: list[str]) -> int:
    """Days of a duration such as "12 months"."""
    if text is None:
        notes.append("A: no duration is published, so it is read as lifetime.")
        text = "lifetime"
    plain = text.strip().lower()
    if plain in ("lifetime", "life", "forever", "for life", "unlimited"):
        notes.append(f"duration_days = {LIFE_DAYS} is for life: no run is longer.")
        return LIFE_DAYS
    found = re.fullmatch(r"(\d{1,4})[\s-]*(day|week|month|year)s?", plain)
    if found is None or int(found[1]) == 0:
        raise InputError(
            f"{where}: commission.duration = {text!r} is not understood; write such as "
            '"12 months", "90 days", "2 years" or "lifetime"'
        )
    number, unit = int(found[1]), found[2]
    if unit == "month":
        return round(number * YEAR_DAYS / 12)
    return number * _DAYS_OF[unit]


def _payouts(payout: _Payout, currency: str, notes: list[str]) -> dict[str, Any]:
    """When and from which sum on commissions are paid out."""
    terms: dict[str, Any] = {}
    if payout.minimum:
        terms["minimum_payout"] = float(payout.minimum)
    if payout.frequency is not None:
        terms |= _PAYOUTS[payout.frequency]
    if "hold_days" not in terms:
        notes.append(
            "The file does not say how long commissions are held: hold_days is the default."
        )
    notes.append(f"Amounts are in {currency}; the currency of the scenario is to be the same.")
    if payout.currency not in (None, currency):
        notes.append(f"The minimum payout is in {payout.currency}, not converted.")
    return terms


def _attribution(found: _Programme, notes: list[str]) -> dict[str, Any]:
    """The settings of [attribution] that go with a programme."""
    settings: dict[str, Any] = {"model": _MODELS[found.attribution]}
    if found.attribution == "multi-touch":
        notes.append("A: multi-touch attribution is read as equal parts (linear).")
    if found.cookie_days is None:
        notes.append("cookie_days is not given: attribution.window_days keeps its default.")
    else:
        settings["window_days"] = float(found.cookie_days)
    return settings


def _offer_of(commission: _Commission) -> str:
    """A commission in a line."""
    duration = f", {commission.duration}" if commission.duration else ""
    return f"{commission.rate}, {commission.type}{duration}"


def _unknown(table: Mapping[Any, Any]) -> list[str]:
    """A note on each field that no registry file has."""
    known = {
        "": (table, _KNOWN),
        "commission.": (table["commission"], frozenset(_Commission.model_fields)),
        "payout.": (table.get("payout", {}), frozenset(_Payout.model_fields)),
    }
    return [
        f"Not read: unknown field {prefix}{name}{_hint(name, fields)}"
        for prefix, (inner, fields) in known.items()
        for name in inner
        if name not in fields
    ]


def _hint(name: Any, fields: Iterable[str]) -> str:
    """The nearest right spelling, without the list of all fields."""
    return nearest(str(name), fields).partition(" Allowed")[0]
