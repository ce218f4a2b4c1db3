"""An audit of an incentive scheme without simulating: what it can cost, and how it can be gamed.

Closed forms where they exist (payout bound, break-even), else small made-up histories settled by
the real programme and the real books, so that caps, budgets, holds and any scheme of a user's own
are taken as they work.
"""

from sim.audit.attacks import FalseNames, Phantom, Ring
from sim.audit.audits import Audit, audit, audit_scheme, check_invariants
from sim.audit.costs import ProductCosts
from sim.audit.invariants import Finding

__all__ = [
    "Audit", "FalseNames", "Finding", "Phantom", "ProductCosts", "Ring", "audit", "audit_scheme",
    "check_invariants",
]  # fmt: skip
