"""Trust, payouts, metrics and the invariants of the books on known inputs (B15 to B18)."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np

from sim.audit import check_invariants
from sim.audit.attacks import chain
from sim.audit.trial import Sale, Shop, Trial
from sim.incentives import MultiLevel, Scheme, make_scheme
from sim.measures import gini
from sim.model import WordOfMouthModel
from sim.randomness import Decision, uniform_table
from sim.reductions import silent_scenario
from sim.scenario import Policy, Scenario
from sim.studies.cascade import structural_virality
from sim.theory_buying import geometric_payout
from sim.validation.event_sequences import INVARIANTS, LONGEST_HOLD, made_up, violations
from sim.validation.target import Finding, Plant, Reading, Target, none_may, z_reading
from sim.validation.worlds_small import POLICIES, busy_scenario


def exactly(what: str, measured: float, expected: float, tolerance: float = 1e-9) -> Reading:
    """A number that must be the expected one, up to rounding of floats."""
    return Reading(what, measured, expected - tolerance, expected + tolerance, expected)


# Trust ---------------------------------------------------------------------------------------

NO_PRIOR = {"prior_weak": 0.0, "prior_strong": 0.0, "prior_bad": 0.0, "learning": 1.0}
SINGLE_PRECISION = 1e-4


def two_friends(memory: float) -> WordOfMouthModel:
    """Two friends without experience of each other."""
    scenario = silent_scenario(
        network={"kind": "complete"},
        population={"size": 2},
        behavior={"experience": {**NO_PRIOR, "memory": memory}},
    )
    return WordOfMouthModel(scenario, engine="agents")


def beta_trust(quick: bool) -> Finding:
    """Trust after given experiences, what fading leaves, and the evidence of a whole run."""
    nine_in_ten = [True] * 9 + [False]
    model = two_friends(memory=1.0)
    for good in nine_in_ten:
        model.consumer(1).learn_about_tie(0, good)
    trust = model.engine.tie_trust(0)
    readings = [exactly("trust after 9 good and 1 bad", trust, 10 / 12, SINGLE_PRECISION)]
    for memory in (0.5, 0.9, 0.98):
        model = two_friends(memory)
        for good in nine_in_ten * 100:
            model.consumer(1).learn_about_tie(0, good)
        evidence = float(model.state.good_ties[0] + model.state.bad_ties[0])
        limit = 1 / (1 - memory)
        what = f"experiences that count in the end at memory {memory:g}"
        readings.append(exactly(what, evidence, limit, SINGLE_PRECISION * limit))
    run = WordOfMouthModel(
        busy_scenario(behavior={"experience": {**NO_PRIOR, "memory": 1.0}}), policy="share"
    ).run()
    sponsor = run.ledger.orders().sponsor
    brought = np.bincount(sponsor[sponsor >= 0], minlength=run.state.shares.size)
    record = run.state.good_record + run.state.bad_record
    wrong = int(np.count_nonzero(record != brought))
    what = f"sharers whose record is not the {brought.sum()} orders they brought in a run"
    readings.append(none_may(what, wrong))
    return Finding(tuple(readings))


# Payouts of several levels -------------------------------------------------------------------

RATE, RATIO = 0.1, 0.5
PRICE_CENTS = 8000


def one_sale(levels: int, prices_cents: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What an order of each price pays along a chain longer than the paid levels, int64.

    Returns what each person of the chain was paid, the last brought the buyer, and by order.
    """
    count = len(prices_cents)
    shop = Shop.of(Scenario())._replace(
        products=tuple(f"product {p}" for p in range(count)),
        categories=("general",) * count,
        prices_cents=prices_cents,
        unit_costs_cents=(0,) * count,
        refund_days=(0,) * count,
    )
    scheme = MultiLevel(rate=RATE, ratio=RATIO, levels=levels, hold_days=1)
    people = chain(levels + 2)
    buyers = range(len(people), len(people) + count)
    sales = [Sale(buyer, people[-1] + 1, product=p) for p, buyer in enumerate(buyers)]
    books = Trial(scheme, shop).settle((*people, *[people[-1] + 1] * count), sales, days=1)
    return books.ledger.paid_cents[: len(people)], books.per_order_cents


