"""The share phase, compiled: who talks to whom about what, and who listens.

Written like the other phases in :mod:`sim.kernels`; its readable twin is
:mod:`sim.word_of_mouth`.
"""

from __future__ import annotations

from sim._jit import inner, phase
from sim.day import (
    BROADCAST,
    GROUP,
    N_CLICKS,
    N_IMPRESSIONS,
    N_MUTES,
    N_PERSONAL_CLICKS,
    N_PERSONAL_MESSAGES,
    N_SHARES,
    N_WARNINGS,
    PERSONAL,
    SATURATED,
)
from sim.kernels import reward_for, tie_trust
from sim.population import MEMBER, NEVER
from sim.randomness import Decision, uniforms
from sim.rules import (
    audience_key,
    audience_size,
    click,
    enthusiasm,
    happens,
    hub_factor,
    mute_chance,
    reputation,
    response_ticks,
    reward_drive,
    reward_pull,
    share_rate,
    sincerity,
    success_belief,
)

SHARE = int(Decision.SHARE)
AUDIENCE = int(Decision.AUDIENCE)
GROUP_MESSAGE = int(Decision.GROUP_MESSAGE)
WARNING_AUDIENCE = int(Decision.WARNING_AUDIENCE)
MUTE = int(Decision.MUTE)


@inner
def liking(c, day, state, i, p):
    """Enthusiasm of member i for product p today, from owning it or from an activity; per day."""
    referred = state.sponsor[i] >= 0
    drive = 0.0
    if state.orders[p, i] > 0:
        age = (day.tick - state.last_order[p, i]) * day.dt
        drive = enthusiasm(c.share, float(state.satisfaction[p, i]), age, referred)
    if state.activity[i] > NEVER and state.activity_product[i] == p:
        age = (day.tick - state.activity[i]) * day.dt
        drive += c.share.activity * enthusiasm(c.share, 1.0, age, referred)
    return drive


@inner
def incentive(c, day, people, i, p, belief):
    """What the offer for a sale of p moves i to, in shares per day."""
    price = max(day.price_cents[p], 1)
    return reward_drive(
        c.share,
        reward_pull(c.share, reward_for(day, p, i) / price),
        reward_pull(c.share, day.discount_cents[p] / price),
        float(people.closeness[i]),
        float(people.reward_sensitivity[i]),
        belief,
    )


@inner
def may_recommend(state, i, p):
    """Whether i has anything to say about p: bought it, or took part in its activity."""
    if state.orders[p, i] > 0:
        return True
    return state.activity[i] > NEVER and state.activity_product[i] == p


@inner
def shared_today(day, state, i, p):
    """Whether i has shared p in an earlier tick of this day: the same thing is told once a day."""
    return day.day_ticks > 1 and state.shared_tick[p, i] >= day.tick - day.tick % day.day_ticks


@phase
def share(c, day, graph, people, state, today, visitors, counts):
    """Visiting members recommend or warn; friends click or not.

    Reads own satisfaction, record, fatigue of receivers, trust. Writes what receivers heard, their
    clicks, inboxes, mutes; the sharer's count of shares. A sharer takes products in order: a tie
    muted over one no longer carries the next.
    """
    for k in range(visitors):
        i = today.visitors[k]
        if state.status[i] != MEMBER:
            continue
        degree = graph.indptr[i + 1] - graph.indptr[i]
        belief = success_belief(c.share, float(state.sales[i]), float(state.shares[i]))
        for p in range(day.price_cents.shape[0]):
            if not may_recommend(state, i, p) or shared_today(day, state, i, p):
                continue
            u0, u1, u2, u3 = uniforms(day.seed, SHARE, day.tick, i, 0, p)
            bought_today = state.last_order[p, i] == day.tick
            if bought_today and float(state.satisfaction[p, i]) < 0.5:
                if u1 < c.share.warning:
                    warn(c, day, graph, people, state, today, counts, i, p, u3)
                continue
            reward = incentive(c, day, people, i, p, belief)
            like = liking(c, day, state, i, p)
            hub = hub_factor(c.share, float(degree), day.mean_degree)
            uncertain = day.sharer_uncertain and reward_for(day, p, i) > 0.0
            rate = share_rate(c.share, float(people.initiative[i]), hub, like, reward, uncertain)
            if not happens(u0, rate, day.dt):
                continue
            groups = graph.person_group_indptr[i + 1] - graph.person_group_indptr[i]
            if u2 < c.share.group_share and groups > 0:
                channel = GROUP
                readers = readers_of_group(graph, state, today, i, u3, groups)
            elif u2 >= 1.0 - c.share.broadcast_share:
                channel = BROADCAST
                readers = all_friends(graph, state, today, i)
            else:
                channel = PERSONAL
                size = audience_size(c.share, float(people.effort[i]), reward, u3, degree)
                readers = choose_friends(c, day, graph, state, today, AUDIENCE, i, p, size)
            tell(c, day, graph, people, state, today, counts, i, p, channel, readers)
            state.shares[i] += 1
            counts[N_SHARES] += 1
            if day.day_ticks > 1:
                state.shared_tick[p, i] = day.tick


