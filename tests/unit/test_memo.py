"""The decision memo says what the data say, and recommends nothing that they do not bear."""

from __future__ import annotations

import copy
import math
import re

import pytest

import sim
from sim.studies.findings.findings import read_findings
from sim.studies.findings.memo import Memo, memo_of_comparison
from sim.studies.findings.sweep_memo import memo_of_findings
from tests.unit.test_findings import GAIN, SMALL, give_get_wins, wobble
from tests.written_sweeps import COST, GIVE, STUDY, Gain, write_sweep


def memo_of(folder, gain: Gain, study=None) -> Memo:
    write_sweep(folder / "sweep", gain, study)
    return memo_of_findings(read_findings(folder / "sweep"))


@pytest.fixture(scope="module")
def wins(tmp_path_factory) -> Memo:
    return memo_of(tmp_path_factory.mktemp("wins"), give_get_wins)


def test_the_recommendation_has_three_sentences_with_the_gain(wins):
    first, second, third = wins.recommendation
    assert first == f"Take {SMALL}."
    assert re.fullmatch(
        rf"It makes {GAIN / 100:.2f} CHF more profit \(95 % [\d.]+ to [\d.]+, holding for all "
        r"choices at once\) in 30 days against no reward, with 10 more orders\.",
        second,
    )
    assert third == "It reaches 100 new customers by day 20 in 100 % of the runs."


def test_how_sure_counts_worlds(wins):
    text = " ".join(wins.sure)
    assert "better than no reward in 15 of 20 worlds" in text
    assert "Places, all of them together 95 % sure: 1 give_get (give 3);" in text


def test_the_edge_of_what_was_tried_is_said(wins):
    assert "No smaller give than 3 was tried, and it might be better still." in wins.sure


def test_what_it_costs(wins):
    assert wins.cost == (
        f"{SMALL} spends 75.00 CHF a run: 50.00 CHF to sharers and 25.00 CHF in discounts to their "
        "friends.",
        "That is 7.50 CHF for each order that would not have come otherwise.",
    )


def test_who_loses(wins):
    assert wins.losers[0] == f"Of those who share under {SMALL}, 90 % earn nothing."
    assert wins.losers[1].startswith("The shop pays 12.50 CHF (17 % of what it spends) for orders")
    assert wins.losers[-1].startswith(f"{SMALL} loses to no reward when cost of one unit")


def test_the_value_that_flips_it(wins):
    against_none = [one for one in wins.flips if one.startswith("Against no reward")]
    (sentence,) = against_none
    assert sentence.startswith(
        "Against no reward: it flips if unit cost (cost of one unit to the platform) is above 25 "
    )
    assert sentence.endswith("; written 20 CHF.")


def test_the_page_opens_with_the_recommendation(wins):
    lines = wins.markdown("which").splitlines()
    assert lines[0] == "# which: decision memo"
    assert lines[2].startswith(f"Take {SMALL}.")
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == ["## How sure", "## What it costs", "## Who loses", "## What would flip it"]


def test_undecided_recommends_nothing_and_says_what_decides(tmp_path):
    memo = memo_of(
        tmp_path, lambda policy, factors, r: 0.0 if policy == "none" else 90.0 + wobble(r, 200)
    )
    assert not any(sentence.startswith("Take") for sentence in memo.recommendation)
    assert memo.recommendation[0] == (
        "These runs do not say whether any reward is better than no reward."
    )
    assert re.fullmatch(
        r"About \d+ more replications would decide, if the difference stays as it is\.",
        memo.recommendation[2],
    )
    assert ", were it taken, spends" in memo.cost[0]


def test_a_baseline_that_wins_is_kept(tmp_path):
    memo = memo_of(
        tmp_path, lambda policy, factors, r: 0.0 if policy == "none" else -900.0 + wobble(r, 20)
    )
    assert memo.recommendation[0] == "Pay nothing: nothing that was tried is better."
    # All three make the same in every run: they are one choice, with Student's interval.
    assert (
        "makes 9.00 CHF less profit (95 % 8.61 to 9.39, holding for all choices at once)"
        in memo.recommendation[1]
    )


