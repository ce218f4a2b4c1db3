"""Wrong input: exit code 2, one line, nothing written. A fault: exit code 1."""

from __future__ import annotations

import gzip

import pytest

RUN = ("run", "SCENARIO", "--out", "out")
COMPARE = ("compare", "SCENARIO", "--out", "out", "--replications", "2", "--workers", "1")


def changed(command: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return (*command, *more)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("run", "missing.toml"), "missing.toml: no such file"),
        (("run", "."), "is a folder"),
        (("compare", "broken.toml"), "not valid TOML"),
        (("compare", "binary.toml"), "not a UTF-8 text file"),
        (changed(RUN, "--set", "population.sise=3"), "did you mean 'size'"),
        (changed(RUN, "--set", "population.size=many"), "population.size = 'many'"),
        (changed(RUN, "--set", "population.size=0"), "population.size = 0"),
        (changed(RUN, "--set", "population"), "--set population"),
        (changed(RUN, "--set", "network.kind=smallworld"), "network.kind"),
        (changed(RUN, "--set", "network.mean_degree=5000"), "network.mean_degree"),
        (changed(RUN, "--set", "network.file=nowhere.csv"), "nowhere.csv"),
        (changed(RUN, "--set", "network.file=cut.csv.gz"), "cut.csv.gz"),
        (changed(RUN, "--policy", "ten_prcent"), "did you mean 'ten_percent'"),
        (changed(RUN, "--set", "policies.ten_percent.rat=1", "--policy", "ten_percent"), "rat"),
        (changed(RUN, "--engine", "warp"), "no engine 'warp'"),
        (changed(RUN, "--days", "-3"), "days = -3"),
        (changed(RUN, "--seed", "-3"), "seed = -3"),
        (changed(COMPARE, "--replications", "1"), "replications = 1"),
        (changed(COMPARE, "--replications", "0"), "replications = 0"),
        (changed(COMPARE, "--workers", "0"), "workers = 0"),
        (changed(COMPARE, "--workers", "5000"), "workers = 5000"),
        (changed(COMPARE, "--policy", "nobody"), "no policy 'nobody'"),
        (changed(COMPARE, "--policy", "none"), "nothing to compare"),
        (changed(COMPARE, "--policy", "missing.toml"), "missing.toml: no such file"),
        (changed(COMPARE, "--policy", "scenario.toml"), "nothing else"),
        (changed(COMPARE, "--set", "compare.objective=fame"), "compare.objective"),
        (changed(COMPARE, "--set", "compare.baseline=nobody"), "compare.baseline"),
        (changed(COMPARE, "--set", "policies.give_get.give=0.001"), "cents"),
        (changed(COMPARE, "--out", "scenario.toml"), "is a file"),
        (changed(COMPARE, "--out", "scenario.toml/deep/er"), "cannot be written"),
        (changed(COMPARE, "--out", "full"), "holds no study"),
        (changed(COMPARE, "--out", "full", "--overwrite"), "holds no study"),
        (("report", "full"), "full"),
        (("report", "missing"), "missing"),
        (("networks", "describe", "missing.csv"), "missing.csv"),
        (("networks", "describe", "cut.csv.gz"), "cut.csv.gz"),
        (("init", "a", "--out", "b"), "give one of them"),
        (("init", "scenario.toml"), "scenario.toml"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_leaves_nothing(vouch, scenario, tmp_path, command, message):
    (tmp_path / "broken.toml").write_text("[network\n")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    edges = "".join(f"{person},{person * person % 997 + 1000}\n" for person in range(1000))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(edges.encode())[:-500])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("years of work")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    end = vouch(*(str(scenario) if word == "SCENARIO" else word for word in command))
    assert end.code == 2, end.err
    assert end.out == ""
    assert end.err.startswith("vouch: error: ")
    assert len(end.err.splitlines()) == 1
    assert message in end.err
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "command",
    [("compare",), ("run", "x.toml", "--nonsense"), ("launch",), ("run", "x.toml", "--days", "x")],
)
def test_wrong_usage_ends_with_2(vouch, command):
    end = vouch(*command)
    assert end.code == 2
    assert "Traceback" not in end.err


def test_a_fault_ends_with_1_and_says_how_to_see_it(vouch, scenario, tmp_path, monkeypatch):
    def fail(self):
        raise RuntimeError("the moon is in the way")

    monkeypatch.setattr("sim.model.WordOfMouthModel.outcomes", fail)
    end = vouch("run", scenario, "--out", "out", "--quiet")
    assert end.code == 1
    said = "RuntimeError: the moon is in the way (VOUCH_DEBUG=1 shows where it happened)"
    assert end.err == f"vouch: error: {said}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]
    monkeypatch.setenv("VOUCH_DEBUG", "1")
    with pytest.raises(RuntimeError, match="moon"):
        vouch("run", scenario, "--out", "out", "--quiet")


def test_an_interrupted_run_leaves_nothing(vouch, scenario, tmp_path, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("sim.model.WordOfMouthModel.step", interrupt)
    end = vouch("run", scenario, "--out", "out", "--quiet")
    assert end.code == 130
    assert end.err == "vouch: error: interrupted: nothing new is kept\n"
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]
