"""The decisions of consumers: pure scalar functions, each with its formula, units and source.

Both readers use them: :mod:`sim.kernels` compiles them into loops over arrays, :mod:`sim.agents`
calls their plain form from the methods of a Mesa agent. They take plain numbers, return a number
and use ``math`` only, so that both give the same bits. ``c`` is the section of coefficients with
the rule's name (:mod:`sim.behavior`).

Any rule in :class:`Rules` can be replaced by a function of the same signature:
``sim.rules.replace(click=my_click)``.
"""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

from sim._jit import plain, rule
from sim.behavior import (
    Behavior,
    Click,
    Experience,
    Fatigue,
    Purchase,
    Repeat,
    Section,
    Share,
    Stay,
)
from sim.errors import InputError, nearest


def _numbers_of(section: type[Section]) -> Any:
    """A named tuple with the fields of a section of coefficients, in a form kernels can read."""
    return namedtuple(f"{section.__name__}Numbers", list(section.model_fields), module=__name__)


ClickNumbers = _numbers_of(Click)
PurchaseNumbers = _numbers_of(Purchase)
RepeatNumbers = _numbers_of(Repeat)
ExperienceNumbers = _numbers_of(Experience)
ShareNumbers = _numbers_of(Share)
FatigueNumbers = _numbers_of(Fatigue)
StayNumbers = _numbers_of(Stay)


class Coefficients(NamedTuple):
    """All coefficients, one named tuple of floats per section of ``scenario.behavior``."""

    click: Any
    purchase: Any
    repeat: Any
    experience: Any
    share: Any
    fatigue: Any
    stay: Any


def coefficients(behavior: Behavior) -> Coefficients:
    """The coefficients of a scenario in the form rules read."""

    def numbers(kind: Any, section: Section) -> Any:
        return kind(*(float(getattr(section, name)) for name in kind._fields))

    kinds = (
        ClickNumbers, PurchaseNumbers, RepeatNumbers, ExperienceNumbers, ShareNumbers,
        FatigueNumbers, StayNumbers,
    )  # fmt: skip
    sections = (getattr(behavior, name) for name in Coefficients._fields)
    return Coefficients(*map(numbers, kinds, sections))


LARGEST_EXPONENT = 700.0
"""Beyond it exp() is no number, and exp() of its negative none that can be told from 0."""


@rule
def chance(rate, dt):
    """Probability that something with a constant hazard happens within a tick.

    p = 1 - exp(-rate dt)

    rate : events per day, >= 0. dt : days per tick, > 0. Exponential waiting time.
    """
    return 1.0 - math.exp(-rate * dt)


@rule
def happens(u, rate, dt):
    """Whether something with a constant hazard happens within a tick.

    u < 1 - exp(-rate dt); since 1 - exp(-x) <= x, most draws need no exponential

    u : uniform in (0, 1). rate : events per day, >= 0. dt : days per tick, > 0.
    """
    return u < rate * dt and u < chance(rate, dt)


@rule
def trust(good, bad):
    """Expected share of good experiences: the mean of a beta reputation.

    (good + 1) / (good + bad + 2)

    good, bad : evidence, >= 0. Returns (0, 1), 1/2 without evidence. Josang and Ismail (2002).
    """
    return (good + 1.0) / (good + bad + 2.0)


@rule
def learn(evidence, memory, weight):
    """Evidence after one more experience, earlier evidence fading.

    memory evidence + weight

    evidence : >= 0. memory : [0, 1]. weight : >= 0, 0 for the kind that did not happen.
    Limit: evidence stays below weight / (1 - memory). Josang and Ismail (2002).
    """
    return memory * evidence + weight


@rule
def reputation(c, good, bad, weakness):
    """How a sharer's public record scales reach beyond close friends.

    (2 trust(good, bad)) ** (c.reputation weakness); 1 for somebody unknown or over a tie of
    full strength.

    good, bad : evidence over everybody served. weakness : 1 - strength of the tie, 1 for posts.
    Literature: reputation effects in social commerce (Hajli 2015), A: form and size.
    """
    return math.exp(c.reputation * weakness * math.log(2.0 * trust(good, bad)))


EQUAL_SPLIT = 0.5
"""Smaller over larger part from which two parts of a reward pass for equal."""


