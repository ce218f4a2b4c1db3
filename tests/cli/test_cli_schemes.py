"""``vouch schemes``: the catalogue, a scheme with TOML to paste, and imports."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sim import Scenario
from sim.commands.schemes import markdown, toml_value
from sim.schemes import PROGRAMMES, SCHEMES, Scheme, make_scheme

BUILT_IN = [name for name, scheme in SCHEMES.items() if scheme.__module__.startswith("sim.")]
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "schemes.md"
ACME = """
name: Acme "Tools"
slug: acme-tools
commission:
  type: recurring
  rate: 20-30%
  mode: tiered
  value: 30
  currency: USD
  duration: 12 months
  conditions: Thirty percent is for partners who bring more than fifty customers in a month; ask.
cookie_days: 45
payout: {minimum: 50, frequency: monthly}
"""


@pytest.fixture
def acme(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(ACME)
    return path


def pasted(text):
    """The TOML at the end of an output, as a scenario."""
    return Scenario.from_table(tomllib.loads(text[text.index("[policies.") :]))


def test_the_list_names_every_scheme_and_programme(vouch):
    end = vouch("schemes")
    assert end.code == 0
    assert all(name in end.out for name in (*BUILT_IN, *PROGRAMMES))
    assert max(map(len, end.out.splitlines())) <= 80
    document = vouch("schemes", "--json").json
    assert [one["name"] for one in document["schemes"]] == BUILT_IN
    assert {one["name"]: one["levels"] for one in document["schemes"]}["multi_level"] == 2
    assert [one["name"] for one in document["programmes"]] == list(PROGRAMMES)
    assert all(one["what"] and one["source"] for one in document["schemes"])


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_scheme_can_be_pasted_as_it_is_shown(vouch, name):
    end = vouch("schemes", name)
    assert end.code == 0
    scenario = pasted(end.out)
    assert make_scheme(scenario.policies[name], name) == SCHEMES[name]()
    own = [field for field in SCHEMES[name].model_fields if field not in Scheme.model_fields]
    assert all(field in end.out for field in own)
    assert max(map(len, end.out.splitlines())) <= 80


@pytest.mark.parametrize("name", PROGRAMMES)
def test_a_programme_can_be_pasted_as_it_is_shown(vouch, name):
    end = vouch("schemes", name)
    assert end.code == 0
    scenario = pasted(end.out)
    written = make_scheme(scenario.policies[name], name)
    assert written == make_scheme(PROGRAMMES[name].policy, name)
    for setting, value in PROGRAMMES[name].attribution.items():
        assert getattr(scenario.attribution, setting) == value


def test_a_parameter_comes_with_unit_bounds_and_source(vouch):
    document = vouch("schemes", "multi_level", "--json").json
    ratio = {one["name"]: one for one in document["parameters"]}["ratio"]
    assert ratio == {
        "name": "ratio",
        "default": 0.5,
        "unit": "factor per level",
        "low": 0,
        "high": 1,
        "allowed": "0 to 1",
        "description": "rate of a level relative to the level below",
        "source": "Pickard et al. 2011",
    }
    assert [one["name"] for one in document["terms"]] == list(Scheme.model_fields)
    assert tomllib.loads(document["toml"])["policies"]["multi_level"]["levels"] == 2


def test_a_scheme_of_the_users_own(vouch, tmp_path, monkeypatch):
    (tmp_path / "shop_scheme.py").write_text(
        "from sim.schemes import Percentage\n\n\n"
        "class Friendly(Percentage):\n"
        '    """More for friends."""\n\n'
        "    warmth: int = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    try:
        end = vouch("schemes", "shop_scheme:Friendly")
        assert end.code == 0
        assert "More for friends." in end.out
        assert "warmth = 3" in end.out
        assert pasted(end.out).policies["friendly"].scheme == "shop_scheme:Friendly"
        assert "friendly" not in vouch("schemes").out
    finally:
        SCHEMES.pop("friendly", None)


def test_an_import_is_toml_with_its_notes(vouch, acme, tmp_path):
    end = vouch("schemes", "import", acme)
    assert (end.code, end.err) == (0, "")
    (tmp_path / "scenario.toml").write_text(end.out)
    scenario = Scenario.load(tmp_path / "scenario.toml")
    scheme = make_scheme(scenario.policies["acme-tools"], "acme-tools")
    assert (scheme.name, scheme.rate, scheme.duration_days) == ("recurring", 0.3, 365)
    assert scenario.attribution.window_days == 45
    assert "# rate = '20-30%': the highest figure, 30, is taken for every order." in end.out
    assert max(map(len, end.out.splitlines())) <= 80


def test_an_import_as_json_and_quietly(vouch, acme, tmp_path):
    document = vouch("schemes", "import", acme, "--json", "--out", tmp_path / "kept").json
    assert document["policy"]["rate"] == 0.3
    assert tomllib.loads(document["toml"])["policies"]["acme-tools"] == document["policy"]
    assert (tmp_path / "kept" / "result.json").exists()
    assert vouch("schemes", "import", acme, "--quiet").out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("multi-level",), "did you mean 'multi_level'"),
        (("amazon",), "did you mean 'amazon_2001'"),
        (("nowhere_to_be_found:Scheme",), "No module named 'nowhere_to_be_found'"),
        (("import",), "vouch schemes import FILE"),
        (("percentage", "acme.yaml"), "vouch schemes import FILE"),
        (("import", "missing.yaml"), "missing.yaml: no such file"),
        (("import", "."), "is a folder"),
        (("import", "broken.yaml"), "not valid YAML in line 2"),
    ],
)
def test_wrong_input_is_one_line(vouch, tmp_path, words, message):
    (tmp_path / "broken.yaml").write_text("name: [A\n")
    end = vouch("schemes", *words)
    assert (end.code, end.out) == (2, "")
    assert len(end.err.splitlines()) == 1
    assert message in end.err


def test_the_reference_page_is_current(vouch):
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "write it again: vouch schemes --markdown > docs/reference/schemes.md"
    )
    assert vouch("schemes", "--markdown").out == markdown()


@pytest.mark.parametrize(
    "value",
    [True, 3, 0.1, 5.0, 1e-9, 0.123456789, 'say "yes" to\nö', [], [[0, 0.5], [3, True]],
     {"when": {"new": True}, "products": ["tea box", "cup"]}],
)  # fmt: skip
def test_values_are_written_as_toml(value):
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value
