"""The coefficients of the decision rules, a section a rule, with their sources.

Sources "A1" to "A35" are rows of the literature sheet's table of behavioural rules, which
docs/decisions.md lists with their grades; a number marked "A:" is an assumption that no source
gives.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from sim.quantities import ASSUMPTION, not_a_switch, quantity


class Section(BaseModel):
    """A frozen group of declared numbers; an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def _not_a_switch(cls, value: Any, info: ValidationInfo) -> Any:
        return not_a_switch(cls, info.field_name, value)


class Click(Section):
    """A friend's message is opened."""

    personal: float = quantity(
        0.60, unit="probability", low=0, high=1, kind="uncertainty",
        source="A9: 10-25 % of one-to-one shares are visited (ReferralCandy benchmarks 2025)",
        description="chance that a fully trusted one-to-one message on a perfectly matching "
        "product is opened",
    )  # fmt: skip
    group: float = quantity(
        0.15, unit="probability", low=0, high=1, kind="uncertainty",
        source="A9: 3-5 % per member of a group post (A: size)",
        description="the same chance for a post in a group, per member",
    )  # fmt: skip
    broadcast: float = quantity(
        0.05, unit="probability", low=0, high=1, kind="uncertainty",
        source="Aral and Walker 2011: passive broadcasts convert less per message; A: size",
        description="the same chance for a broadcast to all friends, per friend",
    )  # fmt: skip
    novelty: float = quantity(
        0.85, unit="factor per earlier message", low=0, high=1, kind="uncertainty", neutral=1,
        source="A13 (Leskovec, Adamic and Huberman 2007: repeats between a pair lose effect)",
        description="what is left of the effect each time the same person sends the same "
        "product again",
    )  # fmt: skip
    reputation: float = quantity(
        1.0, unit="exponent", low=0, high=3, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="how strongly a sharer's public reputation scales reach in groups and "
        "broadcasts",
    )  # fmt: skip
    stranger_trust: float = quantity(
        0.35, unit="probability", low=0, high=1, kind="uncertainty", source=ASSUMPTION,
        description="trust of a group member in a sharer she has no tie with",
    )  # fmt: skip
    motive_suspicion: float = quantity(
        0.4, unit="share", low=0, high=1, kind="uncertainty", neutral=0,
        source="A15 (Verlegh et al. 2013; sign from experiments, A: size)",
        description="loss of effect over the weakest tie when only the sender is paid",
    )  # fmt: skip
    fairness: float = quantity(
        0.2, unit="share", low=0, high=0.5, kind="uncertainty", neutral=0,
        source="A16 (Hong, Pavlou, Wang and Shi 2017: sign; A: size)",
        description="gain of effect over the weakest tie when both sides get about the same",
    )  # fmt: skip
    uncertain_gift: float = quantity(
        0.877, unit="factor", low=0.8, high=1, kind="uncertainty", neutral=1,
        source="A18 (Li et al., Management Science mnsc.2024.05685: -12.3 %)",
        description="effect of a message when the friend's discount is a lottery",
    )  # fmt: skip
    delay_median_days: float = quantity(
        0.4, unit="days", low=0, high=60, kind="uncertainty", neutral=0,
        source="A32 (Iribarren and Moro 2009)",
        description="median time between a message and the visit it causes",
    )  # fmt: skip
    delay_spread: float = quantity(
        1.6, unit="sd of log days", low=0, high=4, kind="uncertainty", neutral=0,
        source="A32 (Iribarren and Moro 2009: heavy-tailed response times)",
        description="spread of the response time",
    )  # fmt: skip


