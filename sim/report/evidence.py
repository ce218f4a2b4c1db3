"""How well an uncertain number is supported, read from its declared source.

Sources name rows "A1" to "A35": what is known about a rule, how it is known, and whether that
gives the size of the effect or only its sign or form. The grades are those of the literature
review that the defaults were taken from; where a source itself says "A:", its size is assumed
whatever the row gives.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Grade = Literal["E", "O", "D", "P", "A"]

GRADES: dict[Grade, str] = {
    "E": "experiment or meta-analysis",
    "O": "observation, replicated",
    "D": "public data",
    "P": "practitioners",
    "A": "assumption",
}
"""Grades of evidence, the strongest first."""


class Row(NamedTuple):
    """What is known about a rule: how its sign or form is, and its size, None if by no source."""

    rule: str
    sign: Grade
    size: Grade | None
    rests_on: str


ROWS: dict[str, Row] = {
    "A1": Row("adoption without a friend has a hazard of its own", "O", "O",
              "Sultan, Farley and Lehmann (1990)"),
    "A3": Row("customers share after a purchase, more if satisfied or rewarded", "E", "P",
              "ReferralCandy benchmarks (2025)"),
    "A4": Row("that there is a reward matters more than how large it is", "E", None,
              "Ryu and Feick (2007); Wolters, Schulze and Gedenk (2020)"),
    "A5": Row("over strong ties a reward for the sender alone does nothing", "E", None,
              "Ryu and Feick (2007); Hong, Pavlou, Wang and Shi (2017)"),
    "A6": Row("few people do most of the sharing", "A", None, "the 90-9-1 rule of thumb"),
    "A7": Row("hubs take part more, and do not persuade more per tie", "E", None,
              "Hinz et al. (2011)"),
    "A8": Row("a message goes to a few friends, strong ties first", "O", None,
              "Brown and Reingen (1987); Iribarren and Moro (2009)"),
    "A9": Row("10 to 25 % of shares are visited", "P", "P", "ReferralCandy benchmarks (2025)"),
    "A10": Row("3 to 5 % of referred visits buy; trust, taste and price matter", "E", "P",
               "ReferralCandy benchmarks (2025); signs: meta-analyses of trust (Hajli 2015)"),
    "A11": Row("about 1 % of recommendations end in an order", "D", "D",
               "Leskovec, Adamic and Huberman (2007)"),
    "A12": Row("more recommendations help less and less", "O", None,
               "Leskovec, Adamic and Huberman (2007)"),
    "A13": Row("repeats between the same two people lose effect", "O", None,
               "Leskovec, Adamic and Huberman (2007)"),
    "A14": Row("too many messages are ignored, muted, and drive people away", "P", None,
               "Localytics survey (2017): stated, not observed"),
    "A15": Row("a paid sender is suspected, over weak ties most", "E", None,
               "Verlegh et al. (2013)"),
    "A16": Row("what the friend gets counts; equal splits work best over weak ties", "E", None,
               "Hong, Pavlou, Wang and Shi (2017); Gershon, Cryder and John (2020)"),
    "A18": Row("a lottery makes sharers share more and friends respond less", "E", "E",
               "Li et al. (Management Science, mnsc.2024.05685)"),
    "A20": Row("referred customers refer more", "E", None, "Gershon and Jiang"),
    "A21": Row("larger rewards bring more and worse customers", "E", None,
               "Wolters, Schulze and Gedenk (2020)"),
    "A22": Row("repeat buying is BG/NBD", "D", "D",
               "Fader, Hardie and Lee (2005), CDNOW"),
    "A23": Row("spend per order", "D", "D", "CDNOW"),
    "A24": Row("leaving is sBG: retention rises with tenure", "O", "O",
               "Fader and Hardie (2007)"),
    "A25": Row("visiting is lost fast at first: daily sBG", "P", "P", "Adjust medians"),
    "A26": Row("referred customers stay longer while the referrer stays", "O", "O",
               "Schmitt, Skiera and Van den Bulte (2011); Van den Bulte et al. (2018)"),
    "A28": Row("sharers who earn stay longer", "O", None,
               "Garnefeld et al. (2013): matched, not randomised; an upper bound"),
    "A29": Row("satisfaction is performance against expectation", "A", None, "Oliver (1980)"),
    "A30": Row("warnings weigh more than praise, on the logit scale", "O", None,
               "East, Hammond and Lomax (2008)"),
    "A31": Row("trust is a beta reputation with forgetting", "A", None,
               "Josang and Ismail (2002)"),
    "A32": Row("responses are slow and heavy-tailed", "O", None, "Iribarren and Moro (2009)"),
    "A33": Row("communities of strong ties, weak ties between, alike tastes", "A", None,
               "Brown and Reingen (1987); Aral, Muchnik and Sundararajan (2009)"),
    "A34": Row("77 % of teams of two fill", "D", "D", "BeiBei records, Zhang et al. (2021)"),
    "A35": Row("would-be payers take the reward route", "E", None, "Belo and Li (2022)"),
    "Aral and Walker 2011": Row("broadcasts convert less per message", "E", None,
                                "Aral and Walker (2011)"),
    "Babic Rosario et al. 2016": Row("ratings raise sales", "E", None,
                                     "Babic Rosario et al. (2016)"),
}  # fmt: skip
"""What sources refer to, by the name they use."""

_NAMES = re.compile("|".join(rf"{name}(?!\d)" for name in ROWS))


class Evidence(NamedTuple):
    """What supports a number: the grade, and whether it is that of its size or of its sign."""

    grade: Grade
    size: bool

    def __str__(self) -> str:
        """As tables show it, such as "P" or "E sign"."""
        return self.grade if self.size or self.grade == "A" else f"{self.grade} sign"


def evidence(source: str) -> Evidence | None:
    """What a declared source amounts to; None where it names no row and assumes nothing.

    The first row that it names counts.
    """
    named = _NAMES.search(source)
    assumed = "A: " in source
    if named is None:
        return Evidence("A", False) if assumed else None
    row = ROWS[named[0]]
    if row.size is None or assumed:
        return Evidence(row.sign, False)
    return Evidence(row.size, True)