@inner
def choose_friends(c, day, graph, state, today, decision, i, p, size):
    """The ``size`` friends with the smallest keys among unmuted ties; returns how many there are.

    They and their ties stand in today.readers and today.chosen, ascending by key.
    """
    found = 0
    for e in range(graph.indptr[i], graph.indptr[i + 1]):
        if state.muted[e] == 1:
            continue
        u, _, _, _ = uniforms(day.seed, decision, day.tick, i, graph.target[e], p)
        key = audience_key(c.share, float(graph.strength[e]), u)
        if found == size and key >= today.keys[size - 1]:
            continue
        place = found if found < size else size - 1
        while place > 0 and today.keys[place - 1] > key:
            today.keys[place] = today.keys[place - 1]
            today.chosen[place] = today.chosen[place - 1]
            place -= 1
        today.keys[place] = key
        today.chosen[place] = e
        found = min(found + 1, size)
    for k in range(found):
        today.readers[k] = graph.target[today.chosen[k]]
    return found


@inner
def all_friends(graph, state, today, i):
    """Everybody over i's unmuted ties: to today.readers and today.chosen; returns how many."""
    found = 0
    for e in range(graph.indptr[i], graph.indptr[i + 1]):
        today.chosen[found] = e
        today.readers[found] = graph.target[e]
        found += state.muted[e] == 0
    return found


@inner
def readers_of_group(graph, state, today, i, u, groups):
    """The members of one of i's groups, less those who muted her; returns how many.

    They stand in today.readers, their ties to i in today.chosen, -1 without one.
    """
    group = graph.person_group[graph.person_group_indptr[i] + min(int(u * groups), groups - 1)]
    found = 0
    for m in range(graph.group_indptr[group], graph.group_indptr[group + 1]):
        j = graph.group_member[m]
        if j == i:
            continue
        e = find_tie(graph, i, j)
        if e >= 0 and state.muted[e] == 1:
            continue
        today.chosen[found] = e
        today.readers[found] = j
        found += 1
    return found


@inner
def tell(c, day, graph, people, state, today, counts, i, p, channel, readers):
    """The first ``readers`` of today.readers get a message of i about p.

    A post is carried by the sharer's reputation as among strangers, a link sent to a friend by
    less of it the closer the friend.
    """
    good = float(state.good_record[i])
    bad = float(state.bad_record[i])
    base = c.click.group if channel == GROUP else c.click.broadcast
    decision = GROUP_MESSAGE if channel == GROUP else AUDIENCE
    if channel != PERSONAL:
        base *= reputation(c.click, good, bad, 1.0)
    for k in range(readers):
        e = today.chosen[k]
        j = today.readers[k]
        if channel == PERSONAL:
            weakness = 1.0 - float(graph.strength[e])
            base = c.click.personal * reputation(c.click, good, bad, weakness)
        believed = tie_trust(state, e) if e >= 0 else c.click.stranger_trust
        u = uniforms(day.seed, decision, day.tick, i, j, p)
        clicked = deliver(
            c, day, graph, people, state, counts, i, j, p, e, channel, base, believed, u
        )
        if channel == PERSONAL:
            counts[N_PERSONAL_MESSAGES] += 1
            counts[N_PERSONAL_CLICKS] += clicked