class Purchase(Section):
    """A visitor decides to buy: a logistic choice."""

    intercept: float = quantity(
        -4.0, unit="logit", low=-15, high=10, kind="uncertainty",
        source="A10: 3-5 % of referred visits buy (ReferralCandy benchmarks 2025); calibrated "
        "to A11",
        description="appeal of an offer to a visitor with average taste at a price equal to her "
        "valuation",
    )  # fmt: skip
    taste: float = quantity(
        2.0, unit="logit per unit of affinity", low=0, high=10, kind="uncertainty", neutral=0,
        source="A10 (sign), A: size", description="weight of the match between product and taste",
    )  # fmt: skip
    price: float = quantity(
        1.5, unit="logit per log(valuation/price)", low=0, high=10, kind="uncertainty", neutral=0,
        source="A10 (sign), A: size", description="weight of value for money",
    )  # fmt: skip
    trust: float = quantity(
        1.5, unit="logit per unit of trust", low=0, high=10, kind="uncertainty", neutral=0,
        source="A10 (meta-analyses of trust and purchase intention; shrunk, A: size)",
        description="weight of the trust in the friend whose link was followed",
    )  # fmt: skip
    word_of_mouth: float = quantity(
        0.3, unit="logit per log(1 + messages)", low=0, high=5, kind="uncertainty", neutral=0,
        source="A12 (Leskovec, Adamic and Huberman 2007: saturates with repetition), A: size",
        description="weight of the positive messages heard about the product",
    )  # fmt: skip
    negative_weight: float = quantity(
        1.5, unit="ratio to positive", low=0, high=5, kind="uncertainty", neutral=0,
        source="A30 (East, Hammond and Lomax 2008: 1-2 on the logit scale)",
        description="weight of a warning relative to a recommendation",
    )  # fmt: skip
    rating: float = quantity(
        0.5, unit="logit per unit of rating above one half", low=0, high=5, kind="uncertainty",
        neutral=0, source="eWOM valence elasticity .42 (Babic Rosario et al. 2016); A: size",
        description="weight of the product's public rating (share of satisfied buyers)",
    )  # fmt: skip
    owner: float = quantity(
        -1.0, unit="logit", low=-10, high=0, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="change of appeal for someone who already bought the product",
    )  # fmt: skip
    code_search: float = quantity(
        3.0, unit="per share of the price", low=0, high=20, kind="uncertainty", neutral=0,
        source="A35 (Belo and Li 2022: sign), A: size",
        description="how readily buyers look for a friend's code at the checkout, where there are "
        "codes",
    )  # fmt: skip


class Repeat(Section):
    """Buying again without being told: BG/NBD (Fader, Hardie and Lee 2005)."""

    satisfaction: float = quantity(
        0.5, unit="log rate per unit", low=0, high=3, kind="uncertainty", neutral=0,
        source=ASSUMPTION,
        description="how strongly satisfaction speeds up or slows down repeat buying",
    )  # fmt: skip
    reward_selection: float = quantity(
        0.1, unit="share per log reward", low=0, high=0.3, kind="uncertainty", neutral=0,
        source="A21 (Wolters, Schulze and Gedenk 2020: sign), A: size",
        description="how much slower customers buy again whom a larger reward brought",
    )  # fmt: skip
    selection_reference: float = quantity(
        0.05, unit="share of the price", low=0.001, high=10, kind="uncertainty",
        source="A21, A: size",
        description="reward from which its size counts for who is brought",
    )  # fmt: skip


class Experience(Section):
    """Delivery, satisfaction, refunds, and what trust and reputation learn from them."""

    sensitivity: float = quantity(
        4.0, unit="logit per unit of disconfirmation", low=0, high=20, kind="uncertainty",
        source="A29 (expectation-disconfirmation, Oliver 1980), A: size",
        description="how sharply satisfaction reacts to performance against expectation",
    )  # fmt: skip
    hype: float = quantity(
        0.05, unit="quality points", low=0, high=1, kind="uncertainty", neutral=0,
        source="A29, A: size",
        description="how much a paid recommendation raises what the buyer expects",
    )  # fmt: skip
    refund_gap: float = quantity(
        0.25, unit="quality points", low=0, high=5, kind="uncertainty", source=ASSUMPTION,
        description="shortfall against expectation from which a buyer sends the product back",
    )  # fmt: skip
    learning: float = quantity(
        1.0, unit="weight", low=0, high=10, kind="uncertainty", neutral=0,
        source="A31 (beta reputation, Josang and Ismail 2002)",
        description="weight of one experience in the trust in a friend and in a sharer's "
        "reputation",
    )  # fmt: skip
    memory: float = quantity(
        0.98, unit="factor per experience", low=0, high=1, kind="uncertainty", neutral=1,
        source="A31 (Josang and Ismail 2002), A: size",
        description="what remains of earlier evidence after a new experience",
    )  # fmt: skip
    prior_weak: float = quantity(
        1.0, unit="good experiences", low=0, high=100, kind="uncertainty", source="A31, A: size",
        description="good experiences a tie of strength 0 starts with",
    )  # fmt: skip
    prior_strong: float = quantity(
        4.0, unit="good experiences", low=0, high=100, kind="uncertainty", source="A31, A: size",
        description="good experiences a tie of strength 1 starts with",
    )  # fmt: skip
    prior_bad: float = quantity(
        1.0, unit="bad experiences", low=0, high=100, kind="uncertainty", source="A31, A: size",
        description="bad experiences every tie starts with",
    )  # fmt: skip


