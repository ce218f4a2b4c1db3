"""``vouch rank``, ``sensitivity`` and ``optimize``, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

STUDY = """
scenario = "scenario.toml"
replications = 3
[points]
design = "latin_hypercube"
count = 4
[points.factors]
policies.give_get.give = {low = 0, high = 12}
[worlds]
design = "latin_hypercube"
count = 2
[worlds.factors]
population.homophily = "usual"
[targets.eight]
measure = "orders"
amount = 8
[rank]
objective = "profit_cents"
indifference = 4000
first = 10
[sensitivity]
measures = ["orders"]
samples = 4
replications = 3
[optimize]
maximize = ["orders"]
trials = 3
replications = 2
finalists = 2
final_replications = 2
"""


@pytest.fixture
def study(scenario, tmp_path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def rows(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "outcomes" / "outcomes-00000.parquet")


def test_rank_says_who_is_best_how_surely_and_for_how_many_runs(vouch, study, tmp_path):
    ended = vouch("rank", study, "--workers", 1, "--out", "out")
    assert ended.code == 0, ended.err
    assert "with probability 0.95 at least" in " ".join(ended.out.split())
    found = json.loads((tmp_path / "out" / "rank.json").read_text())
    assert found["settled"]
    names = [one["name"] for one in found["candidates"]]
    assert found["best"] == names[0]
    # Two policies that no lever touches, and one at each of its four points.
    assert len(names) == 6
    assert sum(name.startswith("give_get (give ") for name in names) == 4
    kept = rows(tmp_path / "out")
    assert found["runs_spent"] == sum(one["runs"] for one in found["candidates"])
    first = next(one for one in found["candidates"] if one["name"] == "none")
    assert first["mean"] == pytest.approx(
        kept[(kept.policy == "none") & (kept.point == 0)]["profit_cents"].mean(), rel=1e-12
    )


def test_every_observation_of_a_ranking_has_luck_of_its_own_and_worlds_take_turns(
    vouch, study, tmp_path
):
    vouch("rank", study, "--workers", 1, "--out", "out")
    kept = rows(tmp_path / "out")
    best = kept[(kept.policy == "give_get") & (kept.point == kept.point.max())]
    assert len(best) >= 10
    assert best.replication.is_unique
    turns = best.sort_values("replication").world.to_numpy()
    assert [sorted(turns[i : i + 2]) for i in range(0, 10, 2)] == [[0, 1]] * 5


def test_a_ranking_again_in_its_folder_does_no_run_twice(vouch, study, tmp_path):
    vouch("rank", study, "--workers", 1, "--out", "out")
    before = (tmp_path / "out" / "rank.json").read_text()
    journal = json.loads((tmp_path / "out" / "manifest.json").read_text())["seconds"]["all_runs"]
    ended = vouch("rank", study, "--workers", 1, "--out", "out", "--resume")
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "rank.json").read_text() == before
    after = json.loads((tmp_path / "out" / "manifest.json").read_text())["seconds"]["all_runs"]
    assert after == journal


def test_sensitivity_explains_what_the_policy_changes(vouch, study, tmp_path):
    ended = vouch("sensitivity", study, "--workers", 1, "--out", "out")
    assert ended.code == 0, ended.err
    assert "What moves the gain of give_get over no reward: 12 settings" in ended.out
    found = json.loads((tmp_path / "out" / "sensitivity.json").read_text())
    factors = {one["factor"] for one in found["measures"]["orders"]["indices"]}
    assert factors == {"population.homophily", "policies.give_get.give"}
    assert set(rows(tmp_path / "out").policy) == {"none", "give_get"}


@pytest.mark.parametrize("method", ["sobol", "pawn"])
def test_other_methods_share_the_variance_out(vouch, study, tmp_path, method):
    text = STUDY.replace(
        "samples = 4",
        f'method = "{method}"\nsamples = {16 if method == "sobol" else 40}\nslices = 4',
    )
    study.write_text(text.replace("[sensitivity]", "[sensitivity]"))
    ended = vouch("sensitivity", study, "--workers", 2, "--days", 4, "--out", "out", "--json")
    assert ended.code == 0, ended.err
    variance = ended.json["measures"]["orders"]["variance"]
    assert {one["group"] for one in variance} >= {"luck"}


def test_optimize_answers_in_sentences_and_keeps_every_run(vouch, study, tmp_path):
    ended = vouch(
        "optimize", study, "--workers", 1, "--out", "out", "--target", "eight", "--least",
        "policies.give_get.give", "--probability", 0.5, "--break-even", "policies.give_get.give",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    text = " ".join(ended.out.split())
    assert "3 settings tried, the scenario as written among them" in text
    found = json.loads((tmp_path / "out" / "optimize.json").read_text())
    assert {"search", "least", "days", "break_even"} <= set(found)
    assert found["search"]["history"][0]["policies.give_get.give"] == 5
    tried = pd.read_parquet(tmp_path / "out" / "points.parquet")
    kept = rows(tmp_path / "out")
    assert set(kept.point) == set(tried.point)
    assert (tmp_path / "out" / "figures" / "search.png").exists()


def test_the_number_of_workers_does_not_change_a_search(vouch, study, tmp_path):
    for workers in (1, 2):
        out = f"out{workers}"
        assert vouch("optimize", study, "--workers", workers, "--out", out, "--no-report").code == 0
    one, two = ((tmp_path / f"out{n}" / "optimize.json").read_text() for n in (1, 2))
    assert one == two
    parts = [(tmp_path / f"out{n}" / "outcomes" / "outcomes-00000.parquet") for n in (1, 2)]
    assert parts[0].read_bytes() == parts[1].read_bytes()


@pytest.mark.parametrize(
    ("command", "change", "said"),
    [
        ("rank", ('objective = "profit_cents"', 'objective = "profit"'), "profit_cents"),
        ("sensitivity", ("samples = 4", 'samples = 4\npolicy = "give_gt"'), "'give_get'"),
        ("sensitivity", ("samples = 4", 'samples = 4\npolicy = "none"'), "is the baseline"),
        ("optimize", ('maximize = ["orders"]', 'maximize = ["order"]'), "did you mean 'orders'"),
        ("optimize", ("trials = 3", 'trials = 3\ntarget = "eigth"'), "did you mean 'eight'"),
        ("optimize", ("trials = 3", 'trials = 3\nbreak_even = "x"'), "no factor of [points]"),
        ("optimize", ("trials = 3", "trails = 3"), "did you mean 'trials'"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_one_message(vouch, study, tmp_path, command, change, said):
    study.write_text(STUDY.replace(*change))
    ended = vouch(command, study, "--workers", 1, "--out", "out")
    assert ended.code == 2
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_without_anything_to_choose_there_is_nothing_to_do(vouch, scenario, tmp_path):
    plain = tmp_path / "plain.toml"
    plain.write_text('policies = ["none"]\n')
    for command, said in (
        ("rank", "there is one candidate"),
        ("sensitivity", "no policy but the baseline"),
        ("optimize", "there is no lever to move"),
    ):
        ended = vouch(command, plain, "--workers", 1, "--out", command)
        assert (ended.code, said in ended.err) == (2, True), ended.err
