"""Who comes, who leaves and who is here: the phases that ask everybody every day, compiled.

Written like the other phases in :mod:`sim.kernels`. They go through the consumers in blocks: draws
of a block are made together, which takes a tenth of the time, and the rules are asked only where
a draw falls below their bound (:mod:`sim.bounds`). Each phase works on the consumers from
``begin`` to ``end`` and writes nothing of others, so any number of threads can share the work;
``worker`` is the number of the thread, ``begin`` a multiple of BLOCK.
"""

from __future__ import annotations

from sim._jit import inner, phase
from sim.bounds import lapse_multiplier_at_most, repeat_at_most
from sim.day import (
    BLOCK,
    BY_ACTIVITY,
    BY_CLICK,
    BY_HABIT,
    BY_NEED,
    BY_ORGANIC,
    N_LAPSED,
    N_MAU,
    N_MEMBERS,
    N_RETAINED_D1,
    N_RETURNED,
    N_VISITS,
    REORDERED,
    STILL_HERE,
)
from sim.kernels import needs, overall_satisfaction, tell_friends_of_membership
from sim.population import LAPSED, MEMBER, PROSPECT
from sim.randomness import Decision, fill_words, unit
from sim.rules import happens, lapse_multiplier

VISIT = int(Decision.VISIT)
NEED = int(Decision.NEED)
HABIT = int(Decision.HABIT)
STAY = int(Decision.STAY)


@phase
def visit(c, day, people, state, today, begin, end, worker):
    """Who of ``begin`` to ``end`` opens the app or the shop today; returns how many.

    Reads status, habit, clicks due, orders, satisfaction. Writes today's visitors, activity.
    """
    count = begin
    for first in range(begin, end, BLOCK):
        last = min(first + BLOCK, end)
        look_around(day, state, today, first, last, worker)
        members = members_among(state, today, first, last, worker)
        feel_needs(c, day, people, state, today, members, worker)
        follow_habits(day, people, state, today, members, worker)
        count += gather(today.why[first:last], first, today.visitors[count:])
    return count - begin


@inner
def gather(marks, first, found):
    """Write the consumers from ``first`` on whose mark is not 0 to found; returns how many."""
    count = 0
    for k in range(marks.size):
        found[count] = first + k
        count += marks[k] != 0
    return count


@inner
def look_around(day, state, today, first, last, worker):
    """Who comes by herself or by a link; the reasons of everybody else are cleared."""
    products = day.price_cents.shape[0]
    fours, words = today.block[worker], today.words[worker]
    count = (last - first + 3) >> 2
    for k in range(count):  # one address serves four people
        fours[k] = (first >> 2) + k
    fill_words(day.seed, VISIT, day.tick, 0, fours, count, words)
    why, considered = today.why[first:last], today.considered[first:last]
    why[:] = 0
    for p in range(products):
        due = state.click_due[p, first:last]
        for k in range(why.size):
            why[k] |= BY_CLICK * (due[k] == day.tick)
    for w in range(4):
        for k in range(count):
            u = unit(words[w, k])
            if u < day.organic and 4 * k + w < why.size:
                why[4 * k + w] |= BY_ORGANIC
                considered[4 * k + w] = min(int(u / day.organic * products), products - 1)


@inner
def members_among(state, today, first, last, worker):
    """Write the members of a block to today.block; returns how many."""
    block = today.block[worker]
    status = state.status[first:last]
    count = 0
    for k in range(status.size):
        block[count] = first + k
        count += status[k] == MEMBER
    return count


@inner
def feel_needs(c, day, people, state, today, members, worker):
    """Which members of a block need a product again."""
    block, words = today.block[worker], today.words[worker]
    for p in range(day.price_cents.shape[0]):
        if p & 3 == 0:  # one address serves four products
            fill_words(day.seed, NEED, day.tick, p >> 2, block, members, words)
        for k in range(members):
            i = block[k]
            rate = float(people.purchase_rate[i]) * day.repeat_per_day[p] * float(state.loyalty[i])
            u = unit(words[p & 3, k])
            if u < repeat_at_most(c.repeat, rate, day.dt) and needs(c, day, people, state, i, p, u):
                today.why[i] |= BY_NEED


@inner
def follow_habits(day, people, state, today, members, worker):
    """Which members of a block come by habit, for today's activity, or are still here."""
    block, words = today.block[worker], today.words[worker]
    count = members
    if day.participation == 0.0:
        count = 0
        for k in range(members):
            i = block[k]
            if day.day_ticks > 1 and day.tick - state.last_visit[i] < day.day_ticks:
                today.why[i] |= STILL_HERE
            block[count] = i
            count += state.habit[i] == 1
    fill_words(day.seed, HABIT, day.tick, 0, block, count, words)
    for k in range(count):
        i = block[k]
        if state.habit[i] == 1 and happens(unit(words[0, k]), float(people.visit_rate[i]), day.dt):
            today.why[i] |= BY_HABIT
        if unit(words[1, k]) < day.participation:
            today.why[i] |= BY_ACTIVITY
            state.activity[i] = day.tick
            state.activity_product[i] = day.activity_product
        if day.day_ticks > 1 and day.tick - state.last_visit[i] < day.day_ticks:
            today.why[i] |= STILL_HERE


