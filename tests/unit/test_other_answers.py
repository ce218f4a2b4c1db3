"""The headline that a ranking, a search or indices give to their page, and what goes beside it."""

from __future__ import annotations

import json

import pytest

from sim.report.other_answers import other_answers

RANKED = {
    "statement": "both is selected",
    "best": "both",
    "objective": "profit_cents",
    "candidates": [
        {"name": "both", "mean": 500, "low": 400, "high": 600, "behind": None, "runs": 20,
         "out_after": None},
        {"name": "none", "mean": 520, "low": 390, "high": 650, "behind": -90, "runs": 10,
         "out_after": 10},
    ],
}  # fmt: skip


def search(low: float, high: float) -> dict:
    gain = {"mean": (low + high) / 2, "low": low, "high": high}
    best = {
        "setting": {"policies.both.give": 2.5, "policies.both.get": 1.0},
        "objectives": {"profit_cents": {"measured": gain}},
    }
    return {
        "policy": "both",
        "baseline": "none",
        "statements": ["25 settings tried"],
        "search": {"best": best, "front": []},
    }


def headline(folder, name, document) -> str:
    (folder / name).write_text(json.dumps(document))
    (answer,) = other_answers(folder)
    return answer.headline


def test_a_ranking_names_the_best_and_compares_it_run_by_run(tmp_path):
    assert headline(tmp_path, "rank.json", RANKED) == "both is the best"
    (answer,) = other_answers(tmp_path)
    # The mean of few runs may be the higher one; what counts is the difference in the same runs.
    assert answer.head[1] == "Behind the best"
    assert [row[1] for row in answer.rows] == ["–", "−0.90"]
    assert headline(tmp_path, "rank.json", RANKED | {"best": None}) == "It is not settled yet"


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((100, 900), "Take both with give 2.5, get 1"),
        ((-100, 900), "It is not sure that both gains anything; give 2.5, get 1 looks best"),
        ((-900, -100), "Do not use both: its best setting loses against no reward"),
    ],
)
def test_a_search_says_what_to_do_with_the_policy(tmp_path, gain, said):
    assert headline(tmp_path, "optimize.json", search(*gain)) == said


def test_a_search_without_a_setting_within_limits_says_so(tmp_path):
    document = search(1, 2) | {"search": {"best": None, "front": []}}
    assert headline(tmp_path, "optimize.json", document) == "No setting keeps every limit"
