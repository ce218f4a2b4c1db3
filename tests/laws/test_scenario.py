"""Whatever is thrown at a scenario, the answer is a scenario or one InputError that says why."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from sim.errors import InputError
from sim.scenario import Scenario
from tests.worlds import rich_scenario

TABLE = rich_scenario().to_table()


def paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in nested tables and lists."""
    items = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    return [place for key, item in items for place in ((*path, key), *paths(item, (*path, key)))]


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**17, 10**30),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=4),
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


def accepted_or_refused(table: dict[str, Any]) -> str | None:
    """The message of the refusal, None where the scenario is a sound one."""
    try:
        scenario = Scenario.from_table(table)
    except InputError as error:
        message = str(error)
        assert message.startswith("scenario: ")
        assert len(message) > len("scenario: ") + 5
        return message
    again = Scenario.from_table(scenario.to_table())
    assert again.digest() == scenario.digest()
    return None


@settings(max_examples=400)
@given(st.sampled_from(paths(TABLE)), anything)
@example(("days",), float("nan"))
@example(("days",), 10**400)
@example(("products",), {})
@example(("products", 0), None)
@example(("policies",), [])
@example(("policies", "share"), {"scheme": "percentage", "rate": float("nan")})
@example(("behavior", "click"), 1j)
def test_one_wrong_value_anywhere_is_accepted_or_named(path, value):
    message = accepted_or_refused(replaced(TABLE, path, value))
    if message is not None and value is not None:
        assert str(path[0]) in message or "campaign: unknown product" in message


@given(st.dictionaries(st.sampled_from([*TABLE, "dayz", ""]), anything, max_size=4))
def test_tables_of_anything_are_accepted_or_refused(table):
    accepted_or_refused(table)


@given(st.sampled_from(paths(TABLE)), st.text(min_size=1, max_size=9))
def test_an_unknown_key_is_named(path, key):
    place: Any = TABLE
    for part in path:
        place = place[part]
    if not isinstance(place, dict) or key in place or path[0] == "policies":
        return
    model: Any = Scenario
    for part in path:
        if not isinstance(part, int):
            model = _section(model, part)
    if key in model.model_fields:
        return
    message = accepted_or_refused(replaced(TABLE, (*path,), {**place, key: 1}))
    assert message is not None
    assert "unknown key" in message
    assert key in message


def _section(model: type[BaseModel], name: str) -> Any:
    from sim.quantities import _model_in

    return _model_in(model.model_fields[name].annotation)


@pytest.mark.parametrize("depth", [20, 100, 900, 5000])
@pytest.mark.parametrize("key", ["a", "policies", "behavior", "products"])
def test_deep_tables_are_refused(depth, key):
    table: Any = 1
    for _ in range(depth):
        table = {key: table}
    assert accepted_or_refused({key: table}) is not None
    assert accepted_or_refused({"policies": {"none": {"rate": table}}}) is not None


def loaded(text: str) -> Scenario | str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            return Scenario.load(path)
        except InputError as error:
            return str(error)


@given(st.text(max_size=60))
@example("a." * 3000 + "a = 1")
@example("[policies.none." + "a." * 3000 + "a]")
@example("x = 0x" + "f" * 9000)
@example("seed = 1e999")
@example("\ud800")
def test_any_text_is_accepted_or_refused(text):
    assert isinstance(loaded(text), Scenario | str)


RICH_TOML = rich_scenario().to_toml()


@settings(max_examples=150)
@given(
    st.integers(0, len(RICH_TOML)),
    st.integers(0, 40),
    st.text(alphabet="[]{}=.,\"'#\n 019-+enaif_", max_size=12),
)
def test_damaged_files_are_accepted_or_refused(start, length, scribble):
    text = RICH_TOML[:start] + scribble + RICH_TOML[start + length :]
    found = loaded(text)
    if isinstance(found, str):
        assert "scenario.toml" in found


@given(
    st.lists(
        st.text(alphabet="abdehnoprstuy.=0123456789²[]{}\"' -", max_size=20)
        | st.sampled_from(paths(TABLE)).map(lambda path: ".".join(map(str, path)) + "=1"),
        max_size=3,
    )
)
def test_any_override_is_accepted_or_refused(overrides):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_text(RICH_TOML)
        with contextlib.suppress(InputError):
            Scenario.load(path, overrides)


@given(
    days=st.floats(0.001, 1e5),
    seed=st.integers(0, 2**63 - 1),
    name=st.text(max_size=20).filter(lambda text: max(text, default="a") < "\ud800"),
    price=st.integers(0, 10**9),
    novelty=st.floats(0, 1),
)
def test_every_scenario_survives_the_round_trip_through_toml(days, seed, name, price, novelty):
    scenario = rich_scenario(
        days=days, seed=seed, name=name, behavior={"click": {"novelty": novelty}},
        products=[{"name": "only", "price": price / 100}],
        campaign={"activities": [], "price_changes": []},
    )  # fmt: skip
    again = loaded(scenario.to_toml())
    assert isinstance(again, Scenario)
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert tomli_w.dumps(again.to_table()) == scenario.to_toml()
