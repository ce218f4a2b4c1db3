"""Declared numbers: whole cents, bounds in messages, neutral values inside their bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from sim.errors import InputError, nearest
from sim.quantities import cents, choice, describe_validation_error, dotted, quantity
from sim.scenario import Scenario
from tests.worlds import rich_scenario


class Shelf(BaseModel):
    """A section for tests."""

    width: float = quantity(
        2.0, unit="metres", low=0.5, high=3, kind="lever", source="plan", description="how wide"
    )
    name: str = choice("shelf", description="its name")


def complaint(**table) -> str:
    with pytest.raises(ValidationError) as caught:
        Shelf.model_validate(table)
    return describe_validation_error(caught.value, "shelf.toml", Shelf)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(0, 0), (0.01, 1), (19.99, 1999), (0.1 + 0.2, 30), (1e7, 10**9), (4.35, 435), (1.1, 110)],
)
def test_whole_cents(amount, expected):
    assert cents(amount, "price") == expected


@given(st.integers(0, 10**9))
def test_every_whole_number_of_cents_is_one(number):
    assert cents(number / 100, "price") == number


@given(st.integers(0, 10**8), st.integers(1, 9))
def test_a_tenth_of_a_cent_is_refused(number, tenths):
    with pytest.raises(InputError, match="not a whole number of cents"):
        cents(number / 100 + tenths / 1000, "price")


def test_a_fraction_of_a_cent_names_the_nearest_amounts():
    with pytest.raises(InputError, match=r"price = 9\.991 is .* write 9\.99 or 10\.00"):
        cents(9.991, "price")


def test_a_value_out_of_bounds_is_shown_with_the_bounds_and_the_unit():
    assert complaint(width=9) == (
        "shelf.toml: width = 9 is not allowed: input should be less than or equal to 3; "
        "allowed is 0.5 to 3 (metres)"
    )


class Sweep(BaseModel):
    """A section whose fields have no unit."""

    count: int = Field(3, ge=3, le=1_000_000, description="runs")


def test_bounds_without_a_unit_end_without_brackets():
    with pytest.raises(ValidationError) as caught:
        Sweep(count=2)
    assert describe_validation_error(caught.value, "study.toml", Sweep).endswith(
        "; allowed is 3 to 1000000"
    )


def test_more_mistakes_are_counted():
    assert complaint(width="x", name=3).endswith("(1 more like it)")


def test_long_values_are_cut():
    assert len(complaint(name=["word"] * 10_000)) < 200
    assert "too large to show" in complaint(name=10**5000)


def test_locations_are_written_as_users_write_them():
    assert dotted(("products", 0, "price")) == "products.0.price"


def test_the_nearest_name_is_offered_only_when_it_is_near():
    assert nearest("rat", ["rate", "cap"]) == "; did you mean 'rate'? Allowed: cap, rate"
    assert nearest("xyz", ["rate", "cap"]) == ". Allowed: cap, rate"


def declared(section: BaseModel):
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from declared(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield from declared(value[0])
        else:
            yield name, field


def test_neutral_values_and_defaults_lie_inside_their_bounds():
    scenario: Scenario = rich_scenario()
    checked = 0
    for name, field in declared(scenario):
        neutral = field.json_schema_extra["neutral"]
        for value in (neutral, field.default):
            if isinstance(value, int | float) and not isinstance(value, bool):
                low = [m.ge for m in field.metadata if getattr(m, "ge", None) is not None]
                high = [m.le for m in field.metadata if getattr(m, "le", None) is not None]
                assert all(value >= bound for bound in low), name
                assert all(value <= bound for bound in high), name
                checked += 1
    assert checked > 120
