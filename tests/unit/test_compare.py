"""Comparisons: the verdict, the tables, how many replications, and what is refused."""

from __future__ import annotations

import gc
import json
import math
import re
import weakref

import numpy as np
import pytest

import sim
from sim.measures import DAILY, MEASURES
from sim.studies import replicate
from sim.studies.multiple import gains_beyond, standings
from sim.studies.statistics import mean_interval
from sim.studies.verdict import verdict
from sim.studies.wording import chance, column_digits, figure, money
from sim.twins import TWIN_MEASURES
from tests.tiny_comparison import SCENARIO

# ------------------------------------------------------------------------------- the verdict


def judged(profits: dict[str, list[float]], **options):
    """The verdict on profits in currency units, with as many orders as units.

    Policies with other profits than ``none`` pay half a unit a run.
    """
    runs = {
        name: {
            "profit_cents": 100 * np.array(values, float),
            "orders": np.array(values, float),
            "payout_cents": np.full(len(values), 50.0 * (values != profits["none"])),
            "discount_cents": np.zeros(len(values)),
        }
        for name, values in profits.items()
    }
    settings = {"baseline": "none", "objective": "profit_cents", "currency": "EUR"}
    found = {
        "probability": dict.fromkeys(runs, 0.75),
        "ranking": standings(
            {name: outcomes["profit_cents"] for name, outcomes in runs.items()}, 1
        ),
        "gains": gains(runs),
    }
    return verdict(runs, **(settings | found | options))


def gains(runs):
    return {
        measure: gains_beyond(
            {name: outcomes[measure] for name, outcomes in runs.items()}, "none", 1
        )
        for measure in ("profit_cents", "orders")
    }


NONE = [10, 12, 8, 11, 9, 10]


def test_a_clear_winner_wins():
    found = judged({"none": NONE, "a": [v + 5 for v in NONE], "b": [v + 1 for v in NONE]})
    assert (found.kind, found.best) == ("wins", "a")
    assert found.sentence == (
        "a wins: +5.00 EUR profit per run (95 % 5.00 to 5.00), +5.0 orders (5.0 to 5.0) "
        "at 0.10 EUR a piece; best with probability 0.75"
    )


def test_a_small_lead_is_too_close_to_call():
    found = judged({"none": NONE, "a": [13, 11, 9, 10, 9, 11]})
    assert (found.kind, found.best) == ("close", None)
    assert found.sentence.startswith("Too close to call between a and no reward: about ")
    assert found.sentence.endswith("more replications would settle it")


def test_the_runner_up_counts_too():
    a = [v + 5 for v in NONE]
    b = [v + change for v, change in zip(a, [1, -1, 1, -1, 0, -0.5], strict=True)]
    found = judged({"none": NONE, "a": a, "b": b})
    assert found.kind == "close"
    assert "between a and b" in found.sentence
    assert "a beats no reward: +5.00 EUR" in found.sentence


def test_the_baseline_can_win():
    found = judged({"none": NONE, "a": [v - 2 for v in NONE], "b": [v - 3 for v in NONE]})
    assert (found.kind, found.best) == ("baseline", "none")
    assert found.sentence == (
        "No policy beats no reward: the best, a, makes −2.00 EUR profit per run "
        "(95 % −2.00 to −2.00)"
    )


def test_what_is_said_of_the_best_holds_though_it_was_chosen():
    """Three policies, each with luck of its own: the best of them was lucky too."""
    lucky = [[5, -1, 3, -3, 1, 1], [1, 5, -3, 1, 3, -1], [-1, 1, 5, -1, 1, 3]]
    policies = {"none": [0, 0, 0, 0, 0, 0]} | {
        name: [20 + step + luck for luck in row]
        for step, (name, row) in enumerate(zip("abc", lucky, strict=True))
    }
    found = judged(policies)
    low, high = map(float, re.search(r"\(95 % ([\d.]+) to ([\d.]+), ", found.sentence).groups())
    alone = mean_interval(np.array(policies["c"], float))
    assert "c beats no reward: +23.33 EUR profit per run (95 % " in found.sentence
    assert "holding for all policies at once), +23.3 orders (" in found.sentence
    assert low < alone.low < alone.high < high