def test_a_single_choice_has_the_interval_of_one(tmp_path):
    study = copy.deepcopy(STUDY) | {"policies": ["none", "ten_percent"]}
    memo = memo_of(
        tmp_path, lambda policy, factors, r: 0.0 if policy == "none" else 900.0 + wobble(r), study
    )
    assert "at once" not in " ".join(memo.recommendation)


def test_settings_that_do_as_well_are_said(tmp_path):
    def gain(policy, factors, replication):
        if policy != "give_get":
            return 0.0
        return 5_000.0 + (wobble(replication, 500) if factors[GIVE] == 3.0 else 0.0)

    memo = memo_of(tmp_path, gain)
    first, second, _ = memo.recommendation
    assert re.fullmatch(
        r"Take give_get \(give \d\) or give_get \(give \d\); these runs cannot tell them apart\.",
        first,
    )
    assert second.startswith("give_get (give ")


def test_policies_that_do_as_well_are_said(tmp_path):
    def gain(policy, factors, replication):
        if policy == "ten_percent":
            return 5_000.0 + wobble(replication, 500)
        return 5_000.0 if policy == "give_get" and factors[GIVE] == 3.0 else 0.0

    (first, *_) = memo_of(tmp_path, gain).recommendation
    names = set(
        re.fullmatch(r"Take (.*) or (.*); these runs cannot tell them apart\.", first).groups()
    )
    assert names == {SMALL, "ten_percent"}


def test_a_surer_choice_for_the_target_is_named_with_its_price(tmp_path):
    study = copy.deepcopy(STUDY)
    study["targets"] = {"many": {"measure": "new_customers", "amount": 103}}
    memo = memo_of(tmp_path, give_get_wins, study)
    assert memo.recommendation[2] == (
        "It reaches 103 new customers by day 30 in 0 % of the runs; give_get (give 5) does in "
        "100 %, for 90.00 CHF less profit."
    )


@pytest.mark.parametrize("decides", ["luck", "worlds"])
def test_outcomes_that_split_in_two_are_told(tmp_path, decides):
    def gain(policy, factors, replication):
        """Half of the worlds, or a third of all runs, have nothing of a reward."""
        if policy == "none":
            return 0.0
        cost = factors[COST]
        fails = cost > 25 if decides == "worlds" else math.sin(1e4 * cost + 2 * replication) > 0.5
        return (0.0 if fails else 90_000.0) + wobble(replication) + cost

    (split,) = [one for one in memo_of(tmp_path, gain).sure if "ends in two ways" in one]
    assert "so its mean alone misleads: " in split
    assert " of the runs with a profit of about " in split
    known = "what is not known decides which, as hardly any world has both. "
    assert (known if decides == "worlds" else "of the worlds luck decides which. ") in split
    assert "The same goes for give_get (give" in split


def test_failed_runs_are_told(tmp_path):
    memo = memo_of(
        tmp_path,
        lambda policy, factors, r: (
            None if factors[COST] > 29 else give_get_wins(policy, factors, r)
        ),
    )
    assert any("24 of 480 runs failed or are missing" in sentence for sentence in memo.sure)


def test_a_difference_that_no_assumption_explains_has_no_flip_value(tmp_path):
    def gain(policy, factors, replication):
        # As good as random over the worlds, around a lead of 10 CHF.
        return 0.0 if policy == "none" else 1_000.0 + 9_000.0 * math.sin(1e4 * factors[COST])

    memo = memo_of(tmp_path, gain)
    against_none = [one for one in memo.flips if one.startswith("Against no reward")]
    (sentence,) = against_none
    assert "no flip value can be given, since the assumptions predict only " in sentence