def geometric_levels(quick: bool) -> Finding:
    """Payouts by level to the cent, at odd prices within their bound, and in a simulated run."""
    readings, misdirected = [], 0
    for levels in range(1, 6):
        paid, _ = one_sale(levels, (PRICE_CENTS,))
        expected = round(float(geometric_payout(levels, rate=RATE, ratio=RATIO)) * PRICE_CENTS)
        what = f"cents paid on an order of {PRICE_CENTS} at {levels} levels"
        readings.append(exactly(what, int(paid.sum()), expected, tolerance=0))
        by_level = RATE * PRICE_CENTS * RATIO ** np.arange(levels)
        misdirected += int(np.count_nonzero(paid[::-1][:levels] != by_level))
        misdirected += int(np.count_nonzero(paid[::-1][levels:]))
    readings.append(none_may("people paid something else than their level earns", misdirected))
    prices = tuple(range(1, 200 if quick else 2000))
    _, paid = one_sale(6, prices)
    exact = geometric_payout(6, rate=RATE, ratio=RATIO) * np.array(prices)
    outside = (paid > np.floor(exact + 0.5)) | (paid < exact - 6)
    what = f"prices from 1 to {prices[-1]} cents that pay above the bound, or 6 cents below"
    readings.append(none_may(what, int(np.count_nonzero(outside))))
    readings.append(_paid_in_a_run())
    return Finding(tuple(readings))


def _paid_in_a_run() -> Reading:
    """Commission lines of a run with another recipient or amount than sponsor and level say."""
    run = WordOfMouthModel(busy_scenario(days=40), policy="levels").run()
    orders, lines = run.ledger.orders(), run.ledger.lines_frame()
    terms = POLICIES["levels"]
    wrong = 0
    for order, who, level, cents in lines[["order_id", "recipient", "level", "cents"]].to_numpy():
        expected = int(orders.sponsor[order])
        for _ in range(level - 1):
            expected = int(run.state.sponsor[expected])
        share = Fraction(str(terms["rate"])) / 2 ** (level - 1) * int(orders.net_cents[order])
        rounded = share + Fraction(1, 2) if level == 1 else share
        wrong += who != expected or cents != int(rounded)
    deepest = int(lines["level"].max())
    what = f"wrong among {len(lines)} commissions of a run, up to level {deepest}"
    return none_may(what, wrong)


# Metrics -------------------------------------------------------------------------------------


def metrics(quick: bool) -> Finding:
    """Structural virality and Gini on inputs with a known answer."""
    n = 10
    star, path = np.array([-1] + [0] * (n - 1)), np.arange(-1, n - 1)
    everything = np.eye(1, n).ravel()
    size = 20_000 if quick else 1_000_000
    uniform = uniform_table(np.uint64(17), int(Decision.RESAMPLE), 0, size)[0]
    readings = (
        exactly("structural virality of a star of 10", float(structural_virality(star)[0]), 1.8),
        exactly("structural virality of a path of 10", float(structural_virality(path)[0]), 11 / 3),
        exactly("Gini of equal earnings", gini(np.full(n, 7)), 0.0),
        exactly("Gini if one of 10 earns all", gini(everything), (n - 1) / n),
        # With n - 1 for n in its denominator it is a mean of n - 1 uniforms: Gail and Gastwirth
        # (1978).
        z_reading(
            f"Gini of {size:,} exponential earnings", gini(-np.log(uniform)), 0.5,
            1 / np.sqrt(12 * size), 5,
        ),
    )  # fmt: skip
    return Finding(readings)


# Invariants ----------------------------------------------------------------------------------

HISTORIES = 2_800
"""Per scheme and holding period: 18 schemes and two periods make 100,800."""

QUICK_AUDITS = ("share", "tiers", "levels", "points")


def built_in_schemes() -> dict[str, Scheme]:
    """A scheme of every kind that pays, with terms that bite."""
    return {
        name: make_scheme(Policy(**terms), f"policies.{name}")
        for name, terms in POLICIES.items()
        if terms
    }


