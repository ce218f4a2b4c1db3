"""The scenario: TOML in and out, overrides, and a message for every mistake."""

from __future__ import annotations

import re
import tomllib

import pytest

from sim.errors import InputError
from sim.scenario import (
    Policy,
    Scenario,
    apply_override,
    neutral_behavior,
    parse_override,
    read_toml,
)
from sim.schemes import Percentage
from tests.worlds import rich_scenario


def write(folder, text: str):
    path = folder / "scenario.toml"
    path.write_text(text, encoding="utf-8")
    return path


# In and out --------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", [Scenario(), rich_scenario()], ids=["default", "rich"])
def test_a_scenario_survives_the_round_trip_through_toml(tmp_path, scenario):
    again = Scenario.load(write(tmp_path, scenario.to_toml()))
    assert again == scenario
    assert again.digest() == scenario.digest()
    assert Scenario.from_table(scenario.to_table()) == scenario
    assert tomllib.loads(again.to_toml()) == tomllib.loads(scenario.to_toml())


def test_an_empty_file_is_the_default_scenario(tmp_path):
    assert Scenario.load(write(tmp_path, "")) == Scenario()


def test_the_digest_tells_scenarios_apart_but_not_ways_to_write_them(tmp_path):
    written = Scenario.load(write(tmp_path, "days = 180\n[population]\nvisit_rate = 3\n"))
    assert written.digest() == Scenario().but(population={"visit_rate": 3.0}).digest()
    assert written.but(days=181).digest() != written.digest()


def test_names_may_be_of_any_script(tmp_path):
    text = '[[products]]\nname = "чай 茶"\n[policies."10 % für alle"]\nscheme = "percentage"\n'
    scenario = Scenario.load(write(tmp_path, text))
    assert scenario.products[0].name == "чай 茶"
    assert Scenario.load(write(tmp_path, scenario.to_toml())).digest() == scenario.digest()


def test_a_relative_network_file_is_beside_the_scenario(tmp_path):
    path = write(tmp_path, '[network]\nfile = "edges.csv"\ngroups = "/else/groups.csv"\n')
    network = Scenario.load(path).network
    assert network.file == str(tmp_path / "edges.csv")
    assert network.groups == "/else/groups.csv"


def test_a_changed_copy_keeps_the_rest():
    scenario = rich_scenario()
    changed = scenario.but(days=3, behavior={"click": {"novelty": 0.5}})
    assert (changed.days, changed.behavior.click.novelty) == (3, 0.5)
    assert changed.behavior.click.personal == scenario.behavior.click.personal
    assert changed.but(days=25, behavior={"click": {"novelty": 0.8}}) == scenario
    assert list(scenario.but(policies={"only": {}}).policies) == ["only"]


def test_a_scenario_is_frozen_and_one_value():
    scenario = Scenario()
    with pytest.raises(Exception, match="frozen"):
        scenario.days = 3
    with pytest.raises(TypeError, match="not iterable"):
        iter(scenario)


def test_a_scheme_can_stand_for_a_policy():
    scenario = Scenario.from_table({"policies": {"ten": Percentage(rate=0.1), "none": Policy()}})
    assert scenario.policies["ten"].scheme == "percentage"
    assert scenario.policies["ten"].parameters["rate"] == 0.1
    assert Scenario.from_table(scenario.to_table()) == scenario


@pytest.mark.parametrize(
    ("days", "dt", "ticks"),
    [(10, 1, 10), (10, 0.1, 100), (1, 0.3, 4), (0.5, 1, 1), (7, 2, 4), (0.3, 0.1, 3)],
)
def test_ticks_cover_the_days(days, dt, ticks):
    assert Scenario(days=days, dt=dt).ticks == ticks


def test_neutral_values_are_nested_as_the_section_is():
    neutral = neutral_behavior(Scenario().behavior)
    assert neutral["click"]["novelty"] == 1
    assert neutral["share"]["enthusiasm"] == 0
    assert "personal" not in neutral["click"]


# Overrides ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts", "value"),
    [
        ("days=30", ["days"], 30),
        ("population.size = 10", ["population", "size"], 10),
        ("name=launch", ["name"], "launch"),
        ('name="30"', ["name"], "30"),
        ("attribution.existing_customers=false", ["attribution", "existing_customers"], False),
        ("a.tiers=[[0, 0.1]]", ["a", "tiers"], [[0, 0.1]]),
        ("name=a=b", ["name"], "a=b"),
        ("name=", ["name"], ""),
    ],
)
def test_overrides_are_toml_or_text(text, parts, value):
    assert parse_override(text) == (parts, value)


@pytest.mark.parametrize("text", ["days", "=3", "a..b=3", ".=1", ""])
def test_an_override_without_name_or_value_is_refused(text):
    with pytest.raises(InputError, match=r"section\.field=value"):
        parse_override(text)


def test_overrides_reach_every_level(tmp_path):
    path = write(tmp_path, '[[products]]\nname = "tea"\n[[products]]\nname = "mug"\n')
    scenario = Scenario.load(
        path, ["products.1.price=5.5", "policies.ten.scheme=percentage", "policies.ten.rate=0.2",
               "behavior.click.novelty=0.5", "days=3"],
    )  # fmt: skip
    assert [product.price for product in scenario.products] == [36.0, 5.5]
    assert scenario.policies["ten"].parameters == {"rate": 0.2}
    assert (scenario.behavior.click.novelty, scenario.days) == (0.5, 3)


