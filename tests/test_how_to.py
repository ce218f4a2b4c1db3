"""What docs/how-to/write-a-scheme.md shows works as written."""

from __future__ import annotations

import importlib
import re
import sys

import pytest

import sim
from sim.audit import audit
from sim.schemes import SCHEMES, Scheme, make_scheme
from sim.testing import CHECKS, SchemeError, check_scheme
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "how-to" / "write-a-scheme.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def my_schemes(tmp_path, monkeypatch):
    """The template as a module in the folder of the test."""
    known = dict(SCHEMES)
    (tmp_path / "my_schemes.py").write_text(blocks("python")[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module("my_schemes")
    del sys.modules["my_schemes"]
    SCHEMES.clear()
    SCHEMES.update(known)


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.toml"
    path.write_text(blocks("toml")[0])
    return path


def test_the_test_of_the_template_passes(my_schemes):
    assert my_schemes.WelcomePay.name == "welcome_pay"
    namespace = {}
    exec(compile(blocks("python")[1], "test_my_schemes.py", "exec"), namespace)
    namespace["test_welcome_pay"]()


def test_the_message_shown_is_the_one_given(my_schemes):
    class TooLow(my_schemes.WelcomePay):
        """A bound without the amount on top."""

        def bound_cents(self, market):
            return self.rate * market.prices_cents

    with pytest.raises(SchemeError) as raised:
        check_scheme(TooLow)
    assert str(raised.value) == blocks("text")[0].strip()


def test_the_scheme_works_in_a_scenario_with_the_terms_shown(my_schemes, scenario):
    loaded = sim.Scenario.load(scenario)
    model = sim.WordOfMouthModel(loaded, policy="welcome").run(days=20)
    scheme = model.programme.scheme
    assert type(scheme) is my_schemes.WelcomePay
    assert (scheme.rate, scheme.welcome, scheme.budget, scheme.hold_days) == (0.08, 4.0, 500, 14)
    check_scheme(scheme, scenario=loaded)
    policies = {"none": {}, "welcome": my_schemes.WelcomePay(rate=0.08)}
    assert make_scheme(loaded.but(policies=policies).policies["welcome"], "welcome").rate == 0.08


def test_the_scheme_can_be_audited_and_be_a_part_of_others(my_schemes, scenario):
    found = audit(sim.Scenario.load(scenario), ["welcome"])["welcome"]
    assert found.passed
    assert found.scheme == "welcome_pay"
    parts = ({"scheme": "my_schemes:WelcomePay"}, {"scheme": "recipient_only"})
    check_scheme(sim.incentives.Combined(parts=parts))


def test_the_tables_name_what_there_is():
    for name in re.findall(r"(?m)^\| `(\w+)", PAGE):
        assert hasattr(Scheme, name), name
    listed = re.findall(r"(?m)^\| ([a-zA-Z][^|`]*?) \|", PAGE.split("## Check it")[1])
    renamed = {"I1 to I14": "invariants of the audit"}
    assert [renamed.get(name, name) for name in listed if name != "check"] == list(CHECKS)