def test_a_gain_that_may_be_the_luck_of_the_chosen_does_not_win():
    runs = {"none": [0.0] * 6, "a": [2.0, 9.0, 4.0, 7.0, 5.0, 6.0]}
    zero = {"a": mean_interval(np.array([-3.0, 9.0, 4.0, 7.0, 5.0, 6.0]))}
    assert zero["a"].low > 0  # as it stands it would be sure
    held = {"a": zero["a"]._replace(low=-1.0)}
    assert judged(runs).kind == "wins"
    found = judged(runs, gains={"profit_cents": held, "orders": held})
    assert (found.kind, found.best) == ("close", None)
    assert found.sentence.startswith("Too close to call between a and no reward: ")


def test_gains_hold_together(comparison):
    together, alone = comparison.gains("profit_cents"), comparison.differences("profit_cents")
    assert list(together) == ["ten_percent", "give_get"]
    for name, gain in together.items():
        assert gain.mean == pytest.approx(alone.loc[name, "mean"])
        assert gain.half_width > alone.loc[name, "half_width"]
    saved = comparison.summary()["gains_together"]["profit_cents"]["give_get"]
    assert saved["low"] == together["give_get"].low


def test_identical_policies_are_called_identical():
    assert (
        judged({"none": NONE, "a": NONE}).sentence == "No reward and a are identical in every run"
    )
    better = [v + 5 for v in NONE]
    found = judged({"none": NONE, "a": better, "b": better})
    assert found.sentence.startswith("a and b (identical) win: +5.00 EUR")
    assert found.sentence.endswith("; best with probability > 0.99")  # 0.75 for either of them


def test_identical_policies_are_named_together_in_every_verdict():
    close = [13, 11, 9, 10, 9, 11]
    found = judged({"none": NONE, "a": close, "b": close})
    assert found.sentence.startswith(
        "Too close to call between a and b (identical) and no reward: "
    )
    worse = [v - 2 for v in NONE]
    found = judged({"none": NONE, "a": worse, "b": worse})
    assert found.sentence.startswith(
        "No policy beats no reward: the best, a and b (identical), make −2"
    )
    found = judged({"none": NONE, "a": NONE, "b": worse})
    assert found.sentence == "No policy beats no reward: a is identical to it in every run"


def test_the_same_profit_from_other_orders_is_not_identical():
    orders = [v + 5 for v in NONE]
    runs = {
        name: {
            "profit_cents": np.array(NONE, float),
            "orders": np.array(sold, float),
            "payout_cents": np.zeros(6),
            "discount_cents": np.zeros(6),
        }
        for name, sold in (("none", NONE), ("a", orders))
    }
    settings = {"baseline": "none", "objective": "profit_cents", "currency": "EUR"}
    ranking = standings({name: outcomes["profit_cents"] for name, outcomes in runs.items()}, 1)
    found = verdict(runs, **settings, probability={"none": 0.5, "a": 0.5}, ranking=ranking,
                    gains=gains(runs))  # fmt: skip
    assert found.kind == "close"
    assert "identical" not in found.sentence


def test_another_objective_is_judged_in_its_own_unit():
    found = judged({"none": NONE, "a": [v + 5 for v in NONE]}, objective="orders")
    assert found.sentence.startswith("a wins: +5.0 orders per run (95 % 5.0 to 5.0)")