def test_the_first_product_of_a_file_without_products_can_be_overridden(tmp_path):
    assert Scenario.load(write(tmp_path, ""), ["products.0.price=9"]).products[0].price == 9


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("products.2.price=3", "products.2 needs an item number from 0 to 0"),
        ("products.x.price=3", "products.x needs an item number"),
        ("products.².price=3", "products.² needs an item number"),
        ("days.x=3", "days is a value, not a section"),
        ("days=0", "days = 0 is not allowed"),
        ("population.sise=3", "did you mean 'size'"),
        ("seed=1" + "0" * 6000, "seed"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(tmp_path, override, said):
    with pytest.raises(InputError, match=re.escape(said)):
        Scenario.load(write(tmp_path, "days = 3\n"), [override])


def test_an_override_changes_the_table_in_place():
    table = {"a": [{"b": 1}]}
    apply_override(table, "a.0.b=2")
    apply_override(table, "c.d=3")
    assert table == {"a": [{"b": 2}], "c": {"d": 3}}


# Mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "value", "cure"),
    [
        ("[population]\nsise = 3", "population.sise", "", "did you mean 'size'"),
        ("[behavior.click]\nnovelity = 1", "behavior.click.novelity", "", "did you mean 'novelty'"),
        ("dayz = 3", "dayz", "", "did you mean 'days'"),
        ('days = "long"', "days", "'long'", "0.001 to 100000 (days)"),
        ("days = 0", "days", "0", "0.001 to 100000 (days)"),
        ("days = -5", "days", "-5", "0.001 to 100000 (days)"),
        ("days = nan", "days", "nan", "finite"),
        ("days = inf", "days", "inf", "finite"),
        ("dt = 0", "dt", "0", "0.001 to 30 (days per tick)"),
        ("dt = 31", "dt", "31", "0.001 to 30"),
        ("seed = -1", "seed", "-1", "allowed is 0 to"),
        ("seed = 1.5", "seed", "1.5", "integer"),
        ("seed = 9223372036854775808", "seed", "9223372036854775808", "allowed is 0 to"),
        ("population = 3", "population", "3", "table"),
        ("[population]\nsize = 0", "population.size", "0", "1 to 2000000000 (people)"),
        ("[population]\nsize = 2.5", "population.size", "2.5", "integer"),
        ("[population]\nsize = true", "population.size", "true", "write a value"),
        ("[population]\nhomophily = 0.95", "population.homophily", "0.95", "0 to 0.9"),
        ("[[products]]\nprice = -1", "products.0.price", "-1", "0 to 10000000.0 (currency units)"),
        ("[[products]]\nprice = 9.991", "products.0.price", "9.991", "write 9.99 or 10.00"),
        ("[[products]]\nprice = 12345.678", "products.0.price", "12345.678", "write 12345.68 or"),
        ("[[products]]\nunit_cost = 0.001", "products.0.unit_cost", "0.001", "0.00 or 0.01"),
        ('[[products]]\nname = "a"\n[[products]]\nname = "a"', "products", "'a'", "must differ"),
        ("products = []", "products", "empty", "[[products]]"),
        ("policies = {}", "policies", "empty", "[policies.none]"),
        ("policies = 3", "policies", "3", "table"),
        ("[policies]\nnone = 3", "policies.none", "3", "table"),
        ("[policies.a]\nscheme = 3", "policies.a.scheme", "3", "string"),
        (
            '[[campaign.activities]]\nproduct = "prodict"',
            "campaign", "'prodict'", "did you mean 'product'",
        ),
        (
            '[[campaign.price_changes]]\nproduct = "x"\nprice = 3', "campaign", "'x'",
            "Allowed: product",
        ),
        ("[[campaign.price_changes]]\nday = 3", "campaign.price_changes.0.price", "", "add it"),
        (
            "[behavior.share]\ngroup_share = 0.7\nbroadcast_share = 0.5",
            "behavior.share", "1.2", "lower one of them",
        ),
        ('[campaign.seeding]\nchoose = "hub"', "campaign.seeding.choose", "'hub'", "'hubs'"),
        ('jurisdiction = "cn"', "jurisdiction", "'cn'", "Allowed: CN, unrestricted"),
        ('[network]\nfile = "\\u0000"', "network.file", "x00", "path of a file"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_value_and_the_cure(tmp_path, text, field, value, cure):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        Scenario.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for part in (field, value, cure):
        assert part in message


def test_the_second_of_two_products_is_named_by_its_number(tmp_path):
    text = '[[products]]\nname = "a"\n[[products]]\nname = "b"\nprice = -3\n'
    with pytest.raises(InputError, match=r"products\.1\.price = -3"):
        Scenario.load(write(tmp_path, text))


def test_files_that_cannot_be_read_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: no such file; `vouch init`"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(InputError, match="is a folder"):
        read_toml(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_toml("nul\0.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes('name = "Tür"'.encode("latin-1"))
    with pytest.raises(InputError, match="not a UTF-8 text file"):
        read_toml(path)


@pytest.mark.parametrize(
    "text",
    ["days 3", "[a", "a = ", "a = 1\na = 2", "x = 1979-99-99", "a = " + "[" * 2000, "a = '''",
     "n = " + "9" * 5000, "\0"],
)  # fmt: skip
def test_what_is_not_toml_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="not valid TOML"):
        read_toml(write(tmp_path, text))


@pytest.mark.parametrize(
    "value",
    [2**63, 10**5000, {"a": {"b": object()}}, [[[[[[[[[[1]]]]]]]]]], {1: 2}, b"x", {"": None}],
    ids=["large", "huge", "object", "deep", "keys", "bytes", "unset"],
)
def test_a_policy_holds_only_what_toml_can_say(value):
    with pytest.raises(InputError, match=r"policies\.ten: rate cannot be a parameter"):
        Scenario.from_table({"policies": {"ten": {"scheme": "percentage", "rate": value}}})