@inner
def find_tie(graph, i, j):
    """The tie from i to j, -1 without one; by bisection in i's sorted row."""
    low = graph.indptr[i]
    high = graph.indptr[i + 1]
    while low < high:
        middle = (low + high) // 2
        if graph.target[middle] < j:
            low = middle + 1
        else:
            high = middle
    if low < graph.indptr[i + 1] and graph.target[low] == j:
        return low
    return -1


@inner
def deliver(c, day, graph, people, state, counts, i, j, p, e, channel, base, believed, u):
    """One message of i about p reaches j; returns 1 if j clicks, else 0.

    e : tie, -1 without one. base : chance of the channel. believed : j's trust in i. u : four
    uniforms of this message: the second decides the click, the last two its time and precedence.
    """
    counts[N_IMPRESSIONS] += 1
    state.inbox[j] = min(int(state.inbox[j]) + 1, 65535)
    state.good_heard[p, j] = min(int(state.good_heard[p, j]) + 1, SATURATED)
    strength = 0.0
    times = 0
    if e >= 0:
        strength = float(graph.strength[e])
        times = int(state.times[p, e])
        state.times[p, e] = min(times + 1, SATURATED)
    tired = c.fatigue.click * float(state.fatigue[j])
    mute_if_tired(c, day, state, counts, i, j, p, e)
    key = int(u[2] * 4294967296.0)
    if day.coupons:
        remember_code(day, state, i, j, p, e, channel, key)
    friend = float(day.discount_cents[p])
    probability = click(
        c.click,
        base,
        believed,
        float(people.influence[i]),
        float(people.affinity[p, j]),
        sincerity(c.click, strength, reward_for(day, p, i), friend, day.in_kind),
        times,
        tired,
        day.friend_uncertain and friend > 0.0,
    )
    if u[1] >= probability:
        return 0
    counts[N_CLICKS] += 1
    due = day.tick + response_ticks(c.click, u[2], u[3], day.dt)
    pending = state.click_due[p, j]
    if pending > day.tick:  # she will come by another link: the earlier visit stands
        if pending < due:
            return 1
        if pending == due and state.click_tick[p, j] == day.tick:
            if key < state.click_key[p, j]:
                return 1
            if key == state.click_key[p, j] and i > state.click_sponsor[p, j]:
                return 1
    state.click_key[p, j] = key
    state.click_sponsor[p, j] = i
    state.click_tick[p, j] = day.tick
    state.click_tie[p, j] = e
    state.click_channel[p, j] = channel
    state.click_due[p, j] = due
    return 1


@inner
def remember_code(day, state, i, j, p, e, channel, key):
    """Receiver j keeps the code of i, unless another message of today has a larger key."""
    if state.told_tick[p, j] == day.tick:
        if key < state.told_key[p, j]:
            return
        if key == state.told_key[p, j] and i > state.told_sponsor[p, j]:
            return
    state.told_sponsor[p, j] = i
    state.told_tick[p, j] = day.tick
    state.told_tie[p, j] = e
    state.told_key[p, j] = key
    state.told_channel[p, j] = channel


@inner
def mute_if_tired(c, day, state, counts, i, j, p, e):
    """A receiver with too many messages may mute the sender."""
    felt = float(state.fatigue[j])
    if e < 0 or felt <= c.fatigue.mute_from or c.fatigue.mute == 0.0:
        return
    u, _, _, _ = uniforms(day.seed, MUTE, day.tick, i, j, p)
    if u < mute_chance(c.fatigue, felt) and state.muted[e] == 0:
        state.muted[e] = 1
        counts[N_MUTES] += 1


@inner
def warn(c, day, graph, people, state, today, counts, i, p, u):
    """A dissatisfied buyer tells friends to stay away."""
    degree = graph.indptr[i + 1] - graph.indptr[i]
    size = audience_size(c.share, float(people.effort[i]), 0.0, u, degree)
    found = choose_friends(c, day, graph, state, today, WARNING_AUDIENCE, i, p, size)
    for k in range(found):
        j = today.readers[k]
        state.inbox[j] = min(int(state.inbox[j]) + 1, 65535)
        state.bad_heard[p, j] = min(int(state.bad_heard[p, j]) + 1, SATURATED)
        counts[N_WARNINGS] += 1