def test_one_world_says_how_to_find_flips(tmp_path):
    study = copy.deepcopy(STUDY)
    del study["worlds"]
    memo = memo_of(tmp_path, lambda policy, factors, r: 0.0, study)
    assert memo.flips[0].startswith("Nothing is known about that")
    assert "docs/how-to/run-a-study.md" in memo.flips[0]


# ----------------------------------------------------------------------------------- comparisons


@pytest.fixture(scope="module")
def compared() -> dict:
    scenario = sim.Scenario.from_table(
        {
            "name": "small",
            "days": 15,
            "network": {"kind": "watts_strogatz", "mean_degree": 8},
            "population": {"size": 300},
            "policies": {
                "none": {},
                "give_get": {"scheme": "two_sided", "give": 5.0, "get": 5.0},
                "ten_percent": {"scheme": "percentage", "rate": 0.1},
            },
        }
    )
    return sim.compare(scenario, replications=3, workers=1, rules=False).summary()


def said_to_win(summary: dict, gain: float = 12_345.0) -> dict:
    """The summary with a verdict of one's own."""
    changed = copy.deepcopy(summary)
    changed |= {"verdict_kind": "wins", "best": "give_get", "verdict": "give_get wins: ..."}
    changed["policies"]["give_get"]["probability_of_best"] = 0.98
    changed["gains_together"]["profit_cents"]["give_get"] = {
        "mean": gain, "low": gain - 2_000, "high": gain + 2_000
    }  # fmt: skip
    return changed


def test_a_comparison_that_is_won(compared):
    memo = memo_of_comparison(said_to_win(compared))
    assert memo.recommendation[0] == "Take give_get."
    assert (
        "It makes 123 EUR more profit (95 % 103 to 143, holding for all choices at once) in 15 "
        "days against no reward" in memo.recommendation[1]
    )
    assert "probability of 0.98, by 3 runs of each policy" in memo.sure[0]
    assert memo.flips[0].startswith("Nothing is known about that")


def test_a_comparison_too_close_to_call(compared):
    changed = copy.deepcopy(compared)
    changed |= {
        "verdict_kind": "close", "best": None,
        "verdict": "Too close to call between give_get and no reward: about 120 more replications "
        "would settle it",
    }  # fmt: skip
    memo = memo_of_comparison(changed)
    assert memo.recommendation[0] == (
        "Too close to call between give_get and no reward, so no single policy can be recommended."
    )
    assert memo.recommendation[2] == "About 120 more replications would settle it."
    assert not any(sentence.startswith("Take") for sentence in memo.recommendation)


def test_a_comparison_that_the_baseline_leads(compared):
    changed = copy.deepcopy(compared) | {"verdict_kind": "baseline", "best": "none"}
    memo = memo_of_comparison(changed)
    assert memo.recommendation[0] == "Pay nothing: no other policy is better."


def test_breaches_are_who_loses(compared):
    changed = said_to_win(compared)
    changed["flags"] = [
        {"policy": "give_get", "kind": "x", "severity": "breach", "message": "loses money"},
        {"policy": "ten_percent", "kind": "x", "severity": "breach", "message": "of another"},
    ]
    losers = memo_of_comparison(changed).losers
    assert "give_get loses money." in losers
    assert not any("of another" in one for one in losers)


def test_the_summary_as_saved_gives_the_same_memo(compared, tmp_path):
    import json

    from sim.studies.files import write_json

    write_json(tmp_path / "comparison.json", compared)
    saved = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert memo_of_comparison(saved) == memo_of_comparison(compared)


def test_a_comparison_without_rivals_has_nothing_to_choose(compared):
    changed = copy.deepcopy(compared) | {"differences": {}, "best": None}
    memo = memo_of_comparison(changed)
    assert memo.recommendation[0].startswith("There is nothing to choose")
    assert memo.losers == ("Nobody that the runs show.",)