def _scaled(scheme: Scheme, histories: int, hold: int) -> Scheme:
    """The scheme with a holding period, and a budget that some of the histories use up."""
    terms: dict[str, float | int] = {"hold_days": hold}
    if scheme.budget is not None:
        terms["budget"] = scheme.budget * max(histories // 20, 1)
    return scheme.model_copy(update=terms)


def invariants(quick: bool) -> Finding:
    """Random histories under every scheme, then the histories of the audit."""
    count = 50 if quick else HISTORIES
    schemes = built_in_schemes()
    found: Counter[str] = Counter()
    sequences = 0
    for number, scheme in enumerate(schemes.values()):
        holds = (0, LONGEST_HOLD)
        for hold in holds[number % 2 :][:1] if quick else holds:
            histories = made_up(count, seed=100 * number + hold)
            found += violations(_scaled(scheme, count, hold), histories)
            sequences += count
    readings = [
        none_may(f"{name}, {sequences:,} event sequences: {what}", found[name])
        for name, what in INVARIANTS.items()
    ]
    broken = undeclared = 0
    audited = QUICK_AUDITS if quick else tuple(schemes)
    for name in audited:
        scheme = schemes[name]
        for finding in check_invariants(scheme, busy_scenario()):
            is_broken = finding.status == "broken"
            broken += is_broken and finding.is_hard
            undeclared += is_broken and finding.invariant not in scheme.known_breaks
    where = f"the audit's histories of {len(audited)} schemes"
    readings += [
        none_may(f"hard invariants broken in {where}", broken),
        none_may(f"I9, I10, I12, I14 broken in {where} and not declared", undeclared),
    ]
    return Finding(tuple(readings))


TARGETS: tuple[Target, ...] = (
    Target(
        name="B15",
        kind="L",
        claim="Trust is a beta reputation: the mean of what was experienced, older experiences "
        "fading.",
        source="Josang and Ismail (2002)",
        how="A friend learns of nine good and one bad experience; then hundreds follow at three "
        "speeds of forgetting, and what counts must come to 1 / (1 - memory). In a whole run every "
        "order through a link leaves one experience.",
        measure=beta_trust,
        plant=Plant(
            says="evidence against a friend is never forgotten",
            module="sim.agents",
            old="float(state.bad_ties[tie]), c.memory, 0.0 if good else c.learning",
            new="float(state.bad_ties[tie]), 1.0, 0.0 if good else c.learning",
        ),
        fast=True,
    ),
    Target(
        name="B16",
        kind="L",
        claim="Geometric commissions of L levels come to a (1 - r^L) / (1 - r) of the price, to "
        "the cent.",
        source="Pickard et al. (2011)",
        how="One order at the end of a chain of referrers, settled by the programme and paid by "
        "the ledger, at 1 to 5 levels; orders of every price up to 20.00; and every commission of "
        "a simulated run worked out again from the referral forest.",
        measure=geometric_levels,
        plant=Plant(
            says="a swapped referrer: level 2 goes to who referred the buyer, not the sharer",
            module="sim.market",
            old="above = np.where(current >= 0, self._people.sponsor_of[current], -1)",
            new="above = np.where(current >= 0, self._people.sponsor_of[orders.buyer], -1)",
        ),
        fast=True,
    ),
    Target(
        name="B17",
        kind="L",
        claim="Metrics give the known answer on known inputs.",
        source="Goel, Anderson, Hofman and Watts (2016); Gail and Gastwirth (1978)",
        how="Structural virality of a star and of a path of ten people; Gini coefficients of equal "
        "earnings, of one who earns all, and of a million exponential ones.",
        measure=metrics,
        plant=Plant(
            says="an off-by-one in the ranks of a Gini coefficient",
            module="sim.measures",
            old="(2 * np.arange(1, n + 1) - n - 1)",
            new="(2 * np.arange(n) - n - 1)",
        ),
        fast=True,
    ),
    Target(
        name="B18",
        kind="P",
        claim="No commission scheme breaks an invariant of the books, whatever happens in which "
        "order.",
        source="invariants I1 to I14 of a commission engine; Emek et al. (2011) for I9 and I10",
        how="100,800 random event sequences, 5,600 under each of 18 schemes with terms that bite: "
        "up to eight orders on twelve days by five people who refer each other, through any link, "
        "two in five sent back, settled again with the rows of each day turned round. I9, I10, "
        "I12 and I14, which a scheme may give up if it says so, on the histories of the audit.",
        measure=invariants,
        plant=Plant(
            says="a refund leaves commission that was paid out",
            module="sim.commission_lines",
            old="return (*_UNPAID, LineState.PAID) if clawback else _UNPAID",
            new="return _UNPAID",
        ),
        fast=True,
    ),
)