@rule
def sincerity(c, strength, reward, friend, in_kind):
    """What the split of the reward makes of a message's effect.

    1 - c.motive_suspicion (1 - strength) if the sender alone is paid, and in money;
    1 + c.fairness (1 - strength) if both sides get about the same; else 1

    strength : of the tie, [0, 1]. reward, friend : what a sale earns the sender and saves the
    friend, >= 0, same unit. in_kind : whether the reward is symbolic, such as points.
    Verlegh et al. (2013): suspicion is worst over weak ties and vanishes when both sides are
    rewarded, or symbolically. Hong, Pavlou, Wang and Shi (2017): equal splits work best over weak
    ties.
    """
    if reward > 0.0 and friend <= 0.0:
        return 1.0 if in_kind else 1.0 - c.motive_suspicion * (1.0 - strength)
    if reward > 0.0 and min(reward, friend) >= EQUAL_SPLIT * max(reward, friend):
        return 1.0 + c.fairness * (1.0 - strength)
    return 1.0


@rule
def click(c, base, trust_in_sender, influence, affinity, sincere, times, tired, uncertain):
    """Chance that a receiver opens a message about a product.

    min(1, base trust influence affinity sincerity novelty**times exp(-tired)), times
    c.uncertain_gift if what the receiver gets is uncertain

    base : of the channel, [0, 1]. trust_in_sender, affinity : [0, 1]. influence : of the sender,
    mean 1. sincere : from :func:`sincerity`. times : int, messages this pair already exchanged
    about the product. tired : click weight times messages felt, >= 0. uncertain : bool. Never
    rises with times or tired. Repeats: Leskovec, Adamic and Huberman (2007); lotteries: Li et al.
    (Management Science, mnsc.2024.05685); A: that the factors multiply.
    """
    effect = base * trust_in_sender * influence * affinity * sincere * math.exp(-tired)
    if uncertain:
        effect *= c.uncertain_gift
    for _ in range(times):
        effect *= c.novelty
    return min(1.0, effect)


@rule
def response_ticks(c, u, v, dt):
    """Ticks between a message and the visit it causes, at least 1.

    1 + floor(c.delay_median_days exp(c.delay_spread z) / dt), z standard normal from u and v

    u, v : independent uniforms, (0, 1). dt : days per tick, > 0. Iribarren and Moro (2009).
    """
    if c.delay_median_days <= 0.0:
        return 1
    z = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)
    days = c.delay_median_days * math.exp(c.delay_spread * z)
    return 1 + int(min(days / dt, 1e6))


@rule
def purchase(c, affinity, value_for_money, trust_in_sender, good_heard, bad_heard, rating, owned):
    """Chance that a visitor buys: logistic choice.

    logit p = intercept + taste (affinity - 1/2) + price value_for_money + trust (trust - 1/2)
    + word_of_mouth (log(1 + good) - negative_weight log(1 + bad)) + rating (rating - 1/2)
    + owner [owned]

    affinity, rating : [0, 1]. value_for_money : log(valuation / net price). trust_in_sender :
    (0, 1), 1/2 without a link. good_heard, bad_heard : messages, >= 0. owned : bool. Warnings on
    this scale: East, Hammond and Lomax (2008); saturation: Leskovec, Adamic and Huberman (2007).
    """
    talk = math.log1p(good_heard) - c.negative_weight * math.log1p(bad_heard)
    logit = (
        c.intercept
        + c.taste * (affinity - 0.5)
        + c.price * value_for_money
        + c.trust * (trust_in_sender - 0.5)
        + c.word_of_mouth * talk
        + c.rating * (rating - 0.5)
    )
    if owned:
        logit += c.owner
    return 1.0 / (1.0 + math.exp(-logit))


@rule
def code_use(c, discount_ratio):
    """Chance that a buyer looks for a friend's code at the checkout and types it in.

    1 - exp(-c.code_search discount/price)

    discount_ratio : what the code takes off over the price, [0, 1]. Belo and Li (2022): would-be
    payers take the reward route, the more the larger the reward; A: size.
    """
    return 1.0 - math.exp(-c.code_search * discount_ratio)


@rule
def selection(c, reward_ratio):
    """What multiplies the pace of repeat orders of a customer whom a paid sharer brought.

    max(0, 1 - c.reward_selection log(1 + reward/price / c.selection_reference)); 1 unpaid

    reward_ratio : what the sharer was told the sale earns her over the price, >= 0. Wolters,
    Schulze and Gedenk (2020): larger rewards bring more and worse customers; A: size.
    """
    worse = c.reward_selection * math.log1p(reward_ratio / c.selection_reference)
    return max(0.0, 1.0 - worse)


