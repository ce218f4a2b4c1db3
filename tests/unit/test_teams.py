"""Buying in teams: who joins, when people are charged, and where deposits are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import rules
from sim.day import PERSONAL
from sim.engine import order_lines
from sim.errors import InputError
from sim.incentives import ByCondition, Combined
from sim.model import WordOfMouthModel
from sim.network import SocialGraph
from sim.scenario import Scenario
from sim.schemes.team import TeamPurchase
from sim.studies.cascade import largest_tree
from sim.teams import joining
from sim.world import World, make_world
from tests.money_world import Shop, make_orders
from tests.worlds import differences, rich_scenario, run

PRICE, TEAM_PRICE = 2000, 1700  # 15 % off
EAGER = {"opening": 1.0, "joining": 1.0, "alone": 0.0}
Strengths = dict[tuple[int, int], float]


def at_once(c: Any, u: float, v: float, dt: float) -> int:
    return 1


def everybody_trusts(good: float, bad: float) -> float:
    return 1.0


class Club:
    """People who all like the product fully, and days on which they decide to buy.

    ``ties`` gives friendships with their strength. With full trust and ``joining`` 1 everybody who
    is asked agrees.
    """

    def __init__(
        self,
        ties: Strengths,
        *,
        size: int = 2,
        deadline_days: float = 1.0,
        answers: Callable[..., int] = at_once,
        people: int | None = None,
        products: int = 1,
        discount: float = 0.15,
        **team: float,
    ) -> None:
        pairs = list(ties)
        graph = SocialGraph.from_edges(
            [i for i, _ in pairs], [j for _, j in pairs],
            size=people or 1 + max(map(max, pairs)),
            strength=np.array(list(ties.values())) if len(set(ties.values())) > 1 else None,
        )  # fmt: skip
        scenario = Scenario(
            days=60,
            population={"size": graph.size, "homophily": 0},
            campaign={"initial_customers": 0.0},
            behavior={"team": EAGER | team},
            products=[
                {"name": f"p{k}", "price": PRICE / 100, "repurchase_days": 10.0}
                for k in range(products)
            ],
        )
        made = make_world(scenario, 1, graph)
        self.model = WordOfMouthModel(
            scenario,
            policy=TeamPurchase(size=size, deadline_days=deadline_days, discount=discount),
            world=World(made.graph, made.people, made.initial),
            rules=rules.replace(trust=everybody_trusts, response_ticks=answers),
            engine="agents",
        )
        self.model.world.people.affinity[:] = 1.0
        self.teams, self.state, self.ledger = self.model.teams, self.model.state, self.model.ledger
        assert self.teams is not None

    def day(
        self, *buyers: int | tuple[int, int], running: bool = True
    ) -> list[tuple[int, int, int]]:
        """One day on which ``buyers`` decide to buy; (buyer, product, team) of every order."""
        wanted = sorted(b if isinstance(b, tuple) else (b, 0) for b in buyers)
        lines = order_lines(len(wanted))
        for k, (buyer, product) in enumerate(wanted):
            lines.buyer[k], lines.product[k] = buyer, product
        self.model._campaign()
        left = 10**9 if running else -1
        self.lines, seating = self.teams.form(lines, self.model.day, self.state, left)
        team = seating.team
        self.model.tick += 1
        at = self.lines.product, self.lines.buyer
        self.state.orders[at] += 1
        self.state.last_order[at] = self.model.day.tick
        return list(zip(self.lines.buyer.tolist(), self.lines.product.tolist(), team.tolist(),
                        strict=True))  # fmt: skip

    @property
    def deposits(self) -> int:
        return self.ledger.totals()["deposits"]

    @property
    def counts(self) -> tuple[int, int, int]:
        return self.teams.opened, self.teams.filled, self.teams.failed


# Teams of two --------------------------------------------------------------------------------


def test_the_strongest_tie_joins_and_both_are_charged_the_same_day():
    club = Club({(0, 1): 0.5, (0, 2): 0.9})
    assert club.day(0) == [(0, 0, 1), (2, 0, 1)]
    assert (club.counts, club.deposits) == ((1, 1, 0), 0)
    kinds = club.ledger.entries().groupby("kind")["debit_cents"].sum()
    assert kinds["deposit"] == kinds["deposit_returned"] == 2 * TEAM_PRICE


def test_the_opener_is_the_friend_whose_link_was_followed():
    club = Club({(0, 1): 0.5, (0, 2): 0.9})
    club.day(0)
    state, tie = club.state, int(np.flatnonzero(club.model.world.graph.arrays.target == 2)[0])
    assert (state.click_sponsor[0, 2], state.click_due[0, 2], state.click_tick[0, 2]) == (0, 0, 0)
    assert (state.click_tie[0, 2], state.click_channel[0, 2]) == (tie, PERSONAL)
    assert state.click_sponsor[0, 0] == -1


def test_a_team_that_stays_alone_gives_the_deposit_back_at_the_deadline():
    club = Club({(0, 1): 0.5}, joining=0.0, deadline_days=3.0)
    assert club.day(0) == []
    assert (club.deposits, club.counts) == (TEAM_PRICE, (1, 0, 0))
    assert [club.day(), club.day()] == [[], []]
    assert (club.deposits, club.counts) == (TEAM_PRICE, (1, 0, 0))
    assert club.day() == []
    assert (club.deposits, club.counts) == (0, (1, 0, 1))
    assert club.state.click_sponsor[0, 1] == -1


def test_who_found_no_friend_may_buy_alone_the_day_after():
    club = Club({(0, 1): 0.5}, joining=0.0, alone=1.0)
    assert [club.day(0), club.day(), club.day()] == [[], [(0, 0, 0)], []]


def test_who_decides_anew_the_day_after_orders_once():
    club = Club({(0, 1): 0.5}, joining=0.0, alone=1.0)
    club.day(0)
    assert club.day(0) == []  # she opens another team instead of buying alone as well
    assert club.counts == (2, 0, 1)


def test_without_openings_nothing_changes():
    club = Club({(0, 1): 0.5, (0, 2): 0.9}, opening=0.0)
    assert club.day(0, 1) == [(0, 0, 0), (1, 0, 0)]
    assert club.counts == (0, 0, 0)
    assert club.ledger.entries().empty


def test_a_friend_who_buys_today_is_not_asked():
    club = Club({(0, 1): 0.5, (0, 2): 0.9})
    assert club.day(0, 2) == [(0, 0, 1), (1, 0, 1)]
    assert club.counts == (2, 1, 0)


@pytest.mark.parametrize(("near", "far"), [(0, 2), (2, 0)])
def test_a_friend_of_two_openers_goes_with_the_stronger_tie(near, far):
    club = Club({(near, 1): 0.9, (far, 1): 0.4}, people=3)
    assert {buyer for buyer, _, _ in club.day(near, far)} == {near, 1}


def test_a_friend_who_owns_it_joins_again_once_she_needs_it():
    club = Club({(0, 1): 0.5})
    club.day(1)
    assert club.counts == (1, 1, 0)
    for _ in range(8):
        club.day()
    assert club.day(0) == []
    assert club.day(0) == [(0, 0, 3), (1, 0, 3)]  # ten days after: what a unit lasts


def test_nobody_is_asked_over_a_muted_tie():
    club = Club({(0, 1): 0.5, (0, 2): 0.9})
    target = club.model.world.graph.arrays.target
    club.state.muted[target == 2] = 1
    assert club.day(0) == [(0, 0, 1), (1, 0, 1)]
    club.state.muted[target == 1] = 1
    assert club.day(0) == [(0, 0, 0)]


def test_asking_stops_when_the_team_is_full():
    club = Club({(0, k): k / 10 for k in range(1, 6)})
    club.day(0)
    assert club.state.inbox.tolist() == [0, 0, 0, 0, 0, 1]
    club.day(0)
    assert club.state.inbox.tolist() == [0, 0, 0, 0, 1, 2]


def test_who_is_charged_was_here_today():
    club = Club({(0, 1): 0.5, (0, 2): 0.9})
    club.day(0)
    assert club.state.last_visit[[0, 2]].tolist() == [0, 0]
    assert club.state.last_visit[1] < 0


# Larger teams and longer deadlines -----------------------------------------------------------


def in_order(*ticks: int) -> Callable[..., int]:
    """Friends answer after these ticks, in the order in which they are asked of it."""
    waiting = iter(ticks)
    return lambda c, u, v, dt: 1 + next(waiting)


def test_friends_come_in_their_own_time_and_all_are_charged_with_the_last():
    club = Club(
        {(0, 1): 0.9, (0, 2): 0.5}, size=3, deadline_days=5.0, answers=in_order(1, 3)
    )  # fmt: skip
    paid_in = []
    for orders in ([0], [], [], []):
        charged = club.day(*orders)
        paid_in.append(club.deposits)
    assert paid_in == [TEAM_PRICE, 2 * TEAM_PRICE, 2 * TEAM_PRICE, 0]
    assert charged == [(0, 0, 1), (1, 0, 1), (2, 0, 1)]
    assert club.state.click_due[0].tolist()[1:] == [3, 3]


def test_friends_who_joined_a_team_in_vain_get_their_money_back():
    club = Club(
        {(0, 1): 0.9, (0, 2): 0.5}, size=3, deadline_days=2.0, answers=in_order(1, 2), alone=1.0
    )
    assert [club.day(0), club.day()] == [[], []]
    assert club.deposits == 2 * TEAM_PRICE
    assert club.day() == [(0, 0, 0), (1, 0, 0)]
    assert (club.deposits, club.counts) == (0, (1, 0, 1))


def test_who_waits_for_a_team_neither_orders_on_the_side_nor_joins_another():
    club = Club(
        {(0, 1): 0.9, (1, 2): 0.5, (2, 3): 0.2}, deadline_days=5.0, answers=in_order(2, 0, 0)
    )
    assert club.day(0) == []
    assert club.day(0, 1, 2) == [(2, 0, 2), (3, 0, 2)]
    assert club.day() == [(0, 0, 1), (1, 0, 1)]


def test_other_products_are_other_teams():
    club = Club({(0, 1): 0.5}, products=2)
    assert club.day((0, 0), (1, 1)) == [(0, 0, 1), (0, 1, 2), (1, 0, 1), (1, 1, 2)]


def test_too_few_friends_open_no_team():
    club = Club({(0, 1): 0.5, (1, 2): 0.9}, size=3)
    assert club.day(0) == [(0, 0, 0)]
    assert club.counts == (0, 0, 0)
    assert club.day(1) == []  # she has two friends, but one owns it already
    assert club.counts == (1, 0, 0)


def test_a_programme_that_ended_opens_none_and_charges_nobody():
    club = Club({(0, 1): 0.9, (2, 3): 0.5}, deadline_days=5.0, answers=in_order(1))
    assert club.day(0) == []
    assert club.day(2, running=False) == [(2, 0, 0)]
    assert (club.deposits, club.counts) == (0, (1, 0, 1))


def test_the_deposit_given_back_is_the_one_paid():
    club = Club({(0, 1): 0.5}, joining=0.0, deadline_days=2.0)
    club.day(0)
    club.model.calendar.price_cents[1:] = 5000
    club.day()
    club.day()
    assert club.deposits == 0


# Laws ----------------------------------------------------------------------------------------

friendships = st.dictionaries(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1]),
    st.sampled_from([0.2, 0.5, 0.8]),
    min_size=3,
    max_size=15,
)
weeks = st.lists(
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 1)), max_size=5), min_size=2, max_size=10
)


def slowly(c: Any, u: float, v: float, dt: float) -> int:
    return 1 + int(4 * u)


@given(friendships, weeks, st.integers(2, 4), st.integers(1, 4))
def test_nobody_is_charged_but_in_a_full_team_and_nothing_is_lost(ties, days, size, deadline):
    club = Club(
        ties, size=size, deadline_days=float(deadline), answers=slowly, people=7, products=2,
        opening=0.7, joining=0.8, alone=0.5,
    )  # fmt: skip
    opened_at: dict[int, int] = {}
    charged: set[int] = set()
    for tick, buyers in enumerate([*days, *[set()] * (deadline + 1)]):
        before = club.teams.opened
        orders = club.day(*buyers)
        opened_at |= dict.fromkeys(range(before + 1, club.teams.opened + 1), tick)
        assert orders == sorted(orders)
        assert len({(buyer, product) for buyer, product, _ in orders}) == len(orders)
        for team in {team for _, _, team in orders if team}:
            members = [(buyer, product) for buyer, product, number in orders if number == team]
            assert len(members) == size
            assert len({product for _, product in members}) == 1
            assert team not in charged
            assert opened_at[team] <= tick < opened_at[team] + deadline
            charged.add(team)
        seats = club.teams._seats
        assert club.deposits == int(seats.cents[seats.joins <= tick].sum())
        opened, filled, failed = club.counts
        assert opened - filled - failed == len(set(seats.team.tolist()))
        assert (club.teams._waiting.sum()) == len(seats.team)
        club.ledger.check()
    assert len(charged) == club.teams.filled
    assert (club.deposits, len(club.teams._seats.team)) == (0, 0)
    club.ledger.reconcile()


def test_the_chance_to_join():
    habits = Scenario(behavior={"team": {"joining": 0.5}}).behavior.team
    chances = joining(habits, np.array([0.5, 1.0, 1.0]), np.array([1.0, 0.5, 0.0]))
    assert chances.tolist() == [0.25, 0.25, 0.0]


# In a run ------------------------------------------------------------------------------------

POLICIES = {
    "pairs": {"scheme": "team_purchase", "commission": 0.1},
    "threes": {"scheme": "team_purchase", "size": 3, "deadline_days": 3.0, "end_day": 20},
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("model", ["last_click", "first_click", "linear"])
def test_both_engines_form_the_same_teams(policy, model):
    world = rich_scenario(
        policies=POLICIES, attribution={"model": model}, behavior={"team": {"joining": 0.8}}
    )
    ours = run(world, policy=policy, engine="kernels")
    theirs = run(world, policy=policy, engine="agents")
    assert ours.teams.filled > 5
    assert ours.teams.failed > 5
    assert differences(ours, theirs) == []


@pytest.mark.parametrize("model", ["last_click", "first_click", "time_decay"])
def test_the_laws_of_the_books_and_of_the_forest_hold_in_a_run(model):
    world = rich_scenario(
        policies=POLICIES, attribution={"model": model}, behavior={"team": {"joining": 0.8}}
    )
    model_run = run(world, policy="threes")
    orders, state = model_run.ledger.orders(), model_run.state
    in_team = orders.team > 0
    assert np.bincount(orders.team[in_team])[np.unique(orders.team[in_team])].tolist() == [3] * (
        model_run.teams.filled
    )
    assert (orders.discount_cents[~in_team] == 0).all()
    assert (orders.discount_cents[in_team] > 0).all()
    assert (orders.tick[in_team] < 20).all()
    joined = np.flatnonzero(state.sponsor >= 0)
    assert (state.depth[joined] == state.depth[state.sponsor[joined]] + 1).all()
    assert (state.joined[joined] >= state.joined[state.sponsor[joined]]).all()
    same_day = state.joined[joined] == state.joined[state.sponsor[joined]]
    assert same_day.sum() > 0  # some were brought by somebody who joined with them
    model_run.ledger.reconcile()


def test_a_discount_below_the_usual_pulls_in_proportion():
    # 200 pairs of friends who would surely open and join at 15 %; half of it halves both chances.
    pairs = {(2 * k, 2 * k + 1): 0.5 for k in range(200)}
    club = Club(pairs, discount=0.075)
    club.day(*range(0, 400, 2))
    opened, filled = club.teams.opened, club.teams.filled
    # Two binomials, 4.5 standard errors: a false alarm in 100,000.
    assert abs(opened - 100) < 4.5 * 50**0.5
    assert abs(filled - opened / 2) < 4.5 * (opened / 4) ** 0.5


# Terms around a team ---------------------------------------------------------------------------

TEAM = {"scheme": "team_purchase", "discount": 0.2}
CROWD = Scenario(
    days=40,
    population={"size": 500},
    campaign={"organic_visits": 0.05},
    behavior={"team": {"joining": 0.8}},
)


def charged(policy: Any, **changes: Any) -> tuple[int, set[int]]:
    """How many orders of a run were bought in teams, and what they cost."""
    model = WordOfMouthModel(CROWD.but(**changes), policy=policy).run()
    orders = model.ledger.orders()
    rows = orders.team > 0
    model.ledger.reconcile()
    return int(rows.sum()), set(orders.net_cents[rows].tolist())


@pytest.mark.parametrize("terms", [{}, {"end_day": 9}, {"start_day": 30}, {"budget": 97.0}])
def test_nobody_in_a_team_pays_more_than_its_price(terms):
    count, prices = charged(Combined(parts=[TEAM | terms]))
    assert count > 0
    assert prices == {2880}


def test_a_team_fails_whose_price_changed_before_it_filled():
    changes = [{"day": day, "price": 36.0 + day % 2} for day in range(1, 40)]
    count, prices = charged(
        TeamPurchase(discount=0.2, deadline_days=5), campaign={"price_changes": changes}
    )
    assert count > 0
    assert prices <= {2880, 2960}


@pytest.mark.parametrize(
    "policy",
    [
        TeamPurchase(first_order_only=True),
        TeamPurchase(minimum_order=10.0),
        Combined(parts=[TEAM], first_order_only=True),
        ByCondition(cases=[{"when": {"new_customer": True}, **TEAM}]),
        Combined(parts=[TEAM, TEAM]),
    ],
)
def test_terms_that_would_part_a_team_are_refused(policy):
    with pytest.raises(InputError, match="team"):
        WordOfMouthModel(CROWD, policy=policy)


def test_only_the_opener_earns_for_who_is_credited_to_her():
    orders = make_orders(
        [0, 1, 2], buyer=[1, 2, 3], sponsor=[5, -1, 1], team=1, team_opener=1, price_cents=2000
    )
    credits = TeamPurchase(commission=0.1).settle(orders, Shop(TeamPurchase()).market)
    assert (credits.order.tolist(), credits.recipient.tolist()) == ([2], [1])


def test_the_largest_tree_names_sponsors_before_whom_they_brought():
    # In a team both may join on the same day, the friend with the lower order number.
    for seed in range(4):
        model = WordOfMouthModel(CROWD, policy=TeamPurchase(), seed=seed).run()
        tree = largest_tree(model.record(), 1.0)
        assert all(sponsor < place for place, sponsor in enumerate(tree["parent"]))
