"""Audits of schemes: everything that was found, in one place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.audit.attacks import (
    FalseNames,
    Phantom,
    Ring,
    false_names,
    most_per_attacker,
    phantom,
    rings,
)
from sim.audit.costs import ProductCosts, product_costs, thousand_cents
from sim.audit.invariants import INVARIANTS, Finding, find
from sim.audit.money import unlinked_share
from sim.audit.trial import PERIOD_DAYS, Shop, Trial
from sim.errors import InputError, nearest
from sim.incentives import JURISDICTIONS, Programme, Scheme, make_scheme
from sim.quantities import cents
from sim.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Audit:
    """What an audit found. Amounts in cents; see :meth:`to_dict` for all of it as plain values.

    Attributes
    ----------
    policy, scheme, source : str
        Name in the scenario, name of the scheme, where it comes from.
    currency, jurisdiction : str
    products : tuple of ProductCosts
    budget_cents : int or None
        Most that the programme spends; None without a limit.
    thousand_cents : int
        Most that a thousand referred orders cost.
    paid_levels : int
    allowed_levels : dict
        Profile name -> whether it allows that many levels.
    attacked_product : str
        The one the attacks are played with, on which an order pays most.
    false_names : tuple of FalseNames
        One for each number of identities from 1.
    identity_cost_cents : int
        What an identity costs an attacker.
    similarity_check : float
        Chance that an order under an invented identity is recognised; the gains are before it.
    rings : tuple of Ring
    phantom : Phantom or None
        None where nothing can be sent back.
    attacker_cents : int or None
        Most that one attacker with five identities takes in a period; None without a limit.
    unlinked_share : float
        Pay that no standing sale stands behind, as a share; 0 as it should be.
    findings : tuple of Finding
        I1 to I14.
    warnings : tuple of str
    """

    policy: str
    scheme: str
    source: str
    currency: str
    jurisdiction: str
    products: tuple[ProductCosts, ...]
    budget_cents: int | None
    thousand_cents: int
    paid_levels: int
    allowed_levels: Mapping[str, bool]
    attacked_product: str
    false_names: tuple[FalseNames, ...]
    identity_cost_cents: int
    similarity_check: float
    rings: tuple[Ring, ...]
    phantom: Phantom | None
    attacker_cents: int | None
    unlinked_share: float
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether no hard invariant is broken (I1 to I8, I11, I13)."""
        return not any(one.status == "broken" and one.is_hard for one in self.findings)

    @property
    def costliest(self) -> ProductCosts:
        """The product on which a referred order is nearest to a loss, or loses most."""
        return max(self.products, key=lambda one: one.break_even_margin - one.margin_share)

    @property
    def dearest(self) -> ProductCosts:
        """The product of which an order pays most."""
        return max(self.products, key=lambda one: one.spent_cents)

    @property
    def best_fake_cents(self) -> int:
        """Most that a buyer gains on one order of her own, after what the identities cost."""
        cost = self.identity_cost_cents
        return max(
            max(one.self_cents - one.identities * cost for one in self.false_names),
            max((one.star_cents // one.identities) - cost for one in self.false_names),
            0,
        )

    @property
    def chain_proof(self) -> bool:
        """Whether false names between a friend and oneself never pay, even if they are free."""
        return all(one.chain_cents <= 0 for one in self.false_names)

    def verdict(self) -> str:
        """The audit in one sentence."""
        if self.dearest.spent_cents == 0:
            return "pays nothing: there is nothing to lose and nothing to game"
        near = self.costliest
        unit = self.currency
        whose = "yours" if len(self.products) == 1 else near.product
        parts = [
            f"pays at most {self.dearest.spent_cents / 100:.2f} {unit} an order",
            f"breaks even at {_percent(near.break_even_margin)} margin "
            f"({whose}: {_percent(near.margin_share)})",
            f"a faker earns {self.best_fake_cents / 100:.2f} per order"
            if self.best_fake_cents
            else "a faker earns nothing",
        ]
        broken = [one.invariant for one in self.findings if one.status == "broken"]
        parts += [f"breaks {', '.join(broken)}"] if broken else []
        return ", ".join(parts)

    def table(self) -> pd.DataFrame:
        """A row per invariant: invariant, title, status, hard, detail, example (text)."""
        import pandas as pd

        rows = [
            (one.invariant, one.title, one.status, one.is_hard, one.detail, "\n".join(one.example))
            for one in self.findings
        ]
        columns = ["invariant", "title", "status", "hard", "detail", "example"]
        return pd.DataFrame(rows, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Everything found as plain values that JSON can hold; amounts in cents, None no limit."""
        cost = self.identity_cost_cents
        return {
            "policy": self.policy,
            "scheme": self.scheme,
            "source": self.source,
            "currency": self.currency,
            "verdict": self.verdict(),
            "passed": self.passed,
            "products": [
                {**one._asdict(), "spent_cents": one.spent_cents, "loses": one.loses}
                | {"break_even_incremental": _finite(one.break_even_incremental)}
                for one in self.products
            ],
            "budget_cents": self.budget_cents,
            "thousand_orders_cents": self.thousand_cents,
            "levels": {"paid": self.paid_levels, "allowed": dict(self.allowed_levels)},
            "jurisdiction": self.jurisdiction,
            "attacks": {
                "product": self.attacked_product,
                "period_days": PERIOD_DAYS,
                "identity_cost_cents": cost,
                "similarity_check": self.similarity_check,
                "false_names": [
                    {
                        **one._asdict(),
                        "self_after_cost_cents": one.self_cents - one.identities * cost,
                        "chain_after_cost_cents": one.chain_cents - one.identities * cost,
                    }
                    for one in self.false_names
                ],
                "false_name_proof_in_the_chain": self.chain_proof,
                "rings": [one._asdict() for one in self.rings],
                "phantom": None if self.phantom is None else self.phantom._asdict(),
                "most_per_attacker_cents": self.attacker_cents,
                "most_in_all_cents": self.budget_cents,
            },
            "unlinked_share": self.unlinked_share,
            "invariants": [
                {**one._asdict(), "example": list(one.example), "hard": one.is_hard}
                for one in self.findings
            ],
            "warnings": list(self.warnings),
        }


def check_invariants(
    scheme: Scheme, scenario: Scenario | None = None, *, jurisdiction: str | None = None
) -> list[Finding]:
    """The invariants I1 to I14 of a commission engine, each tried on made-up histories.

    Parameters
    ----------
    scheme : Scheme
    scenario : Scenario, optional
        Its products and attribution; the default scenario when left out.
    jurisdiction : str, optional
        A key of :data:`sim.incentives.JURISDICTIONS`; the scenario's when left out.

    Raises
    ------
    InputError
        If a method of the scheme returns something it should not, or the profile is unknown.
    """
    scenario = Scenario() if scenario is None else scenario
    shop = Shop.of(scenario)
    if jurisdiction is not None:
        _check_profile(jurisdiction)
        shop = shop._replace(jurisdiction=jurisdiction)
    trial = Trial(scheme, shop)
    return [find(name, trial) for name in INVARIANTS]


def audit_scheme(
    scheme: Scheme,
    scenario: Scenario | None = None,
    *,
    policy: str | None = None,
    identity_cost: float = 0.0,
) -> Audit:
    """What a scheme can cost in the shop of a scenario, and how it can be gamed.

    Parameters
    ----------
    scheme : Scheme
        Built-in, composed, or of a user's own class.
    scenario : Scenario, optional
        Its products, attribution, jurisdiction and currency; the default one when left out.
    policy : str, optional
        What to call it; the name of the scheme when left out.
    identity_cost : float
        What an invented identity costs an attacker, in currency units.

    Raises
    ------
    InputError
        If a method of the scheme returns something it should not, or the cost is not allowed.
    """
    scenario = Scenario() if scenario is None else scenario
    if not (math.isfinite(identity_cost) and 0 <= identity_cost <= 1e7):
        raise InputError(
            f"identity_cost = {identity_cost} is not allowed; write currency units from 0 to 1e7"
        )
    name = policy or scheme.name
    trial = Trial(scheme, Shop.of(scenario), f"policies.{name}")
    products = product_costs(trial)
    market, ledger = trial.market()
    return Audit(
        policy=name,
        scheme=scheme.name,
        source=scheme.source,
        currency=scenario.currency,
        jurisdiction=scenario.jurisdiction,
        products=products,
        budget_cents=_budget_cents(scheme),
        thousand_cents=thousand_cents(trial, products),
        paid_levels=scheme.paid_levels,
        allowed_levels={
            name: most is None or scheme.paid_levels <= most for name, most in JURISDICTIONS.items()
        },
        attacked_product=products[trial.product].product,
        false_names=false_names(trial),
        identity_cost_cents=cents(identity_cost, "identity_cost"),
        similarity_check=scheme.similarity_check,
        rings=rings(trial),
        phantom=phantom(trial),
        attacker_cents=most_per_attacker(trial),
        unlinked_share=unlinked_share(trial),
        findings=tuple(find(name, trial) for name in INVARIANTS),
        warnings=tuple(Programme(scheme, market, ledger, trial.where).warnings()),
    )


def audit(
    scenario: Scenario, policies: Sequence[str] | None = None, *, identity_cost: float = 0.0
) -> dict[str, Audit]:
    """Audits of the policies of a scenario, by name.

    policies : names; all of them when left out. identity_cost : as in :func:`audit_scheme`.

    Raises
    ------
    InputError
        If a name or a parameter is wrong.
    """
    names = tuple(scenario.policies) if policies is None else policies
    for name in names:
        if name not in scenario.policies:
            raise InputError(f"there is no policy '{name}'{nearest(name, scenario.policies)}")
    return {
        name: audit_scheme(
            make_scheme(scenario.policies[name], f"policies.{name}"),
            scenario,
            policy=name,
            identity_cost=identity_cost,
        )
        for name in names
    }


def _budget_cents(scheme: Scheme) -> int | None:
    return None if scheme.budget is None else cents(scheme.budget, "budget")


def _check_profile(profile: str) -> None:
    if profile not in JURISDICTIONS:
        raise InputError(
            f"jurisdiction = {profile!r} is not known{nearest(profile, JURISDICTIONS)}"
        )


def _finite(value: float) -> float | None:
    """None for what has no number in JSON."""
    return value if math.isfinite(value) else None


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else "no"