@rule
def repeat(c, rate, satisfaction, dt):
    """Chance that a member needs the product again within a tick: a Poisson process.

    1 - exp(-rate exp(c.satisfaction (2 satisfaction - 1)) dt)

    rate : orders per day, >= 0. satisfaction : [0, 1]. dt : days, > 0. Fader, Hardie, Lee (2005).
    """
    return chance(rate * math.exp(c.satisfaction * (2.0 * satisfaction - 1.0)), dt)


@rule
def disconfirmation(c, performance, expectation, paid):
    """Performance minus expectation, in quality points; a paid recommendation raises the latter.

    performance - expectation - c.hype [paid]

    performance, expectation : quality points. paid : whether the friend who told her is paid.
    Expectation-disconfirmation: Oliver (1980).
    """
    if paid:
        return performance - expectation - c.hype
    return performance - expectation


@rule
def satisfaction(c, gap):
    """Satisfaction in (0, 1); above 1/2 when the product did better than expected.

    1 / (1 + exp(-c.sensitivity gap))

    gap : quality points from :func:`disconfirmation`. Oliver (1980), A: size.
    """
    return 1.0 / (1.0 + math.exp(-c.sensitivity * gap))


@rule
def enthusiasm(c, satisfied, age_days, referred):
    """Rate at which liking a product makes a member of average initiative share it, per day.

    c.enthusiasm satisfaction exp(-age / c.fade_days), times c.referral_contagion if referred

    satisfied : satisfaction, (0, 1); below 1/2 the drive is 0. age_days : since purchase or
    activity, >= 0. referred : bool. Satisfied first: Wirtz and Chew (2002); Gershon and Jiang.
    """
    if satisfied < 0.5:
        return 0.0
    drive = c.enthusiasm * satisfied * math.exp(-age_days / c.fade_days)
    if referred:
        drive *= c.referral_contagion
    return drive


@rule
def reward_pull(c, ratio):
    """Pull of an amount offered per sale: c.reward_presence + c.reward_size log(1 + ratio).

    ratio : amount over the price, >= 0; 0 pulls nobody. Per day. Presence before size: Ryu and
    Feick (2007); concave: Wolters, Schulze and Gedenk (2020).
    """
    if ratio <= 0.0:
        return 0.0
    return c.reward_presence + c.reward_size * math.log1p(ratio)


@rule
def reward_drive(c, own_pull, friend_pull, closeness, sensitivity, belief):
    """Rate at which an offered reward makes a member of average initiative share, per day.

    sensitivity (belief own + c.generosity closeness friend), where own is own_pull, or
    max(0, 1 - c.close_norm closeness) own_pull when the friend gets nothing

    own_pull, friend_pull : of what a sale earns her and saves the friend, from
    :func:`reward_pull`. closeness : mean strength of her ties, [0, 1]. sensitivity : mean 1.
    belief : from :func:`success_belief`. Ryu and Feick (2007): over strong ties a reward for the
    sender alone does nothing; Gershon, Cryder and John (2020): rewards for the friend are passed
    on as readily; Jung et al. (2021). A: form.
    """
    own = own_pull * belief
    if friend_pull <= 0.0:
        own *= max(0.0, 1.0 - c.close_norm * closeness)
    return sensitivity * (own + c.generosity * closeness * friend_pull)


@rule
def success_belief(c, sales, shares):
    """What somebody's record says of her success, relative to what she expected before.

    (1 + c.learning sales) / (1 + c.learning c.expected_success shares)

    sales : own orders that earned a commission. shares : own shares. 1 without a record; falls to
    0 for those whose links never earn.
    Posterior mean of a gamma rate over its prior mean. A: weight.
    """
    return (1.0 + c.learning * sales) / (1.0 + c.learning * c.expected_success * shares)


@rule
def share_rate(c, initiative, hub, liking, reward, uncertain):
    """Rate of recommending, per day.

    initiative hub (liking + reward), times c.uncertain_reward if what the sharer gets is uncertain

    initiative : mean 1, heavy-tailed. hub : from :func:`hub_factor`. liking, reward : per day.
    uncertain : bool. Lotteries: Li et al. (Management Science, mnsc.2024.05685); A: that the two
    drives add up.
    """
    rate = initiative * hub * (liking + reward)
    if uncertain:
        rate *= c.uncertain_reward
    return rate


@rule
def hub_factor(c, degree, mean_degree):
    """Participation of the well connected: (degree / mean degree) ** c.hub_exponent.

    degree : friends; 0 gives 0, or 1 at exponent 0. mean_degree : of everybody, > 0. Hinz et al.
    (2011): hubs participate more, and are not more persuasive per tie.
    """
    if degree <= 0:
        return 1.0 if c.hub_exponent == 0.0 else 0.0
    return math.exp(c.hub_exponent * math.log(degree / mean_degree))