@phase
def stay(c, day, graph, people, state, today, begin, end, worker):
    """Fatigue decays; who of ``begin`` to ``end`` leaves or is won back.

    Reads status of referrers and friends. Writes fatigue, habit, and those who change sides to
    today.changed; returns how many. :func:`switch_sides` lets them.
    """
    count = begin
    calm = lapse_multiplier_at_most(c.stay, c.fatigue.lapse, 0.0)
    for first in range(begin, end, BLOCK):
        last = min(first + BLOCK, end)
        recover(day, state, first, last)
        members = members_among(state, today, first, last, worker)
        count = who_lapses(c, day, graph, people, state, today, calm, members, count, worker)
        count = who_returns(c, day, state, today, first, last, count, worker)
    return count - begin


@inner
def recover(day, state, first, last):
    """Fold today's messages into the fatigue of a block."""
    fatigue, inbox = state.fatigue[first:last], state.inbox[first:last]
    for k in range(fatigue.size):
        felt = float(fatigue[k]) * day.fatigue_kept + float(inbox[k])
        fatigue[k] = felt if felt > 1e-6 else 0.0
        inbox[k] = 0


@inner
def who_lapses(c, day, graph, people, state, today, calm, members, count, worker):
    """Which members of a block leave; some let go of the habit of visiting."""
    block, words = today.block[worker], today.words[worker]
    fill_words(day.seed, STAY, day.tick, 0, block, members, words)
    for k in range(members):
        i = block[k]
        if state.habit[i] == 0 and today.why[i] & REORDERED == 0:
            most = calm
            excess = float(state.fatigue[i]) - c.fatigue.mute_from
            if excess > 0.0:
                most = lapse_multiplier_at_most(c.stay, c.fatigue.lapse, excess)
            if unit(words[0, k]) >= float(people.lapse_hazard[i]) * day.dt * most:
                continue
        if lapses(
            c, day, graph, people, state, today, i,
            unit(words[0, k]), unit(words[1, k]), unit(words[2, k]),
        ):  # fmt: skip
            today.changed[count] = i
            count += 1
    return count


@inner
def lapses(c, day, graph, people, state, today, i, u_leave, u_habit, u_dropout):
    """Whether member i leaves today; also lets go of the habit of visiting."""
    sponsor = state.sponsor[i]
    heard_from = graph.in_degree[i]
    multiplier = lapse_multiplier(
        c.stay,
        c.fatigue.lapse,
        overall_satisfaction(state, i),
        day.tick - state.last_earned[i] <= day.earnings_window,
        sponsor >= 0 and state.status[sponsor] == MEMBER,
        state.member_friends[i] / heard_from if heard_from > 0 else 0.0,
        max(0.0, float(state.fatigue[i]) - c.fatigue.mute_from),
    )
    if state.habit[i] == 1 and happens(u_habit, float(people.habit_hazard[i]) * multiplier, day.dt):
        state.habit[i] = 0
    if today.why[i] & REORDERED != 0 and u_dropout < float(people.dropout[i]):
        return True
    return happens(u_leave, float(people.lapse_hazard[i]) * multiplier, day.dt)


@inner
def who_returns(c, day, state, today, first, last, count, worker):
    """Which lapsed customers of a block are won back by a friend's message or a campaign."""
    block, words = today.block[worker], today.words[worker]
    status, why = state.status[first:last], today.why[first:last]
    reached_by = BY_CLICK if day.win_back == 0.0 else 0
    asked = 0
    for k in range(status.size):
        block[asked] = first + k
        asked += (status[k] == LAPSED) & (why[k] & reached_by == reached_by)
    fill_words(day.seed, STAY, day.tick, 0, block, asked, words)
    for k in range(asked):
        i = block[k]
        by_friend = today.why[i] & BY_CLICK != 0
        if (by_friend and unit(words[0, k]) < c.stay.win_back) or unit(words[3, k]) < day.win_back:
            today.changed[count] = i
            count += 1
    return count


@phase
def switch_sides(day, graph, state, today, changes, counts):
    """The first ``changes`` people of today.changed leave, or return if they had left.

    Writes status, habit, when they left, member friends.
    """
    for k in range(changes):
        i = today.changed[k]
        if state.status[i] == MEMBER:
            state.status[i] = LAPSED
            state.left[i] = day.tick
            state.habit[i] = 0
            tell_friends_of_membership(graph, state, i, -1)
            counts[N_LAPSED] += 1
        else:
            state.status[i] = MEMBER
            state.habit[i] = 1
            tell_friends_of_membership(graph, state, i, 1)
            counts[N_RETURNED] += 1


@phase
def mark_visits(day, state, today, visitors):
    """Remember the visits of customers, lapsed ones included."""
    for k in range(visitors):
        i = today.visitors[k]
        if today.why[i] != STILL_HERE and state.status[i] != PROSPECT:
            state.last_visit[i] = day.tick


@phase
def measure(day, state, month, retention_ticks, begin, end, counts):
    """Count members, visitors of the last day and month, and who of earlier cohorts is among them.

    month : ticks in 30 days. retention_ticks : (3,) int64, ticks in 1, 7 and 30 days. Adds to the
    day's counts.
    """
    status, last_visit = state.status[begin:end], state.last_visit[begin:end]
    members = 0
    for k in range(status.size):
        members += status[k] == MEMBER
    counts[N_MEMBERS] += members
    monthly = 0
    for k in range(last_visit.size):
        monthly += last_visit[k] > day.tick - month
    counts[N_MAU] += monthly
    for k in range(last_visit.size):
        if last_visit[k] <= day.tick - day.day_ticks:
            continue
        counts[N_VISITS] += 1
        for r in range(3):
            joined = state.joined[begin + k]
            seen_at = joined + retention_ticks[r] + day.day_ticks - 1
            counts[N_RETAINED_D1 + r] += joined >= 0 and seen_at == day.tick
