"""What a referred order costs at most, and what it takes to pay for that: closed forms."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sim.audit.money import seen_averages, stated_bounds
from sim.audit.trial import DRAWS, Sale, Trial
from sim.incentives import Scheme
from sim.quantities import cents


class ProductCosts(NamedTuple):
    """What a referred order of one product costs at most, and what it takes to pay for that.

    product : name. price_cents, margin_cents : list price, and price less unit cost.
    commission_cents, discount_cents : most that one order pays and gives. break_even_margin :
    smallest margin, as a share of the price, at which the order loses nothing. margin_share : the
    margin it has. break_even_incremental : share of paid orders that must come on top of those
    that come anyway, for the programme to pay; above 1 it never does.
    """

    product: str
    price_cents: int
    margin_cents: int
    commission_cents: int
    discount_cents: int
    break_even_margin: float
    margin_share: float
    break_even_incremental: float

    @property
    def spent_cents(self) -> int:
        """Commissions and discount together."""
        return self.commission_cents + self.discount_cents

    @property
    def loses(self) -> bool:
        """Whether a referred order can cost more than its margin."""
        return self.spent_cents > 0 and self.spent_cents > self.margin_cents


def product_costs(trial: Trial) -> tuple[ProductCosts, ...]:
    """Closed forms for every product: what an order pays at most, and what that takes."""
    shop, scheme = trial.shop, trial.scheme
    prices = np.array(shop.prices_cents, np.int64)
    margins = prices - np.array(shop.unit_costs_cents, np.int64)
    discounts = np.array([_most_discount(trial, p) for p in range(len(prices))])
    bounds = stated_bounds(trial)
    if trial.scheme.budget is None and not trial.is_uncertain:
        bounds = np.maximum(bounds, seen_averages(trial))
    limit = _limit_cents(scheme)
    counts = prices - discounts >= cents(scheme.minimum_order, "minimum_order")
    bounds = np.where(counts, bounds if limit is None else np.minimum(bounds, limit), 0)
    spent = bounds + discounts
    return tuple(
        ProductCosts(
            product=shop.products[p],
            price_cents=int(prices[p]),
            margin_cents=int(margins[p]),
            commission_cents=int(bounds[p]),
            discount_cents=int(discounts[p]),
            break_even_margin=_ratio(spent[p], prices[p]),
            margin_share=_ratio(margins[p], prices[p]),
            break_even_incremental=_ratio(spent[p], max(margins[p], 0)),
        )
        for p in range(len(prices))
    )


def _limit_cents(scheme: Scheme) -> int | None:
    """What budget and cap leave of the commissions on one order; None without either."""
    limits = [] if scheme.budget is None else [cents(scheme.budget, "budget")]
    if scheme.cap_per_person is not None:
        limits.append(scheme.paid_levels * cents(scheme.cap_per_person, "cap_per_person"))
    return min(limits, default=None)


def thousand_cents(trial: Trial, products: tuple[ProductCosts, ...]) -> int:
    """Most that a thousand referred orders cost: by the bounds, within the budget.

    What is paid by the period, such as a prize for the first place, is not paid for every order:
    then it is what the books show for a thousand orders through one, ten or a thousand people.
    """
    budget = trial.scheme.budget
    limits = [1000 * max(one.spent_cents for one in products)]
    limits += [] if budget is None else [cents(budget, "budget")]
    if trial.wait_days:
        limits.append(max(_paid_through(trial, people) for people in (1, 10, 1000)))
    return min(limits)


def _paid_through(trial: Trial, sharers: int) -> int:
    """What a thousand orders through so many people cost."""
    people = (*[-1] * sharers, *[0] * 1000)
    sales = [Sale(sharers + i, i % sharers) for i in range(1000)]
    return trial.settle(people, sales).spent_cents[-1]


def _most_discount(trial: Trial, product: int) -> int:
    """Largest discount on referred orders of a product, of as many as a lottery is tried on."""
    orders = DRAWS if trial.is_uncertain else 1
    unlimited = trial.but(budget=None)
    given = [
        unlimited.settle(
            (-1, *[0] * orders),
            [Sale(1 + i, 0, product=product, new=new) for i in range(orders)],
            evenly=True,
        ).orders.discount_cents.max()
        for new in (True, False)
    ]
    return int(max(given))


def _ratio(part: int, whole: int) -> float:
    """``part / whole``; 0 for nothing of anything, infinite for something of nothing."""
    if part == 0:
        return 0.0
    return float(part / whole) if whole > 0 else math.inf
