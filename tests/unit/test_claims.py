"""Claims tried again: variants, draws, and what each of them must notice."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sim
from sim.errors import InputError
from sim.incentives import Commissions, Offer, Scheme
from sim.studies.claim_files import claims_from_table, read_claims
from sim.studies.claim_variants import VARIANTS, half_tick, twice_the_people
from sim.studies.claim_wording import document, page
from sim.studies.claims import try_claims
from sim.studies.renumbering import drawn_order, renumber
from sim.studies.uncertainty import (
    Parameter,
    associations,
    drawn_scenario,
    latin_hypercube,
    uncertain_parameters,
)
from sim.world import make_world, world_seed
from tests.conftest import REPOSITORY

FOUNDING = REPOSITORY / "experiments" / "founding" / "claims.toml"

# ---------------------------------------------------------------------------------- uncertainty

FACTORS = {"assumption_factor": 2.0, "evidence_factor": 1.25}


def test_each_kind_of_number_is_drawn_on_its_own_scale():
    found = {one.name: one for one in uncertain_parameters(sim.Scenario(), **FACTORS)}
    low, high = found["behavior.share.learning"].range  # an assumption
    assert (low, high) == pytest.approx((0.5, 2.0))
    low, high = found["population.effort"].range  # has a source
    assert (low, high) == pytest.approx((2.5 / 1.25, 2.5 * 1.25))
    low, high = found["behavior.experience.memory"].range  # a share: its odds of 49 to 1
    assert (low / (1 - low), high / (1 - high)) == pytest.approx((24.5, 98))
    low, high = found["behavior.purchase.intercept"].range  # a logit
    assert (low, high) == pytest.approx((-4 - math.log(1.25), -4 + math.log(1.25)))
    assert found["behavior.share.close_norm"].range[1] == 1.0  # its bound


def test_what_is_off_money_networks_and_plans_are_not_drawn_unless_named():
    scenario = sim.Scenario(
        network={"kind": "watts_strogatz", "mean_degree": 8},
        population={"segments": [{"name": "students", "share": 0.3}]},
    )
    names = {one.name for one in uncertain_parameters(scenario, **FACTORS)}
    assert {name.split(".")[0] for name in names} == {
        "behavior", "population", "campaign", "products",
    }  # fmt: skip
    assert "population.opportunists" not in names  # 0
    assert not any("unit_cost" in name or "segments" in name for name in names)
    named = uncertain_parameters(scenario, ["products.0.unit_cost"], **FACTORS)
    assert [one.name for one in named] == ["products.0.unit_cost"]
    cost = named[0].at(20.0, 0.123)
    assert cost == round(cost, 2)
    with pytest.raises(InputError, match=r"population\.opportunists = 0 has no range"):
        uncertain_parameters(scenario, ["population.opportunists"], **FACTORS)


def test_every_corner_of_the_ranges_is_a_scenario():
    scenario = sim.Scenario.load(FOUNDING.parent / "scenario.toml")
    parameters = uncertain_parameters(scenario, **FACTORS)
    for quantile in (0.0, 0.5, 1.0):
        drawn_scenario(scenario, parameters, np.full(len(parameters), quantile))


def test_a_draw_moves_each_world_from_its_own_value():
    scenario = sim.Scenario()
    silent = scenario.but(behavior={"share": {"enthusiasm": 0.0, "learning": 3.0}})
    parameters = uncertain_parameters(scenario, ["behavior.share"], **FACTORS)
    drawn = drawn_scenario(silent, parameters, np.full(len(parameters), 1.0)).behavior.share
    assert (drawn.enthusiasm, drawn.learning) == pytest.approx((0.0, 6.0))


def test_a_latin_hypercube_has_one_draw_in_every_part():
    table = latin_hypercube(17, 5, seed=3)
    assert (np.sort((table * 17).astype(int), axis=0) == np.arange(17)[:, None]).all()
    assert np.array_equal(table, latin_hypercube(17, 5, seed=3))
    assert not np.array_equal(table, latin_hypercube(17, 5, seed=4))
    assert abs(np.corrcoef(latin_hypercube(400, 2, 1).T)[0, 1]) < 5 / math.sqrt(400)


def test_the_parameter_that_breaks_a_claim_is_named():
    parameters = [Parameter(name, 1.0, 0.0, 9.0, 2.0) for name in "abcdefgh"]
    quantiles = latin_hypercube(60, 8, seed=1)
    effects = 1 - 3 * quantiles[:, 2] + 0.5 * quantiles[:, 5]
    first, *others = associations(parameters, quantiles, effects)
    assert (first.name, first.sure) == ("c", True)
    assert first.correlation < -0.9
    assert not any(one.sure for one in others[1:])
    assert associations(parameters, quantiles[:10], effects[:10]) == ()


# ------------------------------------------------------------------------------------- variants


def small(**changes):
    table = {
        "days": 20, "network": {"kind": "two_layer", "mean_degree": 8, "group_size": 20},
        "population": {"size": 150}, "campaign": {"organic_visits": 0.1, "initial_customers": 0.2},
        "policies": {"none": {}, "pay": {"scheme": "percentage", "rate": 0.2}},
    }  # fmt: skip
    return sim.Scenario(**table | changes)


def test_renumbered_people_keep_their_ties_groups_traits_and_state():
    scenario = small()
    usual, other = (make_world(scenario, world_seed(7, 0)) for _ in range(2))
    order = drawn_order(usual.graph.size, 5)
    moved = renumber(other, order)
    before, after = usual.graph.arrays, moved.graph.arrays
    for new, old in enumerate(order.tolist()):
        ties = slice(*before.indptr[old : old + 2])
        kept = slice(*after.indptr[new : new + 2])
        assert (np.diff(after.target[kept]) > 0).all()
        expected = dict(
            zip(
                before.target[ties].tolist(),
                zip(
                    before.strength[ties].tolist(),
                    usual.initial.good_ties[ties].tolist(),
                    strict=True,
                ),
                strict=True,
            )
        )
        found = dict(
            zip(
                order[after.target[kept]].tolist(),
                zip(
                    after.strength[kept].tolist(),
                    moved.initial.good_ties[kept].tolist(),
                    strict=True,
                ),
                strict=True,
            )
        )
        assert found == expected
        groups = before.person_group[slice(*before.person_group_indptr[old : old + 2])]
        kept = after.person_group[slice(*after.person_group_indptr[new : new + 2])]
        assert kept.tolist() == groups.tolist()
    for group in range(usual.graph.group_count):
        members = before.group_member[slice(*before.group_indptr[group : group + 2])]
        kept = after.group_member[slice(*after.group_indptr[group : group + 2])]
        assert sorted(order[kept].tolist()) == members.tolist()
    for one, same in zip(usual.people, moved.people, strict=True):
        assert np.array_equal(one[..., order], same)
    for name in ("status", "orders", "satisfaction", "member_friends", "joined"):
        kept = getattr(moved.initial, name)
        assert np.array_equal(getattr(usual.initial, name)[..., order], kept)


def test_worlds_and_luck_can_have_seeds_of_their_own():
    scenario = small(population={"size": 150, "segments": [{"name": "s", "share": 0.5}]})
    world = make_world(scenario, world_seed(7, 0))
    models = [sim.WordOfMouthModel(scenario, seed=seed, world=world) for seed in (7, 8)]
    first, second = (model.market.segment_of.tolist() for model in models)
    assert first == second
    orders = [model.run().outcomes()["clicks"] for model in models]
    assert orders[0] != orders[1]


def test_twice_the_people_have_twice_the_money_and_places():
    scenario = small(
        campaign={"seeding": {"count": 3}},
        policies={
            "none": {},
            "prizes": {"scheme": "leaderboard", "prizes": [30, 10]},
            "pool": {"scheme": "leaderboard", "pool": 100, "prizes": [0.6, 0.4]},
            "parts": {"scheme": "combined", "budget": 50, "parts": [
                {"scheme": "early_bird", "first_orders": 7}, {"scheme": "lottery"}]},
        },
    )  # fmt: skip
    doubled = twice_the_people(scenario)
    assert doubled.population.size == 300
    assert doubled.campaign.seeding.count == 6
    policies = doubled.policies
    assert policies["prizes"].parameters["prizes"] == [30, 30, 10, 10]
    assert policies["pool"].parameters["pool"] == 200
    assert policies["pool"].parameters["prizes"] == [0.3, 0.3, 0.2, 0.2]
    assert policies["parts"].parameters["budget"] == 100
    first, second = policies["parts"].parameters["parts"]
    assert first["first_orders"] == 14
    assert "prizes" not in second


def test_half_a_tick_keeps_the_days():
    assert half_tick(small()).ticks == 40


class _PayNow(Scheme):
    """Pays for the credited orders of a day that are ``due``."""

    amount: float = 5.0

    def offer(self, market):
        cents = np.full((len(market.prices_cents), market.size), 100.0 * self.amount)
        return Offer(cents, np.zeros(len(market.prices_cents), np.int64))

    def due(self, orders, market):
        return np.ones(orders.order_id.size, bool)

    def settle(self, orders, market):
        rows = np.flatnonzero((orders.sponsor >= 0) & self.due(orders, market))
        cents = np.full(rows.size, round(100 * self.amount), np.int64)
        return Commissions(rows, orders.sponsor[rows], cents, np.ones(rows.size, np.int8))


class LowNumbers(_PayNow):
    """Pays people with low numbers alone: in a network that grows, the hubs."""

    def due(self, orders, market):
        return orders.sponsor < market.size // 8


class OncePerTick(_PayNow):
    """Pays for one order of each tick: the more ticks, the more pay."""

    def due(self, orders, market):
        sponsored = np.flatnonzero(orders.sponsor >= 0)
        return np.isin(np.arange(orders.sponsor.size), sponsored[:1])


class FirstSixty(_PayNow):
    """Pays for orders among the first sixty, a number that does not grow with the people."""

    def due(self, orders, market):
        return orders.order_id < 60


def growing(scheme):
    behavior = {
        "share": {"enthusiasm": 3.0, "reward_presence": 0.5},
        "purchase": {"intercept": -1.0},
        "click": {"personal": 0.9},
    }
    return small(
        behavior=behavior,
        network={"kind": "barabasi_albert", "mean_degree": 6},
        population={"size": 400},
        campaign={"organic_visits": 0.1, "initial_customers": 0.5},
        policies={"none": {}, "pay": scheme()},
    )


@pytest.mark.parametrize(
    ("scheme", "guilty"),
    [(LowNumbers, {"ids"}), (OncePerTick, {"time step", "population"}),
     (FirstSixty, {"population"})],
)  # fmt: skip
def test_a_dependence_on_what_must_not_matter_is_found(scheme, guilty, monkeypatch):
    """The power of the variants: a scheme that depends on one is found by that one."""
    monkeypatch.setitem(sim.incentives.SCHEMES, scheme.__name__, scheme)
    table = {
        "scenario": growing(scheme).to_table(), "uncertainty": {"draws": 0},
        "claims": [{
            "name": "c", "text": "A claim", "measure": "payout_cents", "policy": "pay",
            "direction": "higher",
        }],
    }  # fmt: skip
    file = claims_from_table(table)
    (found,) = try_claims(file, fast=True, replications=12, workers=1).judgements
    assert {one.variant for one in found.readings if one.moved} == guilty
    assert found.verdict != "ROBUST"


# -------------------------------------------------------------------------------------- studies

TABLE = {
    "replications": 4,
    "uncertainty": {"draws": 3, "replications": 2},
    "worlds": {"silent": {"behavior": {"share": {"enthusiasm": 0.0}}}},
    "claims": [
        {"name": "costs", "text": "Pay costs money", "measure": "payout_cents", "policy": "pay",
         "direction": "higher"},
        {"name": "silence", "text": "Silence is silent", "measure": "shares", "policy": "none",
         "than": "none", "than_world": "silent", "direction": "higher"},
        {"name": "wrong", "text": "Pay is free", "measure": "payout_cents", "policy": "pay",
         "direction": "lower"},
        {"name": "level", "text": "All are members", "measure": "members_end", "policy": "pay",
         "between": [1, 150]},
        {"name": "kept", "text": "Earners stay alike", "measure": "earners_kept", "policy": "pay",
         "direction": "same", "by_at_most": 1},
    ],
}  # fmt: skip


def busy():
    return small(behavior={"share": {"enthusiasm": 3.0}, "purchase": {"intercept": -1.0}})


@pytest.fixture(scope="module")
def file():
    return claims_from_table(TABLE | {"scenario": busy().to_table()})


def test_claims_are_judged_whatever_the_number_of_processes(file):
    one, two = (try_claims(file, fast=True, workers=workers) for workers in (1, 2))
    assert document(one) == document(two)
    assert {found.claim.name: found.verdict for found in one.judgements} == {
        "costs": "ROBUST", "silence": "ROBUST", "wrong": "FRAGILE", "level": "ROBUST",
        "kept": "ROBUST",
    }  # fmt: skip
    wrong = one.judgements[2]
    assert {reading.state for reading in wrong.readings} == {"refuted"}
    assert all(found.same_engine for found in one.judgements)
    assert not one.holds
    assert [reading.variant for reading in wrong.readings] == [v.name for v in VARIANTS]
    assert "it is refuted" in page(one)


def test_the_base_is_the_comparison_that_vouch_compare_makes(file):
    comparison = sim.compare(busy(), replications=4, workers=1)
    (found,) = try_claims(file, only=["costs"], draws=0, fast=True, workers=1).judgements
    expected = comparison.differences("payout_cents").loc["pay"]
    assert found.base.interval.mean == expected["mean"]
    assert found.base.interval.low == expected["low"]


def test_a_claim_is_judged_alike_alone_or_with_others(file):
    alone = try_claims(file, only=["silence"], draws=0, fast=True, workers=1).judgements[0]
    among = try_claims(file, draws=0, fast=True, workers=1).judgements[1]
    assert alone.readings == among.readings


def test_the_network_of_a_file_is_not_doubled(tmp_path):
    rows = "\n".join(f"{i},{(i * 7 + k) % 60}" for i in range(60) for k in (1, 5))
    (tmp_path / "friends.csv").write_text(f"source,target\n{rows}\n")
    scenario = {
        "days": 10, "network": {"file": "friends.csv", "repair": True},
        "policies": {"none": {}, "pay": {"scheme": "percentage"}},
    }  # fmt: skip
    table = TABLE | {"scenario": scenario, "claims": TABLE["claims"][:1]}
    file = claims_from_table(table, folder=tmp_path)
    study = try_claims(file, replications=2, draws=1, workers=1)
    assert study.left_out == ("population",)
    assert "not applicable" in page(study)


def test_an_interrupt_keeps_what_every_variant_has(file):
    def stop(done, total):
        if done == 20:
            raise KeyboardInterrupt

    study = try_claims(file, fast=True, workers=1, progress=stop)
    assert study.interrupted
    assert (study.effort.replications, study.effort.draws) == (3, 0)
    assert "Interrupted" in page(study)

    def stop_at_once(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="nothing is kept"):
        try_claims(file, fast=True, workers=1, progress=stop_at_once)


def test_a_draw_that_makes_no_world_says_so():
    scenario = small(network={"kind": "watts_strogatz", "mean_degree": 8}).to_table()
    uncertainty = {"draws": 1, "replications": 1, "parameters": ["network.mean_degree"]}
    table = TABLE | {"scenario": scenario, "uncertainty": uncertainty, "replications": 2}
    with pytest.raises(InputError, match=r"a draw of the parameters: network\.mean_degree"):
        try_claims(claims_from_table(table), only=["costs"], fast=True, workers=1)


# ------------------------------------------------------------------------------ the founding study


def test_the_findings_of_the_founding_study_are_claims():
    names = {one.name for one in read_claims(FOUNDING).claims}
    assert names >= {
        "sharing", "trust", "ten-percent-orders", "ten-percent-profit", "ten-percent-members",
        "generous-sells-more", "generous-earns-less", "thin-margin",
    }  # fmt: skip


def test_the_founding_claims_in_a_fast_form():
    """Four worlds for each change: too few to be sure of all, enough to see one go wrong."""
    study = try_claims(read_claims(FOUNDING), fast=True, replications=4, draws=2)
    found = {one.claim.name: one for one in study.judgements}
    assert all(one.same_engine for one in found.values())
    assert not any(reading.moved for one in found.values() for reading in one.readings)
    too_small = {"friend-beats-sharer", "second-level-costs"}
    for name in set(found) - too_small:
        assert {reading.state for reading in found[name].readings} <= {"holds", "leans"}, name
    not_fragile = {name for name, one in found.items() if one.verdict != "FRAGILE"}
    assert not_fragile >= {
        "sharing", "trust", "ten-percent-orders", "ten-percent-profit", "ten-percent-members",
        "generous-sells-more", "generous-earns-less", "second-level-moves-nobody",
    }  # fmt: skip