def test_a_narrow_win_among_many_is_too_close_to_call():
    """A lead that its own interval would call real, beside others as close."""
    luck = np.array([1.0, -1.0, 2.0, 0.0, -2.0, 1.0])
    table = {"none": np.array(NONE, float)}
    table |= {name: table["none"] + np.roll(luck, k) for k, name in enumerate("bcd", start=1)}
    table["a"] = table["none"] + luck + 2.6
    many = judged({name: list(values) for name, values in table.items()})
    two = judged({name: list(table[name]) for name in ("none", "a")})
    assert two.kind == "wins"
    assert many.kind == "close"


def test_figures_as_text():
    assert money(123_456_789) == "1,234,567.89"
    assert money(-0.4, signed=True) == "0.00"
    assert figure("retention_d30", 0.0725) == "7.2 %"
    assert figure("orders", math.nan) == "–"
    assert figure("orders", 1234.4, signed=True) == "+1,234"
    assert [chance(p) for p in (1.0, 0.999, 0.5, 0.001, 0.0)] == [
        "> 0.99", "> 0.99", "0.50", "< 0.01", "< 0.01",
    ]  # fmt: skip
    assert figure("profit_cents", -123_456, signed=True) == "−1,234.56"
    assert column_digits("profit_cents", [128_200, 99_276]) == 0
    assert column_digits("profit_cents", [99_276, math.nan]) == 2
    assert column_digits("orders", [3.2, -120]) == 0


# -------------------------------------------------------------------------------- the tables


def test_outcomes_have_a_row_per_run_in_order(comparison):
    outcomes = comparison.outcomes
    assert list(outcomes.columns) == ["policy", "replication", *MEASURES, *TWIN_MEASURES]
    assert outcomes["policy"].tolist() == [name for name in SCENARIO.policies for _ in range(6)]
    assert outcomes["replication"].tolist() == [*range(6)] * 3
    daily = comparison.daily
    assert list(daily.columns) == ["policy", "replication", "day", *DAILY]
    assert len(daily) == 3 * 6 * 20
    totals = daily.groupby(["policy", "replication"])["orders"].sum()
    for row in outcomes.itertuples():
        assert totals[row.policy, row.replication] == row.orders


def test_the_table_and_the_differences_agree_with_the_runs(comparison):
    outcomes = comparison.outcomes.set_index(["policy", "replication"])["profit_cents"].astype(
        float
    )
    table, differences = comparison.table(), comparison.differences("profit_cents")
    assert list(table.index) == list(SCENARIO.policies)
    assert list(differences.index) == ["ten_percent", "give_get"]
    for name in differences.index:
        gain = outcomes[name] - outcomes["none"]
        row = differences.loc[name]
        assert row["mean"] == pytest.approx(gain.mean(), rel=1e-12)
        assert row["sd"] == pytest.approx(gain.std(), rel=1e-12)
        assert row["high"] - row["low"] == pytest.approx(2 * row["half_width"], rel=1e-12)
        assert row["better_share"] == (gain > 0).mean()
        assert table.loc[name, "profit_cents"] == pytest.approx(outcomes[name].mean(), rel=1e-12)
    assert sum(comparison.probability_of_best().values()) == pytest.approx(1, rel=1e-12)


def test_differences_start_with_the_interval(comparison):
    assert list(comparison.differences().columns) == [
        "mean", "low", "high", "better_share", "probability_of_best", "half_width",
        "replications", "sd", "variance_ratio",
    ]  # fmt: skip


def test_a_comparison_prints_its_verdict_and_means(comparison):
    text = repr(comparison)
    assert text == str(comparison)
    assert text.startswith(comparison.verdict())
    assert len(text.splitlines()) == 7
    orders = comparison.values("give_get", "orders").mean()
    assert f"{orders:,.1f}" in text or f"{orders:,.0f}" in text


def test_the_return_is_a_ratio_of_means(comparison):
    runs = comparison.outcomes.groupby("policy")[
        ["profit_cents", "payout_cents", "discount_cents"]
    ].sum()
    gain = runs["profit_cents"] - runs.loc["none", "profit_cents"]
    expected = gain / (runs["payout_cents"] + runs["discount_cents"])
    summary = comparison.summary()["policies"]
    for name in ("ten_percent", "give_get"):
        assert summary[name]["roi"]["mean"] == pytest.approx(expected[name], rel=1e-12)
        assert comparison.table().loc[name, "roi"] == summary[name]["roi"]["mean"]
    assert math.isnan(summary["none"]["roi"]["mean"])


