"""The phases of a day, compiled, over arrays: buying and what comes of it.

Who comes, leaves and is here: :mod:`sim.presence`. Sharing: :mod:`sim.sharing`.

Each phase has the name and the order of its twin in :mod:`sim.agents`, which says the same in the
words of one consumer. A phase reads the state as it is at its start: what consumers do to each
other within a phase is added up in whole numbers or decided by a key, so their order cannot matter.

``float(...)`` around every float32 that is read is on purpose: rules work in float64 in both
readers, or their results would differ in the last bit.
"""

from __future__ import annotations

import math

from sim._jit import inner, phase
from sim.day import (
    BY_CLICK,
    BY_NEED,
    BY_ORGANIC,
    N_RETURNED,
    REORDERED,
)
from sim.population import LAPSED, MEMBER
from sim.randomness import Decision, uniforms
from sim.rules import (
    code_use,
    disconfirmation,
    learn,
    purchase,
    repeat,
    satisfaction,
    selection,
    trust,
)

VISIT = int(Decision.VISIT)
NEED = int(Decision.NEED)
BUY = int(Decision.BUY)
HABIT = int(Decision.HABIT)
EXPERIENCE = int(Decision.EXPERIENCE)
STAY = int(Decision.STAY)
CODE = int(Decision.CODE)

BY_NOBODY, BY_LINK, BY_CODE = 0, 1, 2
"""What credits an order to a friend."""


@inner
def needs(c, day, people, state, i, p, u):
    """Whether member i needs product p again today, by the draw u (a function of the state)."""
    if state.orders[p, i] == 0:
        return False
    rate = float(people.purchase_rate[i]) * day.repeat_per_day[p] * float(state.loyalty[i])
    return u < repeat(c.repeat, rate, float(state.satisfaction[p, i]), day.dt)


@inner
def is_customer(state, i):
    """Whether consumer i ever bought."""
    bought = 0
    for p in range(state.orders.shape[0]):
        bought += state.orders[p, i]
    return bought > 0


@inner
def is_credited(day, state, i, p):
    """Whether an order of i for p today would be credited to the link clicked last."""
    sponsor = state.click_sponsor[p, i]
    age = day.tick - state.click_due[p, i]
    if sponsor < 0 or sponsor == i or age < 0 or age > day.window:
        return False
    return day.existing_customers or not is_customer(state, i)


@inner
def friends_discount(day, state, i, p):
    """Cents that a friend's link or code takes off product p for i today."""
    if day.discount_for_new_only and is_customer(state, i):
        return 0
    return min(day.discount_cents[p], day.price_cents[p])


@inner
def types_code(c, day, state, i, p):
    """Whether i, if buying p today, types in the code of whoever told her last.

    A pure function of the state, like :func:`needs`: the purchase decision and the credit agree.
    """
    sponsor = state.told_sponsor[p, i]
    age = day.tick - state.told_tick[p, i]
    if sponsor < 0 or sponsor == i or age > day.window:
        return False
    if is_customer(state, i) and not day.existing_customers:
        return False
    saved = friends_discount(day, state, i, p)
    if saved <= 0:
        return False
    u, _, _, _ = uniforms(day.seed, CODE, day.tick, i, 0, p)
    return u < code_use(c.purchase, saved / day.price_cents[p])


@inner
def credited_by(c, day, state, i, p):
    """What would credit an order of i for p today: BY_NOBODY, BY_LINK or BY_CODE."""
    linked = is_credited(day, state, i, p)
    if day.coupons and (day.coupon_first or not linked) and types_code(c, day, state, i, p):
        return BY_CODE
    return BY_LINK if linked else BY_NOBODY


@inner
def net_price(c, day, state, i, p):
    """Cents that i expects to pay for p today, after the friend's discount and points; >= 1."""
    price = day.price_cents[p]
    if credited_by(c, day, state, i, p) != BY_NOBODY:
        price -= friends_discount(day, state, i, p)
    points = day.points_cents[min(i, day.points_cents.size - 1)]
    return max(price - min(points, price), 1)


@inner
def reward_for(day, p, i):
    """What i believes a sale of p through her link earns her, in cents."""
    return day.reward_cents[p, min(i, day.reward_cents.shape[1] - 1)]


@inner
def tie_trust(state, tie):
    """Trust of a tie's receiver in its sharer."""
    return trust(float(state.good_ties[tie]), float(state.bad_ties[tie]))


@inner
def buys(c, day, people, state, i, p, through_link):
    """Whether visitor i buys product p after looking at it."""
    sender_trust = 0.5
    if through_link:
        tie = state.click_tie[p, i]
        sender_trust = tie_trust(state, tie) if tie >= 0 else c.click.stranger_trust
    net = net_price(c, day, state, i, p)
    probability = purchase(
        c.purchase,
        float(people.affinity[p, i]),
        math.log(float(people.valuation_cents[p, i]) / net),
        sender_trust,
        float(state.good_heard[p, i]),
        float(state.bad_heard[p, i]),
        day.rating[p],
        state.orders[p, i] > 0,
    )
    u, _, _, _ = uniforms(day.seed, BUY, day.tick, i, 0, p)
    return u < probability


@phase
def buy(c, day, people, state, today, visitors, lines):
    """Visitors with a link, a look or a need decide; returns the number of orders.

    Reads everything a decision depends on. Writes today's order lines.
    """
    count = 0
    for k in range(visitors):
        i = today.visitors[k]
        why = today.why[i]
        for p in range(day.price_cents.shape[0]):
            again = False
            if why & BY_NEED != 0:  # one address serves four products
                u = uniforms(day.seed, NEED, day.tick, i, 0, p >> 2)[p & 3]
                again = needs(c, day, people, state, i, p, u)
            if not again:
                through_link = why & BY_CLICK != 0 and state.click_due[p, i] == day.tick
                looks = why & BY_ORGANIC != 0 and today.considered[i] == p
                if not (through_link or looks):
                    continue
                if not buys(c, day, people, state, i, p, through_link):
                    continue
            lines.buyer[count] = i
            lines.product[count] = p
            lines.again[count] = again
            count += 1
    return count


