"""Abuse: what opportunists earn from a policy, and what each rule against them saves and costs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.market import Offer
from sim.measures import STANDING, Run, outcomes
from sim.model import Engine, WordOfMouthModel, policy_scheme
from sim.network import SocialGraph
from sim.opportunists import attack_summary
from sim.orders import GENUINE
from sim.scenario import Policy, Scenario
from sim.schemes import Scheme, make_scheme
from sim.studies.replicate import (
    Job,
    Workers,
    checked_workers,
    collected_warnings,
    run_policy,
)
from sim.studies.statistics import mean_interval, paired_difference
from sim.studies.wording import money, number
from sim.world import make_graph, make_world, world_seed

if TYPE_CHECKING:
    import pandas as pd

Rules = Mapping[str, Mapping[str, Any]]
"""Terms of a scheme that are changed together, by the name of the rule."""

InWorld = dict[str, tuple[float, ...]]
"""What came of each rule in one world, in the order of :class:`Outcomes`."""

AS_IT_IS = "as it is"
FIRST_REPLICATIONS = 10
CAP_SALES, CAP_DAYS = 5, 30
CHECK = {"similarity_check": 0.8, "false_positive_rate": 0.02}
ORDER_KEY = ["tick", "buyer", "product"]
IN_HAND = tuple(state for state in STANDING if state != "held")
"""States of commission that neither a refund nor a check has stopped."""


class Outcomes(NamedTuple):
    """What came of the runs of a scheme: float64 (replications,) each.

    attack_earned_cents : see :func:`sim.opportunists.attack_summary`. honest_hit : see
    :func:`honest_hit`. orders : without phantoms. profit_cents : over the horizon.
    """

    attack_earned_cents: np.ndarray
    honest_hit: np.ndarray
    orders: np.ndarray
    profit_cents: np.ndarray


def usual_rules(scenario: Scenario, scheme: Scheme, told: Offer) -> dict[str, dict[str, Any]]:
    """The rules against abuse that programmes usually have and ``scheme`` lacks.

    Pay for new customers only; a minimum order, the median net price of the products; commissions
    held as long as goods can be sent back; a cap of five of the highest rewards in 30 days; a
    check that recognises 80 % of invented identities and takes 2 % of honest orders for such.

    told : what the scheme tells people on day 0.
    """
    prices = np.array([round(100 * product.price) for product in scenario.products])
    median_cents = statistics.median_high((prices - told.friend_cents).tolist())
    reward_cents = round(float(told.reward_cents.max()))
    refund_days = max(product.refund_days for product in scenario.products)
    rules: dict[str, dict[str, Any]] = {}
    if not scheme.first_order_only:
        rules["new customers only"] = {"first_order_only": True}
    if scheme.minimum_order < median_cents / 100:
        rules["minimum order"] = {"minimum_order": median_cents / 100}
    if scheme.hold_days < refund_days:
        rules["hold as long as refunds"] = {"hold_days": refund_days}
    if scheme.cap_per_person is None and reward_cents > 0:
        cap = CAP_SALES * reward_cents / 100
        rules["cap per person"] = {"cap_per_person": cap, "cap_period_days": CAP_DAYS}
    if scheme.similarity_check == 0:
        rules["similarity check"] = dict(CHECK)
    return rules


def what_each_rule_saves(
    scenario: Scenario,
    policy: str | Policy | Scheme,
    *,
    rules: Rules | None = None,
    replications: int = FIRST_REPLICATIONS,
    seed: int | None = None,
    workers: int | None = 1,
    engine: Engine = "kernels",
    progress: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run a policy as it is, then with each rule added, with the same people and the same luck.

    Parameters
    ----------
    scenario : Scenario
        With ``population.opportunists`` above 0.
    policy : str, Policy or Scheme
    rules : mapping, optional
        Terms of the scheme by the name of the rule; those of :func:`usual_rules` when left out.
    replications : int
        Worlds, at least 2.
    seed : int, optional
        ``scenario.seed`` when left out.
    workers : int, optional
        Processes; all processors for None. The result does not depend on it.
    engine : {"kernels", "agents"}
    progress : called with (worlds done, worlds to do) after each

    Returns
    -------
    DataFrame
        A row per rule, "as it is" first. Means over the replications and the half widths of their
        95 % intervals (columns ending in _half_width; Student t, paired for differences):
        attack_earned_cents; saved_cents, what the attack earns less than as it is; honest_hit,
        people, see :func:`honest_hit`; orders_lost, fewer orders than as it is without phantoms;
        profit_gain_cents, more profit than as it is.

    Raises
    ------
    InputError
        If nobody is an opportunist, or a rule or a number cannot be used.
    """
    check_attacked(scenario)
    if replications < 2:
        raise InputError(f"replications = {replications} gives no interval; give 2 or more")
    scenario = scenario if seed is None else scenario.but(seed=seed)
    graph = make_graph(scenario, scenario.seed) if scenario.network.file is not None else None
    scheme = policy_scheme(scenario, policy)
    if rules is None:
        rules = usual_rules(scenario, scheme, _told(scenario, scheme, graph))
    schemes = {AS_IT_IS: scheme, **{name: _with(scheme, name, rules[name]) for name in rules}}
    job = Job(scenario.but(policies=schemes), tuple(schemes), AS_IT_IS, engine, graph=graph)
    done: dict[int, InWorld] = {}
    count = min(checked_workers(workers, scenario), replications)
    with Workers(partial(_in_world, job), count) as pool:
        for place, found in pool.run(range(replications)):
            done[place] = found
            if progress is not None:
                progress(len(done), replications)
    worlds = [done[place] for place in range(replications)]
    return _table(
        {name: Outcomes(*np.array([world[name] for world in worlds]).T) for name in schemes}
    )


