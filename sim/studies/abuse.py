"""Abuse: what opportunists earn from a policy, and what each rule against them saves and costs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sim.errors import InputError
from sim.market import Offer
from sim.measures import without_phantoms
from sim.model import Engine, WordOfMouthModel, policy_scheme
from sim.opportunists import attack_summary
from sim.scenario import Policy, Scenario
from sim.schemes import Scheme, make_scheme
from sim.studies.statistics import mean_interval, paired_difference
from sim.world import World, make_world, world_seed

if TYPE_CHECKING:
    import pandas as pd

Rules = Mapping[str, Mapping[str, Any]]
"""Terms of a scheme that are changed together, by the name of the rule."""

AS_IT_IS = "as it is"
FIRST_REPLICATIONS = 10
CAP_SALES, CAP_DAYS = 5, 30
CHECK = {"similarity_check": 0.8, "false_positive_rate": 0.02}


class Outcomes(NamedTuple):
    """What came of the runs of a scheme: float64 (replications,) each.

    attack_earned_cents, honest_hit : see :func:`sim.opportunists.attack_summary`. orders : without
    phantoms. profit_cents : over the horizon.
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
    engine: Engine = "kernels",
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
    engine : {"kernels", "agents"}

    Returns
    -------
    DataFrame
        A row per rule, "as it is" first. Means over the replications and the half widths of their
        95 % intervals (columns ending in _half_width; Student t, paired for differences):
        attack_earned_cents; saved_cents, what the attack earns less than as it is; honest_hit,
        people; orders_lost, fewer orders than as it is without phantoms; profit_gain_cents, more
        profit than as it is.

    Raises
    ------
    InputError
        If nobody is an opportunist, or a rule or a number cannot be used.
    """
    _check(scenario, replications)
    seed = scenario.seed if seed is None else seed
    scheme = policy_scheme(scenario, policy)
    if rules is None:
        rules = usual_rules(scenario, scheme, _told(scenario, scheme, seed))
    schemes = {AS_IT_IS: scheme, **{name: _with(scheme, name, rules[name]) for name in rules}}
    runs: dict[str, list[tuple[float, ...]]] = {name: [] for name in schemes}
    for number in range(replications):
        world = make_world(scenario, world_seed(seed, number))
        for name, ruled in schemes.items():
            runs[name].append(_run(scenario, ruled, seed, number, world, engine))
    return _table({name: Outcomes(*np.array(done, float).T) for name, done in runs.items()})


def _check(scenario: Scenario, replications: int) -> None:
    if scenario.population.opportunists == 0:
        raise InputError(
            "population.opportunists = 0: nobody attacks, so no rule can save anything; set it "
            "above 0, such as 0.05"
        )
    if replications < 2:
        raise InputError(f"replications = {replications} gives no interval; give 2 or more")


def _told(scenario: Scenario, scheme: Scheme, seed: int) -> Offer:
    """What the scheme tells people on the first day."""
    return WordOfMouthModel(scenario, policy=scheme, seed=seed).programme.offer()


def _with(scheme: Scheme, rule: str, terms: Mapping[str, Any]) -> Scheme:
    """The scheme with changed terms; InputError naming the rule and what is wrong."""
    written = {**scheme.as_policy().parameters, **terms}
    return make_scheme(Policy(scheme=scheme.name, **written), f"rules.{rule}")


def _run(
    scenario: Scenario, scheme: Scheme, seed: int, number: int, world: World, engine: Engine
) -> tuple[float, ...]:
    """One run's entries of :class:`Outcomes`."""
    model = WordOfMouthModel(
        scenario, policy=scheme, seed=seed, replication=number, world=world, engine=engine
    ).run()
    orders = model.ledger.orders()
    attack = attack_summary(orders, model.ledger)
    return (
        attack["attack_earned_cents"],
        attack["honest_hit"],
        len(without_phantoms(orders).order_id),
        int(model.record().daily["profit_cents"].sum()),
    )


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