def test_the_cost_of_a_customer_is_a_ratio_of_means(comparison):
    runs = comparison.outcomes.groupby("policy")[
        ["new_customers", "payout_cents", "discount_cents"]
    ].sum()
    gained = runs.loc["give_get", "new_customers"] - runs.loc["none", "new_customers"]
    spent = runs.loc["give_get", "payout_cents"] + runs.loc["give_get", "discount_cents"]
    found = comparison.interval("give_get", "incremental_cac_cents").mean
    assert gained > 0
    assert found == pytest.approx(spent / gained, rel=1e-12)
    assert math.isnan(comparison.interval("none", "incremental_cac_cents").mean)


def test_places_are_saved_and_hold_for_other_measures_too(comparison):
    saved = comparison.summary()["ranking"]
    assert saved["line"] == comparison.standing.line
    assert set(saved["places"]) == set(SCENARIO.policies)
    assert len(saved["leads_of_first"]) == 2
    costs = comparison.ranking("payout_cents")
    assert next(iter(costs.places)) == "none"
    assert costs.sign == -1


def test_a_policy_identical_to_an_unlisted_baseline_is_not_surely_best():
    scenario = SCENARIO.but(policies={"none": {}, "again": {}})
    found = sim.compare(scenario, policies=["again"], replications=2, workers=1)
    assert found.probability_of_best() == {"again": 0.5}
    assert found.verdict() == "No reward and again are identical in every run"


def test_incremental_orders_are_the_difference_from_the_twin(comparison):
    outcomes = comparison.outcomes.set_index(["policy", "replication"])
    for name in ("ten_percent", "give_get"):
        gain = outcomes.loc[name, "orders"] - outcomes.loc["none", "orders"]
        assert gain.tolist() == outcomes.loc[name, "incremental_orders"].tolist()


def test_the_summary_is_plain_json(comparison):
    from sim.studies.files import as_json

    summary = json.loads(as_json(comparison.summary()))
    assert summary["verdict"] == comparison.verdict()
    assert summary["policies"]["none"]["incremental_cac_cents"]["mean"] is None
    row = summary["differences"]["give_get"]["orders"]
    assert row["mean"] == comparison.differences("orders").loc["give_get", "mean"]
    assert set(row) >= {"mean", "sd", "low", "high", "half_width", "variance_ratio"}
    best = summary["differences"]["give_get"]["probability_of_best"]
    assert best == comparison.probability_of_best()["give_get"]


def test_a_plot_is_a_figure(comparison):
    assert comparison.plot(measure="orders").axes


def test_the_baseline_runs_as_twin_even_when_it_is_not_asked_for(comparison):
    alone = sim.compare(SCENARIO, policies=["give_get"], replications=6, workers=1)
    assert alone.policies == ("give_get",)
    assert set(alone.outcomes["policy"]) == {"give_get"}
    row = comparison.differences("profit_cents").loc["give_get"]
    for column in ("mean", "low", "high", "better_share"):
        assert alone.differences("profit_cents").loc["give_get", column] == row[column]


def test_schemes_can_be_given_as_objects():
    given = {"half": sim.incentives.Percentage(rate=0.05), "none": sim.Policy()}
    found = sim.compare(SCENARIO, policies=given, replications=2, workers=1)
    assert found.policies == ("half", "none")
    assert found.scenario.policies["half"].parameters["rate"] == 0.05


def test_the_seed_is_kept_with_the_scenario():
    found = sim.compare(SCENARIO, replications=2, seed=99, workers=1)
    assert found.scenario.seed == 99
    again = sim.compare(SCENARIO.but(seed=99), replications=2, workers=1)
    assert found.outcomes.equals(again.outcomes)