def check_attacked(scenario: Scenario) -> None:
    """Raise InputError if the scenario has no opportunists."""
    if scenario.population.opportunists == 0:
        raise InputError(
            "population.opportunists = 0: nobody attacks, so no rule can save anything; set it "
            "above 0, such as 0.05"
        )


def _told(scenario: Scenario, scheme: Scheme, graph: SocialGraph | None) -> Offer:
    """What the scheme tells people on the first day."""
    world = make_world(scenario, world_seed(scenario.seed, 0), graph=graph)
    return WordOfMouthModel(scenario, policy=scheme, world=world).programme.offer()


def _with(scheme: Scheme, rule: str, terms: Mapping[str, Any]) -> Scheme:
    """The scheme with changed terms; InputError naming the rule and what is wrong."""
    written = {**scheme.as_policy().parameters, **terms}
    return make_scheme(Policy(scheme=scheme.name, **written), f"rules.{rule}")


# ------------------------------------------------------------------------------------- the runs


def _in_world(job: Job, place: int) -> InWorld:
    """What came of every rule in one world."""
    found: InWorld = {}
    # The comparison and the first offer have said what there is to warn of.
    with collected_warnings():
        world = make_world(job.scenario, world_seed(job.scenario.seed, place), graph=job.graph)
        usual = run_policy(job, AS_IT_IS, place, world)
        for name in job.policies:
            run = usual if name == AS_IT_IS else run_policy(job, name, place, world)
            measured = outcomes(run)
            found[name] = (
                attack_summary(run.orders, run.ledger)["attack_earned_cents"],
                honest_hit(run, usual),
                measured["orders"],
                measured["profit_cents"],
            )
    return found


def honest_hit(run: Run, usual: Run) -> int:
    """People who get less for the same honest order under a rule than as it is.

    The order is genuine and in both runs: of the same product, on the same day, by the same buyer.
    What people get is commission that stands, on any level; what a check holds does not.
    """
    here, there = _honest_orders(run), _honest_orders(usual)
    same = there.index.isin(here.index)
    before = _honest_pay(usual, there[same])
    after = _honest_pay(run, here).reindex(before.index, fill_value=0)
    less = before.index[(after < before).to_numpy()]
    return int(less.get_level_values("recipient").nunique())


def _honest_orders(run: Run) -> pd.Series:
    """Ids of the genuine orders, by :data:`ORDER_KEY`."""
    import pandas as pd

    orders = run.orders
    rows = orders.fraud == GENUINE
    columns = {name: getattr(orders, name)[rows] for name in ORDER_KEY}
    return pd.Series(orders.order_id[rows], pd.MultiIndex.from_frame(pd.DataFrame(columns)))


def _honest_pay(run: Run, orders: pd.Series) -> pd.Series:
    """Cents of commission that stand on ``orders``, by :data:`ORDER_KEY` and recipient."""
    lines = run.ledger.lines_frame()
    lines = lines[lines["state"].isin(IN_HAND)]
    paid = orders.rename("order_id").reset_index().merge(lines, on="order_id")
    return paid.groupby([*ORDER_KEY, "recipient"])["cents"].sum()


# ---------------------------------------------------------------------------------- what they say


def _table(found: Mapping[str, Outcomes]) -> pd.DataFrame:
    """A row per rule, with its means and half widths."""
    import pandas as pd

    usual = found[AS_IT_IS]
    rows = []
    for name, ruled in found.items():
        columns = {
            "attack_earned_cents": mean_interval(ruled.attack_earned_cents),
            "saved_cents": paired_difference(usual.attack_earned_cents, ruled.attack_earned_cents),
            "honest_hit": mean_interval(ruled.honest_hit),
            "orders_lost": paired_difference(usual.orders, ruled.orders),
            "profit_gain_cents": paired_difference(ruled.profit_cents, usual.profit_cents),
        }
        row: dict[str, Any] = {"rule": name}
        for column, interval in columns.items():
            row |= {column: interval.mean, f"{column}_half_width": interval.half_width}
        rows.append(row)
    return pd.DataFrame(rows)


def rules_finding(table: pd.DataFrame, policy: str, currency: str) -> str:
    """What a table of :func:`what_each_rule_saves` comes to, in one sentence.

    policy : its name.
    """
    usual, rules = table.iloc[0], table.iloc[1:]
    earned = f"{money(usual['attack_earned_cents'])} {currency}"
    if not usual["attack_earned_cents"] > 0:
        return f"Opportunists find nothing that pays under {policy}"
    if rules.empty:
        return f"{policy} has all the usual rules; with them the attack earns {earned} per run"
    best = rules.loc[rules["saved_cents"].idxmax()]
    saved, width = best["saved_cents"], best["saved_cents_half_width"]
    if not saved - width > 0:
        return f"No rule surely saves any of the {earned} that the attack earns under {policy}"
    people = number(best["honest_hit"])
    hits = "nobody honest" if people == "0.0" else f"{people} honest sharers"
    gain = money(best["profit_gain_cents"], signed=True)
    reach = money(best["profit_gain_cents_half_width"])
    return (
        f"Under {policy} the rule '{best['rule']}' saves most: {money(saved)} of the {earned} that "
        f"the attack earns per run (95 % ± {money(width)}); it hits {hits} and changes "
        f"profit by {gain} {currency} (± {reach})"
    )
