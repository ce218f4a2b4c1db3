"""What the README shows works as written."""

import re
import tomllib
from pathlib import Path

import pytest

import sim
from sim.studies.sweeps.design import make_design

README = Path(__file__).parent.parent / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_examples_run(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
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
    table = re.search(r"\| scheme \| what is paid \|\n(.*?)\n\n", README.read_text(), re.DOTALL)
    listed = re.findall(r"`(\w+)`", table.group(1))
    built_in = [
        name
        for name, kind in sim.incentives.SCHEMES.items()
        if kind.__module__.startswith("sim.schemes.")
    ]
    assert sorted(listed) == sorted(built_in)


def test_the_terms_listed_are_those_of_every_scheme():
    text = README.read_text()
    text = text[text.index("Terms that every scheme takes") : text.index("[policies.launch]")]
    assert set(sim.incentives.Scheme.model_fields) <= set(re.findall(r"`(\w+)`", text))


def test_the_policies_shown_can_be_used():
    written = tomllib.loads(blocks("toml")[2])["policies"]
    for name, policy in written.items():
        sim.incentives.make_scheme(sim.Policy(**policy), name)


def test_the_study_shown_fits_the_scenario_shown(tmp_path):
    scenario = blocks("toml")[0].replace('file = "friends.csv"', 'kind = "campus"')
    (tmp_path / "scenario.toml").write_text(scenario)
    (tmp_path / "study.toml").write_text(blocks("toml")[1])
    design = make_design(sim.read_study(tmp_path / "study.toml"))
    assert (len(design.points), len(design.worlds), design.replications) == (3, 50, 20)


def test_the_scenario_block_is_toml():
    assert set(tomllib.loads(blocks("toml")[0])["policies"]) == {"none", "ten_percent", "give_get"}