# ------------------------------------------------------------------------ how many replications


def test_replications_are_added_until_the_asked_precision():
    wide = SCENARIO.but(compare={"precision": 0.5})
    found = sim.compare(wide, workers=1)
    assert found.replications == 10
    narrow = SCENARIO.but(compare={"precision": found.precision_reached() / 1.2})
    more = sim.compare(narrow, workers=1)
    assert more.replications > 10
    capped = narrow.but(compare={"precision": 1e-6, "maximum_replications": 14})
    assert sim.compare(capped, workers=1).replications == 14
    assert (
        more.outcomes[more.outcomes["replication"] < 10]
        .reset_index(drop=True)
        .equals(found.outcomes)
    )


def test_progress_is_told():
    told = []
    sim.compare(SCENARIO, replications=3, workers=1, progress=lambda *pair: told.append(pair))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_an_interrupt_keeps_the_first_replications(comparison):
    def stop(done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    found = sim.compare(SCENARIO, replications=6, workers=1, progress=stop)
    assert found.interrupted
    assert found.replications == 4
    expected = comparison.outcomes[comparison.outcomes["replication"] < 4].reset_index(drop=True)
    assert found.outcomes.equals(expected)


def test_an_interrupt_before_two_replications_keeps_nothing():
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim.compare(SCENARIO, replications=6, workers=1, progress=stop)


def test_models_are_let_go(monkeypatch):
    alive: list[weakref.ref] = []
    make = replicate.WordOfMouthModel

    def watched(*arguments, **options):
        model = make(*arguments, **options)
        alive.append(weakref.ref(model))
        return model

    monkeypatch.setattr(replicate, "WordOfMouthModel", watched)
    most = 0

    def count(done: int, total: int) -> None:
        nonlocal most
        most = max(most, sum(reference() is not None for reference in alive))

    gc.disable()  # only what the study itself does may free them
    try:
        sim.compare(SCENARIO.but(days=2), replications=20, workers=1, progress=count)
    finally:
        gc.enable()
    assert len(alive) > 60
    assert most <= 1  # the warm-up's may wait for the first collection


# ------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replications": 1}, "replications = 1"),
        ({"replications": 0}, "replications = 0"),
        ({"workers": 0}, "workers = 0"),
        ({"workers": 100_000}, "workers = 100000"),
        ({"engine": "fast"}, "no engine 'fast'"),
        ({"policies": ["ten_procent"]}, "did you mean 'ten_percent'"),
        ({"policies": []}, "policies is empty"),
        ({"policies": "none"}, "give a list"),
        ({"policies": ["none"]}, "nothing to compare"),
        ({"policies": ["give_get", "give_get"]}, "named twice"),
        ({"policies": {"a": {"scheme": "percentage"}}}, "give a sim.Policy"),
        ({"policies": {"a": sim.Policy(scheme="percentage", rat=1)}}, "policies.a"),
        ({"seed": -1}, "seed = -1"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(sim.InputError) as error:
        sim.compare(SCENARIO, **{"replications": 2, "workers": 1, **options})
    assert message in str(error.value)


def test_an_unknown_baseline_is_refused():
    with pytest.raises(sim.InputError, match=r"compare\.baseline = 'nobody'"):
        sim.compare(SCENARIO.but(compare={"baseline": "nobody"}), replications=2)


def test_an_unknown_measure_is_refused(comparison):
    with pytest.raises(sim.InputError, match="did you mean 'orders'"):
        comparison.differences("order")


def test_terms_that_lose_money_are_warned_of():
    generous = SCENARIO.but(policies={"none": {}, "all": {"scheme": "percentage", "rate": 0.9}})
    with pytest.warns(sim.InputWarning, match=r"policies\.all pays"):
        found = sim.compare(generous, replications=2, workers=1)
    assert len(found.warnings) == 1