@rule
def audience_size(c, effort, reward, u, most):
    """Friends addressed in one share: 1 + Poisson(effort (1 + c.reward_effort [reward > 0])).

    effort : mean friends beyond the first, >= 0. reward : drive per day. u : uniform in (0, 1).
    most : friends there are. Inversion of the distribution function. A8, A: size.
    """
    mean = effort
    if reward > 0.0:
        mean *= 1.0 + c.reward_effort
    mean = min(mean, LARGEST_EXPONENT)
    probability = math.exp(-mean)
    below = probability
    beyond = 0
    while u > below and beyond < most - 1:
        beyond += 1
        probability *= mean / beyond
        below += probability
        if probability < 1e-300 and beyond > mean:
            break
    return min(1 + beyond, most)


@rule
def audience_key(c, strength, u):
    """Order in which friends are addressed: smallest first, without replacement.

    -log(u) / strength ** c.tie_preference

    strength : of the tie, [0, 1]. u : uniform in (0, 1). Weighted sampling: Efraimidis and
    Spirakis (2006). Strong ties first: Brown and Reingen (1987).
    """
    return -math.log(u) * math.exp(-c.tie_preference * math.log(max(strength, 1e-6)))


@rule
def mute_chance(c, fatigue):
    """Chance that a tired receiver mutes the sender of a message.

    1 - exp(-c.mute max(0, fatigue - c.mute_from))

    fatigue : messages felt, >= 0. A14 (Localytics 2017), A: size.
    """
    return 1.0 - math.exp(-c.mute * max(0.0, fatigue - c.mute_from))


@rule
def lapse_multiplier(
    c, fatigue_lapse, satisfied, earned_lately, referrer_stays, friends_share, fatigue
):
    """What multiplies a member's own hazard of leaving; 1 is neutral.

    exp(-c.satisfaction (2 satisfaction - 1) - c.friends share + fatigue_lapse fatigue),
    times c.earnings if money was earned lately, times c.referrer while the referrer is a member

    satisfied, friends_share : [0, 1]. earned_lately, referrer_stays : bool. fatigue : messages
    felt beyond the level people bear. fatigue_lapse : its weight, >= 0.
    Garnefeld et al. (2013); Schmitt, Skiera and Van den Bulte (2011); Van den Bulte et al. (2018).
    """
    exponent = (
        -c.satisfaction * (2.0 * satisfied - 1.0)
        - c.friends * friends_share
        + fatigue_lapse * fatigue
    )
    factor = math.exp(min(exponent, LARGEST_EXPONENT))
    if earned_lately:
        factor *= c.earnings
    if referrer_stays:
        factor *= c.referrer
    return factor


class Rules(NamedTuple):
    """The decisions, by slot; each can be replaced."""

    chance: Callable
    happens: Callable
    trust: Callable
    learn: Callable
    reputation: Callable
    sincerity: Callable
    click: Callable
    response_ticks: Callable
    purchase: Callable
    code_use: Callable
    selection: Callable
    repeat: Callable
    disconfirmation: Callable
    satisfaction: Callable
    enthusiasm: Callable
    reward_pull: Callable
    reward_drive: Callable
    success_belief: Callable
    share_rate: Callable
    hub_factor: Callable
    audience_size: Callable
    audience_key: Callable
    mute_chance: Callable
    lapse_multiplier: Callable


BUILT_IN = Rules(**{slot: globals()[slot] for slot in Rules._fields})


def replace(**functions: Callable) -> Rules:
    """The built-in rules with some replaced, for ``WordOfMouthModel(..., rules=...)``.

    A replacement takes the arguments of the rule in its slot, uses plain numbers and ``math``,
    and is compiled like the built-in one.

    Raises
    ------
    InputError
        If there is no such slot, or the number of arguments differs.
    """
    for slot, function in functions.items():
        if slot not in Rules._fields:
            raise InputError(f"there is no rule '{slot}'{nearest(slot, Rules._fields)}")
        wanted = plain(getattr(BUILT_IN, slot)).__code__
        given = getattr(plain(function), "__code__", None)
        if given is None:
            raise InputError(f"rule '{slot}' = {function!r} is no function; write it with def")
        if given.co_argcount != wanted.co_argcount:
            names = ", ".join(wanted.co_varnames[: wanted.co_argcount])
            raise InputError(
                f"rule '{slot}' takes {wanted.co_argcount} arguments ({names}), "
                f"got a function of {given.co_argcount}"
            )
    return BUILT_IN._replace(**functions)
