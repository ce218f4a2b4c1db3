"""What a sweep says, from folders whose outcomes are formulas."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest

from sim.errors import InputError
from sim.studies.findings.candidates import candidates_of
from sim.studies.findings.findings import Findings, read_findings
from sim.studies.findings.findings_file import NAME, document, write_findings
from sim.studies.statistics import mean_interval
from sim.studies.sweeps.design import make_design
from sim.studies.sweeps.study_file import make_study
from tests.written_sweeps import COST, GIVE, STUDY, Gain, write_sweep

COSTS = [row[0] for row in make_design(make_study(STUDY)).worlds.rows]
GAIN = 25_000.0 - 1_000.0 * float(np.mean(COSTS))
SMALL, LARGE = "give_get (give 3)", "give_get (give 5)"


def wobble(replication: int, size: float = 100.0) -> float:
    """Luck of a policy of its own, sum 0 over six replications."""
    return size * (replication - 2.5)


def give_get_wins(policy: str, factors: dict[str, Any], replication: int) -> float:
    """give 3 makes 25,000 - 1,000 for each unit of cost: 0 at a cost of 25."""
    if policy == "give_get":
        more = 25_000.0 - 1_000.0 * factors[COST]
        return more + (0 if factors[GIVE] == 3.0 else -9_000.0) + wobble(replication)
    return 1_000.0 + wobble(replication, 50) if policy == "ten_percent" else 0.0


def found(folder, gain: Gain, study: dict[str, Any] | None = None) -> Findings:
    write_sweep(folder / "sweep", gain, study)
    return read_findings(folder / "sweep")


@pytest.fixture(scope="module")
def wins(tmp_path_factory) -> Findings:
    return found(tmp_path_factory.mktemp("wins"), give_get_wins)


def test_a_policy_that_no_lever_touches_is_one_candidate():
    design = make_design(make_study(STUDY))
    candidates, places = candidates_of(design)
    assert [one.name for one in candidates] == ["none", SMALL, LARGE, "ten_percent"]
    assert places.tolist() == [[0, 0], [1, 2], [3, 3]]


def test_a_lever_of_the_world_touches_every_policy():
    study = copy.deepcopy(STUDY)
    study["points"]["factors"] = {"products.0.price": [36.0, 40.0]}
    candidates, places = candidates_of(make_design(make_study(study)))
    assert len(candidates) == 6
    assert candidates[0].name == "none (0.price 36)"
    assert places.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_the_best_is_recommended_with_its_gain(wins):
    assert wins.kind == "wins"
    assert wins.leaders == (SMALL,)
    assert wins.recommended.name == SMALL
    assert [one.name for one in wins.choices] == [SMALL, "ten_percent", "none", LARGE]
    assert wins.best.gain.mean == pytest.approx(GAIN)
    # The spread is that of the wobble alone: worlds are averaged, and luck is shared.
    sd = np.std([wobble(r) for r in range(6)], ddof=1)
    assert wins.best.gain.sd == pytest.approx(sd)
    assert wins.rival == "ten_percent"


def test_worlds_are_counted(wins):
    # 15 of 20 evenly spread costs from 10 to 30 lie below 25.
    assert wins.best.worlds_better == 15
    assert wins.counts.worlds == 20
    # In the others ten_percent is ahead, and from 24 on.
    assert wins.best.robustness.best_in.value == pytest.approx(14 / 20)
    assert wins.choice("none").worlds_better == 0
    assert wins.choice("none").gain.mean == 0


def test_regret_is_against_the_best_of_each_world(wins):
    shortfall = [max(1_000.0 - (25_000.0 - 1_000.0 * cost), 0.0) for cost in COSTS]
    assert wins.best.robustness.regret.value == pytest.approx(np.mean(shortfall))
    assert wins.best.robustness.worst_regret.value == pytest.approx(max(shortfall))


def test_the_flip_is_where_the_formula_has_it(wins):
    against = {study.rival: study for study in wins.flips}
    assert set(against) == {"none", "ten_percent"}
    for rival, cost in (("none", 25.0), ("ten_percent", 24.0)):
        (flip,) = against[rival].flips
        assert flip.factor.name == COST
        assert flip.written == 20.0
        assert flip.above.value == pytest.approx(cost, abs=0.01)
        assert flip.below is None


def test_where_it_loses_is_described(wins):
    assert wins.discovery.kind == "rule"
    (condition,) = wins.discovery.conditions
    assert condition.factor.name == COST
    assert 24 < condition.low < 26
    assert wins.discovery.policy == SMALL


def test_most_of_the_variance_is_what_is_not_known(wins):
    shares = wins.shares.groups.set_index("group")["share"]
    assert shares["choice x world"] + shares["world"] > 0.5
    assert shares.sum() == pytest.approx(1.0)


def test_targets_are_shares_of_runs(wins):
    assert wins.best.reached["many"].share == 1.0
    assert wins.choice("none").reached["many"].share == 0.0


def test_costs_are_those_beyond_the_baseline(wins):
    assert wins.best.spent_cents == 7_500
    assert wins.best.cost_per_order == pytest.approx(750)
    assert math.isnan(wins.choice("none").cost_per_order)


def test_settings_of_one_policy_that_cannot_be_told_apart(tmp_path):
    def gain(policy, factors, replication):
        if policy != "give_get":
            return 0.0
        return 5_000.0 + (wobble(replication, 500) if factors[GIVE] == 3.0 else 0.0)

    findings = found(tmp_path, gain)
    assert findings.kind == "settings"
    assert set(findings.leaders) == {SMALL, LARGE}
    assert findings.recommended is not None


def test_policies_that_cannot_be_told_apart(tmp_path):
    def gain(policy, factors, replication):
        if policy == "ten_percent":
            return 5_000.0 + wobble(replication, 500)
        return 5_000.0 if policy == "give_get" and factors[GIVE] == 3.0 else 0.0

    findings = found(tmp_path, gain)
    assert findings.kind == "policies"
    assert set(findings.leaders) == {SMALL, "ten_percent"}


def test_a_baseline_that_wins_is_kept(tmp_path):
    findings = found(
        tmp_path, lambda policy, factors, r: 0.0 if policy == "none" else -900.0 + wobble(r, 20)
    )
    assert findings.kind == "baseline"
    assert findings.recommended.name == "none"


def test_a_lead_within_its_luck_is_not_recommended(tmp_path):
    findings = found(
        tmp_path, lambda policy, factors, r: 0.0 if policy == "none" else 30.0 + wobble(r, 500)
    )
    assert findings.kind == "undecided"
    assert findings.recommended is None
    assert "none" in findings.leaders


def test_the_gain_of_the_best_allows_for_its_having_been_chosen(tmp_path):
    """Three choices with luck of their own: sure if looked at alone, not as the best of three."""

    def gain(policy, factors, replication):
        if policy == "none":
            return 0.0
        give = 0.0 if policy == "ten_percent" else factors[GIVE]
        order = {0.0: "012345", 3.0: "305142", 5.0: "250413"}[give]
        return 225.0 - give + wobble(int(order[replication]))

    findings = found(tmp_path, gain)
    alone = mean_interval(np.array([225.0 + wobble(r) for r in range(6)]))
    assert findings.best.name == "ten_percent"
    assert findings.best.gain.mean == pytest.approx(alone.mean)
    assert findings.best.gain.half_width > 1.2 * alone.half_width
    assert alone.low > 0 > findings.best.gain.low
    assert findings.kind == "undecided"


def test_one_world_has_no_flips_and_no_discovery(tmp_path):
    study = copy.deepcopy(STUDY)
    del study["worlds"]
    findings = found(tmp_path, lambda policy, factors, r: 0.0, study)
    assert findings.flips == ()
    assert findings.discovery is None
    assert findings.counts.worlds == 1


# ------------------------------------------------------------------------------------ failed runs


def test_failed_runs_leave_the_same_worlds_and_luck_for_all(tmp_path):
    lost = 2

    def gain(policy, factors, replication):
        # In one replication a policy has no run; without its luck all means would move.
        is_lost = policy == "ten_percent" and replication == lost and factors[COST] > 20
        return None if is_lost else give_get_wins(policy, factors, replication)

    findings = found(tmp_path, gain)
    assert findings.counts.missing == 10
    assert findings.counts.replications == 5
    assert findings.counts.replications_left_out == 1
    assert findings.counts.worlds == 20
    kept = [r for r in range(6) if r != lost]
    assert findings.best.gain.mean == pytest.approx(GAIN + np.mean([wobble(r) for r in kept]))


def test_a_candidate_that_fails_everywhere_is_left_out(tmp_path):
    def gain(policy, factors, replication):
        if policy == "give_get" and factors[GIVE] == 5.0:
            return None
        return give_get_wins(policy, factors, replication)

    findings = found(tmp_path, gain)
    assert findings.counts.candidates_left_out == (LARGE,)
    assert findings.counts.worlds == 20
    assert findings.counts.replications == 6
    assert findings.recommended.name == SMALL


def test_a_world_that_fails_for_all_is_left_out(tmp_path):
    findings = found(
        tmp_path,
        lambda policy, factors, r: (
            None if factors[COST] > 29 else give_get_wins(policy, factors, r)
        ),
    )
    assert findings.counts.worlds == 19
    assert findings.counts.worlds_left_out == 1
    assert findings.discovery.loses.size == 19


def test_without_the_baseline_the_cure_is_named(tmp_path):
    study = copy.deepcopy(STUDY) | {"policies": ["give_get", "ten_percent"]}
    write_sweep(tmp_path / "sweep", give_get_wins, study)
    with pytest.raises(InputError, match=r"baseline 'none'.*add it to the policies"):
        read_findings(tmp_path / "sweep")


def test_no_run_at_all_is_said(tmp_path):
    write_sweep(tmp_path / "sweep", give_get_wins)
    path = tmp_path / "sweep" / "outcomes" / "outcomes-00000.parquet"
    parquet.write_table(parquet.read_table(path).slice(0, 0), path)
    with pytest.raises(InputError, match="no finished run yet"):
        read_findings(tmp_path / "sweep")


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no"):
        read_findings(tmp_path)


# ----------------------------------------------------------------------------------------- files


def test_the_order_of_rows_does_not_matter(tmp_path, wins):
    write_sweep(tmp_path / "sweep", give_get_wins)
    path = tmp_path / "sweep" / "outcomes" / "outcomes-00000.parquet"
    table = parquet.read_table(path)
    parquet.write_table(table.take(list(range(table.num_rows))[::-1]), path)
    assert document(read_findings(tmp_path / "sweep")) == document(wins)


def test_the_file_is_json_without_nan(tmp_path, wins):
    write_findings(wins, tmp_path)
    text = (tmp_path / NAME).read_text(encoding="utf-8")
    saved = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in the file"))
    assert saved["recommended"] == SMALL
    assert saved["counts"]["missing"] == 0
    assert saved["candidates"][0]["gain"]["mean"] == pytest.approx(GAIN)
    assert saved["flips"][0]["assumptions"][0]["above"]["value"] == pytest.approx(25, abs=0.01)
