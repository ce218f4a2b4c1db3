"""The catalogue of incentive schemes, one small class each.

:mod:`sim.schemes.scheme` says what a scheme is; the others are read in any order.
"""

from sim.schemes.chance import Lottery
from sim.schemes.composed import ByCondition, Combined
from sim.schemes.direct import (
    FixedBounty,
    NewAndReturning,
    NoIncentive,
    Percentage,
    RecipientOnly,
    TwoSided,
)
from sim.schemes.making import check_jurisdiction, make_scheme, written_out
from sim.schemes.multi_level import MultiLevel
from sim.schemes.points import Points
from sim.schemes.programmes import PROGRAMMES, RealProgramme
from sim.schemes.scheme import SCHEMES, Scheme
from sim.schemes.team import TeamPurchase
from sim.schemes.tiered import Tiered
from sim.schemes.timed import Decaying, EarlyBird, Recurring
from sim.schemes.volume import Leaderboard, ThresholdBonus

SCHEMES.update(
    {
        "none": NoIncentive,
        "fixed_bounty": FixedBounty,
        "percentage": Percentage,
        "two_sided": TwoSided,
        "recipient_only": RecipientOnly,
        "new_and_returning": NewAndReturning,
        "tiered": Tiered,
        "threshold_bonus": ThresholdBonus,
        "leaderboard": Leaderboard,
        "multi_level": MultiLevel,
        "decaying": Decaying,
        "early_bird": EarlyBird,
        "recurring": Recurring,
        "lottery": Lottery,
        "points": Points,
        "team_purchase": TeamPurchase,
        "combined": Combined,
        "by_condition": ByCondition,
    }
)

__all__ = [
    "PROGRAMMES", "SCHEMES", "ByCondition", "Combined", "Decaying", "EarlyBird", "FixedBounty",
    "Leaderboard", "Lottery", "MultiLevel", "NewAndReturning", "NoIncentive", "Percentage",
    "Points", "RealProgramme", "RecipientOnly", "Recurring", "Scheme", "TeamPurchase",
    "ThresholdBonus", "Tiered", "TwoSided", "check_jurisdiction", "make_scheme", "written_out",
]  # fmt: skip