@phase
def credit(c, day, state, lines, orders):
    """Each order gets at most one sponsor and its place in the referral forest.

    Reads clicks, who told whom last, depth, orders before today. Writes today's order lines.
    """
    for k in range(orders):
        i = lines.buyer[k]
        p = lines.product[k]
        first_today = k == 0 or lines.buyer[k - 1] != i
        lines.new_customer[k] = first_today and not is_customer(state, i)
        lines.refund_tick[k] = -1
        by = credited_by(c, day, state, i, p)
        if by == BY_LINK:
            lines.sponsor[k] = state.click_sponsor[p, i]
            lines.tie[k] = state.click_tie[p, i]
            lines.channel[k] = state.click_channel[p, i]
        elif by == BY_CODE:
            lines.sponsor[k] = state.told_sponsor[p, i]
            lines.tie[k] = state.told_tie[p, i]
            lines.channel[k] = state.told_channel[p, i]
        else:
            lines.sponsor[k] = -1
            lines.tie[k] = -1
            lines.channel[k] = 0
        lines.depth[k] = state.depth[lines.sponsor[k]] + 1 if by != BY_NOBODY else 0


@inner
def tell_friends_of_membership(graph, state, i, change):
    """Keep the count of member friends of everybody who hears from i."""
    for e in range(graph.indptr[i], graph.indptr[i + 1]):
        state.member_friends[graph.target[e]] += change


@phase
def enrol(c, day, graph, state, today, lines, orders, counts):
    """Buyers become members; the order is remembered.

    Reads today's order lines, offers. Writes status, habit, joined, sponsor, depth, loyalty,
    orders, member friends.
    """
    for k in range(orders):
        i = lines.buyer[k]
        p = lines.product[k]
        if state.status[i] != MEMBER:
            counts[N_RETURNED] += state.status[i] == LAPSED
            state.status[i] = MEMBER
            tell_friends_of_membership(graph, state, i, 1)
        if lines.new_customer[k]:
            state.joined[i] = day.tick
            state.sponsor[i] = lines.sponsor[k]
            state.depth[i] = lines.depth[k]
            if lines.sponsor[k] >= 0:
                ratio = reward_for(day, p, lines.sponsor[k]) / max(day.price_cents[p], 1)
                state.loyalty[i] = selection(c.repeat, ratio)
        if lines.again[k]:
            today.why[i] |= REORDERED
        state.habit[i] = 1
        state.orders[p, i] = min(int(state.orders[p, i]) + 1, 65535)
        state.last_order[p, i] = day.tick


@phase
def experience(c, day, state, today, lines, orders, paid):
    """Delivery: satisfaction, refunds, and what trust and reputation learn.

    paid : (orders,) bool, whether the order's sponsor is paid for it. Reads quality and
    expectation. Writes satisfaction, trust evidence, public records, ratings, refund ticks.
    """
    coefficients = c.experience
    for k in range(orders):
        i = lines.buyer[k]
        p = lines.product[k]
        u0, u1, u2, _ = uniforms(day.seed, EXPERIENCE, day.tick, i, 0, p)
        z = math.sqrt(-2.0 * math.log(u0)) * math.cos(2.0 * math.pi * u1)
        performance = day.quality[p] + day.quality_spread[p] * z
        gap = disconfirmation(coefficients, performance, day.expectation[p], paid[k])
        level = satisfaction(coefficients, gap)
        good = level >= 0.5
        state.satisfaction[p, i] = level
        state.rated[p] += 1
        if good:
            state.satisfied[p] += 1
        if gap < -coefficients.refund_gap and day.refund_ticks[p] > 0:
            lines.refund_tick[k] = day.tick + 1 + int(u2 * day.refund_ticks[p])
        if lines.sponsor[k] >= 0:
            if good:
                today.good[lines.sponsor[k]] += 1
            else:
                today.bad[lines.sponsor[k]] += 1
            tie = lines.tie[k]
            if tie >= 0:
                update_tie(coefficients, state, tie, good)
    for k in range(orders):
        if lines.sponsor[k] >= 0:
            update_record(coefficients, state, today, lines.sponsor[k])


@inner
def update_tie(c, state, tie, good):
    """One more experience over a tie."""
    weight = c.learning
    if weight == 0.0:
        return
    state.good_ties[tie] = learn(float(state.good_ties[tie]), c.memory, weight if good else 0.0)
    state.bad_ties[tie] = learn(float(state.bad_ties[tie]), c.memory, 0.0 if good else weight)


@inner
def update_record(c, state, today, sharer):
    """Fold the day's experiences through a sharer into the public record, once."""
    good = today.good[sharer]
    bad = today.bad[sharer]
    today.good[sharer] = 0
    today.bad[sharer] = 0
    if c.learning == 0.0 or good + bad == 0:
        return
    kept = 1.0
    for _ in range(good + bad):
        kept *= c.memory
    state.good_record[sharer] = learn(float(state.good_record[sharer]), kept, c.learning * good)
    state.bad_record[sharer] = learn(float(state.bad_record[sharer]), kept, c.learning * bad)


@inner
def overall_satisfaction(state, i):
    """Mean satisfaction of i with the products bought; 1/2 without any."""
    total = 0.0
    owned = 0
    for p in range(state.orders.shape[0]):
        if state.orders[p, i] > 0:
            total += float(state.satisfaction[p, i])
            owned += 1
    return total / owned if owned > 0 else 0.5