class Share(Section):
    """A member recommends a product: enthusiasm and reward are two drives that add up."""

    enthusiasm: float = quantity(
        0.14, unit="shares per day", low=0, high=10, kind="uncertainty", neutral=0,
        source="A3: 5-15 % of customers share (ReferralCandy benchmarks 2025)",
        description="rate at which a fully satisfied buyer of average initiative shares on the "
        "day of purchase",
    )  # fmt: skip
    fade_days: float = quantity(
        7.0, unit="days", low=0.1, high=1000, kind="uncertainty", source=ASSUMPTION,
        description="days after which enthusiasm has fallen to 37 %",
    )  # fmt: skip
    activity: float = quantity(
        1.0, unit="ratio to a purchase", low=0, high=10, kind="uncertainty", neutral=0,
        source=ASSUMPTION,
        description="enthusiasm after taking part in an activity, relative to a purchase",
    )  # fmt: skip
    referral_contagion: float = quantity(
        1.4, unit="factor", low=0.1, high=5, kind="uncertainty", neutral=1,
        source="A20 (Gershon and Jiang: referred customers refer more; size from memory)",
        description="enthusiasm of customers who joined through a friend, relative to others",
    )  # fmt: skip
    reward_presence: float = quantity(
        0.05, unit="shares per day", low=0, high=10, kind="uncertainty", neutral=0,
        source="A4 (Ryu and Feick 2007: presence matters), A: size",
        description="rate added for a member of average initiative by the mere presence of a "
        "reward",
    )  # fmt: skip
    reward_size: float = quantity(
        0.2, unit="shares per day per log(1 + reward/price)", low=0, high=10, kind="uncertainty",
        neutral=0, source="A4 (Ryu and Feick 2007: size matters little; Wolters, Schulze and "
        "Gedenk 2020: sign), A: size",
        description="rate added by the size of the reward, concave",
    )  # fmt: skip
    close_norm: float = quantity(
        1.0, unit="share", low=0, high=1, kind="uncertainty", neutral=0,
        source="A5 (Ryu and Feick 2007: over strong ties .0-.3 of the effect is left)",
        description="loss of the pull of a reward for the sender alone among the closest friends",
    )  # fmt: skip
    generosity: float = quantity(
        1.0, unit="ratio to own reward", low=0, high=5, kind="uncertainty", neutral=0,
        source="A16 (Gershon, Cryder and John 2020: sent as readily; Jung et al. 2021), A: size",
        description="pull of what friends get, among the closest friends",
    )  # fmt: skip
    uncertain_reward: float = quantity(
        1.209, unit="factor", low=1, high=1.3, kind="uncertainty", neutral=1,
        source="A18 (Li et al., Management Science mnsc.2024.05685: +20.9 %)",
        description="sharing when the sharer's reward is a lottery",
    )  # fmt: skip
    learning: float = quantity(
        1.0, unit="weight", low=0, high=100, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="how fast a sharer's own record replaces what she expected of sharing",
    )  # fmt: skip
    expected_success: float = quantity(
        0.03, unit="orders per share", low=1e-6, high=10, kind="uncertainty",
        source="A11 (Leskovec, Adamic and Huberman 2007: 1.09 % of recommendations bought, 3 in "
        "a share)",
        description="orders per share a person expects before her own record speaks",
    )  # fmt: skip
    reward_effort: float = quantity(
        0.5, unit="share", low=0, high=10, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="more friends addressed per share when a reward is offered",
    )  # fmt: skip
    tie_preference: float = quantity(
        1.0, unit="exponent", low=0, high=5, kind="uncertainty", neutral=0,
        source="A8 (Brown and Reingen 1987: strong ties are activated first)",
        description="how strongly strong ties are addressed first",
    )  # fmt: skip
    hub_exponent: float = quantity(
        0.3, unit="exponent", low=0, high=2, kind="uncertainty", neutral=0,
        source="A7 (Hinz et al. 2011: hubs participate more)",
        description="how sharing rises with the number of friends, relative to the mean",
    )  # fmt: skip
    group_share: float = quantity(
        0.20, unit="share of shares", low=0, high=1, kind="uncertainty", neutral=0,
        source=ASSUMPTION, description="shares that are posted to a group",
    )  # fmt: skip
    broadcast_share: float = quantity(
        0.05, unit="share of shares", low=0, high=1, kind="uncertainty", neutral=0,
        source=ASSUMPTION, description="shares that are broadcast to all friends",
    )  # fmt: skip
    warning: float = quantity(
        0.10, unit="probability", low=0, high=1, kind="uncertainty", neutral=0,
        source="A30 (positive to negative about 3:1, East et al. 2007)",
        description="chance that a dissatisfied buyer warns friends",
    )  # fmt: skip


