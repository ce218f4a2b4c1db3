"""Adoption and buying with a known answer are read, fitted and scored as they were made.

Networks, lives and purchases are made up here, by the presets or by addressed draws; the real sets
are only read, and skipped where they are absent.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from sim import rules
from sim._jit import plain
from sim.errors import InputError
from sim.network import SocialGraph
from sim.randomness import Decision, uniform_table
from sim.validation.real import buying_again, data, hazards, held_out
from sim.validation.real.known_networks import better, not_better, recovered, simulated
from sim.validation.real.targets import TARGETS
from sim.validation.target import KINDS, NoDataError

VILLAGES, HOUSES, PERIODS = 12, 60, 12


def made_up_villages(seed: int = 0) -> data.Adoption:
    """Twelve villages of sixty people; nobody has adopted yet, and everybody is named by some."""
    pairs = []
    for village in range(VILLAGES):
        graph = SocialGraph.generate("erdos_renyi", HOUSES, mean_degree=4, seed=seed + village)
        source = np.repeat(np.arange(HOUSES), np.diff(graph.arrays.indptr))
        once = source < graph.arrays.target
        pairs.append(village * HOUSES + np.array([source[once], graph.arrays.target[once]]))
    source, target = np.concatenate(pairs, axis=1)
    size = VILLAGES * HOUSES
    group = np.repeat(np.arange(VILLAGES), HOUSES)
    never = np.full(size, PERIODS + 1)
    return data.Adoption(group, never, PERIODS, data.Nominations(size, source, target))


def path_of_four() -> data.Adoption:
    """0 named 1, 1 named 2, 2 named 3; they adopted before, in 1, in 2 and never, of 3 periods."""
    ties = data.Nominations(4, np.array([0, 1, 2]), np.array([1, 2, 3]))
    return data.Adoption(np.zeros(4, int), np.array([0, 1, 2, 4]), 3, ties)


def test_everybody_is_at_risk_up_to_the_period_of_adoption():
    risk = hazards.at_risk(path_of_four())
    rows = zip(risk.person, risk.period, risk.adopted, strict=True)
    assert [(int(i), int(t), bool(a)) for i, t, a in rows] == [
        (1, 1, True), (2, 1, False), (2, 2, True), (3, 1, False), (3, 2, False), (3, 3, False),
    ]  # fmt: skip


def test_one_hears_from_whom_one_named_and_only_what_happened_before():
    adoption = path_of_four()
    named = hazards.adopters_heard(adoption, hazards.hearing(adoption.nominations.heard()))
    assert named.tolist() == [[0, 1, 1], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    either = hazards.adopters_heard(adoption, hazards.hearing(adoption.nominations.mutual()))
    assert either.tolist() == [[0, 1, 1], [1, 1, 2], [0, 1, 1], [0, 0, 1]]


def test_the_share_of_a_village_leaves_oneself_out():
    adoption = path_of_four()
    share = hazards.village_share(adoption, hazards.at_risk(adoption))
    assert share * 3 == pytest.approx([1, 1, 2, 1, 2, 3])


@pytest.mark.parametrize("rate", [1e-6, 0.03, 1.0, 8.0])
def test_the_chance_of_adopting_is_that_of_the_rules(rate):
    chance = plain(rules.chance)(rate, 1.0)
    both = hazards.log_chance(np.array([rate, rate]), np.array([True, False]))
    assert np.exp(both) == pytest.approx([chance, 1 - chance], rel=1e-9)


def test_a_constant_hazard_has_its_closed_form():
    found = hazards.fit(np.ones((1, 1)), np.array([30.0]), np.array([400.0]))
    assert found.coefficients == pytest.approx([-np.log(1 - 30 / 400)], rel=1e-6)


def test_the_fit_is_the_maximum_that_an_independent_search_finds():
    adoption = simulated(made_up_villages(), 0.04, 0.5, 1)
    risk = hazards.at_risk(adoption)
    for design in hazards.network_designs(adoption, risk) + hazards.rival_designs(adoption, risk):
        effects, rows = design.effects, risk.adopted.size

        def loss(coefficients: np.ndarray, effects: np.ndarray = effects) -> float:
            return -hazards.log_chance(effects @ coefficients, risk.adopted).mean()

        found = hazards.fit(effects, risk.adopted.astype(float), np.ones(rows))
        bounds = [(hazards.LEAST_RATE, None)] * effects.shape[1]
        search = optimize.minimize(loss, np.full(len(bounds), 0.1), bounds=bounds)
        assert found.log_likelihood >= -search.fun * rows - 1e-6, design.name


def test_nobody_at_risk_is_an_error():
    with pytest.raises(InputError, match="nobody is at risk"):
        hazards.fit(np.ones((1, 1)), np.zeros(1), np.zeros(1))


def test_the_fit_recovers_planted_p_and_q():
    worlds = np.array([recovered(simulated(made_up_villages(), 0.03, 0.4, k)) for k in range(12)])
    error = worlds.std(axis=0, ddof=1) / np.sqrt(len(worlds))
    assert (np.abs(worlds.mean(axis=0) - [0.03, 0.4]) < 5 * error).all()
    assert (np.abs(worlds.mean(axis=0) - [0.04, 0.5]) > 5 * error).all()


def test_contagion_on_the_ties_is_found():
    found = held_out.contest(simulated(made_up_villages(), 0.03, 0.6, 3), 19)
    for rival in found.rivals:
        assert better(rival, found.gain_over(rival)).holds, rival
    assert found.shuffled_share() == 0.05


def test_a_world_without_contagion_favours_the_network_at_the_stated_rate():
    worlds, wins, luckier = 100, 0, 0
    for k in range(worlds):
        found = held_out.contest(simulated(made_up_villages(), 0.08, 0.0, k), 0)
        wins += not not_better("constant", found.gain_over("constant")).holds
        luckier += found.gain_over("constant").mean > 0
    # One side of a 95 % interval is 2.5 %; a needless coefficient costs score, so it is less often.
    assert wins <= 2.5 + 5 * np.sqrt(worlds * 0.025 * 0.975)
    assert luckier < worlds / 2


def test_no_fold_is_scored_by_what_it_did():
    adoption = simulated(made_up_villages(), 0.04, 0.4, 2)
    risk = hazards.at_risk(adoption)
    family = hazards.network_designs(adoption, risk)
    before = held_out.held_out(family, risk.adopted, risk.group)
    changed = np.where(risk.group == 5, ~risk.adopted, risk.adopted)
    after = held_out.held_out(family, changed, risk.group)
    assert np.array_equal(
        before.choices[5].fitted.coefficients, after.choices[5].fitted.coefficients
    )
    assert not np.array_equal(
        before.choices[4].fitted.coefficients, after.choices[4].fitted.coefficients
    )


def test_a_shuffle_stays_in_the_village_and_moves_people():
    adoption = simulated(made_up_villages(), 0.05, 0.3, 4)
    mixed = held_out.shuffled(adoption, 0)
    for village in range(VILLAGES):
        inside = adoption.group == village
        assert sorted(mixed.period[inside]) == sorted(adoption.period[inside])
    assert (mixed.period != adoption.period).mean() > 0.5
    assert not np.array_equal(mixed.period, held_out.shuffled(adoption, 1).period)


# ------------------------------------------------------------------------------------ buying again


def made_up_buyers(size: int, days: int) -> data.Purchases:
    """BG/NBD customers with r = 1, alpha = 2 weeks, a = 1, b = 3, all first on day 0."""
    traits = uniform_table(np.uint64(3), int(Decision.TRAITS), 0, size)
    pace = -np.log(traits[0]) / 2 / 7  # gamma of shape 1, orders per day
    dropout = 1 - traits[1] ** (1 / 3)
    buys = [uniform_table(np.uint64(4), int(Decision.NEED), day, size) for day in range(days)]
    alive, customer, when = np.ones(size, bool), [np.arange(size)], [np.zeros(size, int)]
    for day in range(1, days):
        who = np.flatnonzero(alive & (buys[day][0] < -np.expm1(-pace)))
        customer.append(who)
        when.append(np.full(who.size, day))
        alive[who[buys[day][1][who] < dropout[who]]] = False
    order = np.lexsort((np.concatenate(when), np.concatenate(customer)))
    first = np.zeros(size, int)
    return data.Purchases(np.concatenate(customer)[order], np.concatenate(when)[order], first)


def test_buying_rates_are_recovered_and_foretell_the_second_half():
    histories = buying_again.split(made_up_buyers(4000, 364), 26, 26)
    rates = buying_again.fit(histories)
    # A day holds at most one purchase, so the fastest buyers are a little slower than planted.
    assert rates.r / rates.alpha == pytest.approx(0.5, rel=0.15)
    assert rates.a / (rates.a + rates.b) == pytest.approx(0.25, rel=0.15)
    foretold = buying_again.expected_later(rates, histories, 26)
    error = (foretold - histories.later).std() / np.sqrt(foretold.size)
    assert abs(foretold.mean() - histories.later.mean()) < 5 * error
    for rival in (buying_again.without_dropout, buying_again.as_before):
        assert abs(rival(histories, 26).mean() - histories.later.mean()) > 5 * error


def test_the_expectation_of_a_customer_is_the_published_one():
    # Fader, Hardie and Lee (2005), spreadsheet note: customer 0001 of CDNOW.
    one = buying_again.Histories(np.array([2]), np.array([30.43]), np.array([38.86]), np.array([0]))
    rates = buying_again.BuyingRates(0.243, 4.414, 0.793, 2.426)
    assert buying_again.expected_later(rates, one, 39)[0] == pytest.approx(1.226, abs=5e-4)


def test_purchases_of_the_last_day_belong_to_the_first_half():
    purchases = data.Purchases(np.zeros(4, int), np.array([0, 13, 14, 27]), np.zeros(1, int))
    histories = buying_again.split(purchases, 2, 2)
    assert (histories.repeats[0], histories.later[0]) == (1, 2)
    assert histories.recency[0] == histories.observed[0] == 13 / 7


# --------------------------------------------------------------------------------------- real sets


def test_absent_data_are_named(monkeypatch, tmp_path):
    monkeypatch.setenv(data.DATA_VARIABLE, str(tmp_path))
    with pytest.raises(NoDataError, match=r"diff_brfarmers is not at .*; set VOUCH_DATA"):
        data.read_farmers()


def test_a_file_without_a_column_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv(data.DATA_VARIABLE, str(tmp_path))
    (tmp_path / "diff_brfarmers").mkdir()
    (tmp_path / "diff_brfarmers" / "nodes.csv").write_text("node_id,group\n1,1\n")
    with pytest.raises(InputError, match=r"nodes\.csv: there is no column toa_year"):
        data.read_farmers()


def test_doctors_have_the_published_counts(data_set):
    data_set("diff_medinnovations")
    doctors = data.read_doctors()
    assert doctors.period.size == 125
    assert np.count_nonzero(doctors.period <= doctors.periods) == 109
    assert doctors.nominations.source.size == 294
    assert doctors.nominations.mutual().friendship_count == 240


def test_farmers_have_the_published_counts(data_set):
    data_set("diff_brfarmers")
    farmers = data.read_farmers()
    assert farmers.group.max() + 1 == 11
    assert np.count_nonzero(farmers.period <= farmers.periods) == 540
    assert farmers.nominations.source.size == 1854
    assert np.count_nonzero(data.read_farmers("A").period <= 19) == 342


def test_insurance_has_the_counts_of_its_source(data_set):
    data_set("diff_cai_insurance")
    invitations = data.read_invitations()
    assert invitations.bought.size == 873
    informed = np.minimum(invitations.informed, 3)
    by_number = np.bincount(informed, invitations.bought) / np.bincount(informed)
    assert by_number[1:] == pytest.approx([0.4264, 0.5652, 0.5312], abs=5e-4)


def test_cdnow_has_the_published_counts(data_set):
    data_set("retention_cdnow")
    histories = buying_again.split(data.read_purchases("retention_cdnow"), 39, 39)
    assert (histories.repeats.sum(), histories.later.sum()) == (2457, 1882)


# ----------------------------------------------------------------------------------------- targets


def test_targets_are_complete():
    assert [target.name for target in TARGETS] == [f"R{k}" for k in range(1, len(TARGETS) + 1)]
    for target in TARGETS:
        assert target.kind in KINDS
        assert target.measure is not None
        # What is missed cannot show that it notices an error, and must be explained instead.
        assert (target.plant is None) == bool(target.explained), target.name
