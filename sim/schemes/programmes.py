"""Programmes from the real world, ready to be tried: ``programme = "amazon_2001"`` in a policy.

A real programme is a policy and the settings of [attribution] that go with it. What was
simplified, what no source confirms, and what is an assumption (A:) stands in its note.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sim.errors import InputError, nearest
from sim.scenario import Policy

__all__ = ["PROGRAMMES", "RealProgramme", "programme_policy"]


class RealProgramme(NamedTuple):
    """A programme that exists or existed.

    name : as a policy names it. title : a line for lists. policy : its scheme and terms.
    attribution : settings of [attribution] that go with it; the others keep their defaults.
    source : where its terms are from. note : what was simplified, is from memory or assumed.
    """

    name: str
    title: str
    policy: Policy
    attribution: dict[str, Any]
    source: str
    note: str


def _policy(scheme: str, **parameters: Any) -> Policy:
    return Policy(scheme=scheme, **parameters)


_ALL = (
    RealProgramme(
        name="amazon_2001",
        title="Recommend what you bought: 10 % off for the friend, 10 % credit for you",
        policy=_policy("two_sided", give=0.0, give_rate=0.10, get=0.0, get_rate=0.10),
        attribution={"model": "last_click", "window_days": 7.0, "existing_customers": True},
        source="Leskovec, Adamic and Huberman 2007: the recommendation incentive of 2001-2003",
        note="Simplified: every friend who buys through a recommendation counts. There it was "
        "only the first to buy of those who got it; at 1 sale in 92 recommendations the "
        "difference is small. Credit for the next purchase is paid as money. From memory: the "
        "offer was open for about a week.",
    ),
    RealProgramme(
        name="storage_give_get",
        title="Storage for both when a friend joins, up to 16 GB (Dropbox)",
        policy=_policy(
            "two_sided", give=1.00, get=1.00, cap_per_person=32.00, first_order_only=True
        ),
        attribution={},
        source="trade press on Dropbox: 250 or 500 MB for each, 16 GB at most",
        note="A: 500 MB is worth 1.00 to who gets it (from memory: a year of 50 GB was sold for "
        "99), so 16 GB are worth 32.00; write give, get and cap_per_person for another value. "
        "Simplified: the reward is for a friend's first order, there for installing the program, "
        "and it is paid as money, there in kind, at a cost below its worth.",
    ),
    RealProgramme(
        name="bank_cash_reward",
        title="25 in cash for every new customer a customer brings",
        policy=_policy("fixed_bounty", amount=25.00, first_order_only=True),
        attribution={},
        source="Schmitt, Skiera and Van den Bulte 2011: a German bank",
        note="Simplified: an account is an order, paid for once; set the price of the product to "
        "what a customer brings, as 25.00 is more than most goods earn. The window and the "
        "holding period are not known and keep their defaults.",
    ),
    RealProgramme(
        name="two_level_distribution",
        title="10 % to who sells, 5 % to who brought the seller",
        policy=_policy("multi_level", rates=[0.10, 0.05]),
        attribution={},
        source="practice in China: at most two paid levels (literature sheet, section 5)",
        note='A: the rates. jurisdiction = "CN" in the scenario refuses a third level. '
        "Simplified: the seller is who referred the buyer, by link; there a buyer may stay bound "
        "to a seller for good. No legal advice.",
    ),
    RealProgramme(
        name="team_of_two",
        title="Two friends buy together within a day, both 15 % cheaper (Pinduoduo)",
        policy=_policy("team_purchase", size=2, deadline_days=1.0, discount=0.15),
        attribution={},
        source="trade press on Pinduoduo: up to 20 % cheaper; Zhang et al. 2021: 99.4 % of the "
        "teams that filled were two",
        note="A: a discount of 15 %. From memory: teams of two and a limit of 24 hours are usual. "
        "Simplified: teams form among friends only, not with strangers who browse open teams.",
    ),
    RealProgramme(
        name="affiliate_standard",
        title="20 % of a new customer's first order, last click within 30 days",
        policy=_policy(
            "percentage", rate=0.20, first_order_only=True, customers_only=False,
            hold_days=30, payout_every_days=30, minimum_payout=50.00,
        ),
        attribution={"model": "last_click", "window_days": 30.0},
        source="OpenAffiliate registry, 750 programmes: medians and the most frequent terms",
        note="Many entries of the registry are defaults of its importers: a preset, no evidence. "
        "A: commissions are held for 30 days. Simplified: partners are people of the network; "
        "websites and advertising partners are not modelled.",
    ),
    RealProgramme(
        name="red_balloon",
        title="Half as much for every step up the chain, without an end",
        policy=_policy("multi_level", rate=0.05, ratio=0.5, levels=20),
        attribution={},
        source="Pickard et al. 2011: the winning team of the DARPA Network Challenge",
        note="It pays less than 10 % of the price at any depth. Simplified: 20 levels for no end, "
        "and an order for a balloon; the half that went to the finder is the sponsor's, since "
        "buyers earn nothing by their own orders. Geometric pay is not proof against false names "
        "(Emek et al. 2011): see `vouch audit`.",
    ),
)  # fmt: skip

PROGRAMMES: dict[str, RealProgramme] = {programme.name: programme for programme in _ALL}
"""Programmes from the real world by name."""


def programme_policy(policy: Policy, where: str) -> Policy:
    """A policy that names a programme, with the programme's scheme and terms written out.

    What the policy says besides replaces the programme's own terms.

    Raises
    ------
    InputError
        For an unknown programme, or a scheme beside it.
    """
    changes = dict(policy.parameters)
    name = changes.pop("programme")
    # A saved scenario has every default written out, so "none" says that no scheme was named.
    if policy.scheme != Policy.model_fields["scheme"].default:
        raise InputError(
            f"{where} has scheme = {policy.scheme!r} beside programme = {name!r}, which brings "
            "its own scheme; leave out one of the two"
        )
    if not isinstance(name, str) or name not in PROGRAMMES:
        known = nearest(str(name), PROGRAMMES)
        raise InputError(f"{where}.programme = {name!r} is not known{known}")
    terms = PROGRAMMES[name].policy
    return Policy(scheme=terms.scheme, **{**terms.parameters, **changes})