class Fatigue(Section):
    """Too many messages."""

    memory_days: float = quantity(
        7.0, unit="days", low=0.1, high=1000, kind="uncertainty", source="A14, A: size",
        description="days after which a message's weight on fatigue has fallen to 37 %",
    )  # fmt: skip
    click: float = quantity(
        0.05, unit="per message felt", low=0, high=5, kind="uncertainty", neutral=0,
        source="A14 (Localytics 2017, stated), A: size",
        description="how fatigue lowers the chance of opening a message",
    )  # fmt: skip
    mute_from: float = quantity(
        3.0, unit="messages felt", low=0, high=1000, kind="uncertainty",
        source="A14 (Localytics 2017: 2-5 a week), A: size",
        description="fatigue from which people mute the friends who write",
    )  # fmt: skip
    mute: float = quantity(
        0.02, unit="hazard per message and excess message felt", low=0, high=5, kind="uncertainty",
        neutral=0, source="A14, A: size",
        description="how readily a tired receiver mutes the sender",
    )  # fmt: skip
    lapse: float = quantity(
        0.02, unit="log hazard per message felt", low=0, high=5, kind="uncertainty", neutral=0,
        source="A14 (Localytics 2017, stated), A: size",
        description="how fatigue raises the hazard of leaving",
    )  # fmt: skip


class Stay(Section):
    """What changes a member's own hazard of leaving."""

    satisfaction: float = quantity(
        0.7, unit="log hazard per unit", low=0, high=5, kind="uncertainty", neutral=0,
        source=ASSUMPTION, description="how strongly satisfaction keeps members",
    )  # fmt: skip
    earnings: float = quantity(
        0.587, unit="hazard ratio", low=0, high=2, kind="uncertainty", neutral=1,
        source="A28 (Garnefeld et al. 2013: 19 % to 7 % a year is the upper bound; half of it "
        "in logs)",
        description="hazard of members who earned money lately, relative to others",
    )  # fmt: skip
    earnings_days: float = quantity(
        30.0, unit="days", low=1, high=1000, kind="fixed", source="A28, A: size",
        description="how long money earned counts as lately",
    )  # fmt: skip
    referrer: float = quantity(
        0.82, unit="hazard ratio", low=0, high=2, kind="uncertainty", neutral=1,
        source="A26 (Schmitt, Skiera and Van den Bulte 2011; Van den Bulte et al. 2018)",
        description="hazard of a referred customer while her referrer is a member",
    )  # fmt: skip
    friends: float = quantity(
        0.5, unit="log hazard per share of friends", low=0, high=5, kind="uncertainty", neutral=0,
        source=ASSUMPTION, description="how strongly friends who are members keep a member",
    )  # fmt: skip
    win_back: float = quantity(
        0.3, unit="probability", low=0, high=1, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="chance that a lapsed customer whom a friend's message brought back joins "
        "again",
    )  # fmt: skip


class Team(Section):
    """Buying together: see :mod:`sim.teams`."""

    opening: float = quantity(
        0.5, unit="probability", low=0, high=1, kind="uncertainty", neutral=0, source=ASSUMPTION,
        description="chance that who decided to buy opens a team instead of ordering alone, at a "
        "discount of 15 % or more",
    )  # fmt: skip
    joining: float = quantity(
        0.4, unit="probability", low=0, high=1, kind="uncertainty",
        source="A34: 77 % of teams of two fill within a day (BeiBei, Zhang et al. 2021)",
        description="chance that a friend who trusts fully and likes the product perfectly joins, "
        "at a discount of 15 % or more",
    )  # fmt: skip
    alone: float = quantity(
        0.3, unit="probability", low=0, high=1, kind="uncertainty", source=ASSUMPTION,
        description="chance that somebody whose team did not fill buys alone afterwards",
    )  # fmt: skip


class Behavior(Section):
    """Coefficients of all decision rules."""

    click: Click = Click()
    purchase: Purchase = Purchase()
    repeat: Repeat = Repeat()
    experience: Experience = Experience()
    share: Share = Share()
    fatigue: Fatigue = Fatigue()
    stay: Stay = Stay()
    team: Team = Team()
