"""What the README shows works as written."""

import re
import tomllib
from pathlib import Path

import pytest

import sim

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code, capsys):
    # Classes of a script live in __main__ or a module; here they live in this test's namespace.
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out


def test_the_scenario_runs_with_the_network_shown(tmp_path, monkeypatch):
    edges = re.search(r"    (source,target,weight\n(?:    .*\n)+)", README.read_text())
    (tmp_path / "friends.csv").write_text(re.sub(r"(?m)^    ", "", edges.group(1)))
    (tmp_path / "scenario.toml").write_text(blocks("toml")[0])
    scenario = sim.Scenario.load(tmp_path / "scenario.toml")
    model = sim.WordOfMouthModel(
        scenario.but(population={"homophily": 0.0}), policy="give_get"
    ).run()
    assert model.world.graph.size == 3
    assert len(model.daily) == 120


def test_the_schemes_listed_are_those_there_are():
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*)\|$", README.read_text())
    built_in = {
        name: kind
        for name, kind in sim.incentives.SCHEMES.items()
        if kind.__module__ == "sim.schemes"
    }
    assert [name for name, _ in rows] == list(built_in)
    for name, parameters in rows:
        own = built_in[name].model_fields.keys() - sim.incentives.Scheme.model_fields.keys()
        assert own <= set(re.findall(r"`(\w+) =", parameters))


def test_the_scenario_block_is_toml():
    assert set(tomllib.loads(blocks("toml")[0])["policies"]) == {"none", "ten_percent", "give_get"}
