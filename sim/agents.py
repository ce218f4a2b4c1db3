"""The readable reader of the rules: a consumer as a Mesa agent.

A :class:`Consumer` is a row of the arrays that acts. Its methods bear the names of the phases and
say what :mod:`sim.kernels` compiles; both engines leave the same bits. Read this file first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import mesa

from sim.day import BY_ACTIVITY, BY_CLICK, BY_HABIT, BY_NEED, BY_ORGANIC, STILL_HERE, OrderLines
from sim.population import LAPSED, MEMBER, NEVER
from sim.randomness import Decision, uniforms
from sim.word_of_mouth import MOST, Talker

if TYPE_CHECKING:
    from sim.model import WordOfMouthModel


class Consumer(Talker):
    """One person: row ``row`` of the model's arrays.

    Everything a consumer knows or changes lives in ``model.world.people`` (traits) and
    ``model.state``; the agent itself only remembers, within a day, why it came and what it does.
    """

    # visit -----------------------------------------------------------------------------------

    def visit(self) -> None:
        """Open the app or the shop today, for any of five reasons."""
        day, state = self.model.day, self.model.state
        self.why, self.reordered = 0, False
        # One address serves four people; products share one likewise in needs().
        u = uniforms(day.seed, int(Decision.VISIT), day.tick, self.row >> 2, 0, 0)[self.row & 3]
        if u < day.organic:
            self.why |= BY_ORGANIC
            self.considered = min(int(u / day.organic * len(self.products)), len(self.products) - 1)
        if any(state.click_due[p, self.row] == day.tick for p in self.products):
            self.why |= BY_CLICK
        if self.status == MEMBER:
            self.visit_as_member()
            if day.day_ticks > 1 and day.tick - int(state.last_visit[self.row]) < day.day_ticks:
                self.why |= STILL_HERE

    def visit_as_member(self) -> None:
        """Come out of habit, for an activity, or because something is needed again."""
        day, people, state = self.model.day, self.model.world.people, self.model.state
        u_habit, u_activity, _, _ = self.luck(Decision.HABIT)
        rate = float(people.visit_rate[self.row])
        if state.habit[self.row] and self.model.plain_rules.happens(u_habit, rate, day.dt):
            self.why |= BY_HABIT
        if u_activity < day.participation:
            self.why |= BY_ACTIVITY
            state.activity[self.row] = day.tick
            state.activity_product[self.row] = day.activity_product
        if any(self.needs(p) for p in self.products):
            self.why |= BY_NEED

    def needs(self, p: int) -> bool:
        """Whether a member needs product p again today."""
        model = self.model
        if not self.owns(p):
            return False
        pace = float(model.world.people.purchase_rate[self.row]) * float(
            model.day.repeat_per_day[p]
        )
        pace *= float(model.state.loyalty[self.row])
        again = model.plain_rules.repeat(
            model.coefficients.repeat, pace, self.satisfaction_with(p), model.day.dt
        )
        return self.luck(Decision.NEED, p >> 2)[p & 3] < again

    # buy -------------------------------------------------------------------------------------

    def buy(self) -> None:
        """Decide on every product that a link, a look or a need brings up."""
        if not self.why:
            return
        for p in self.products:
            again = bool(self.why & BY_NEED) and self.needs(p)
            if again or (self.looks_at(p) and self.decides_for(p)):
                self.model.engine.take_order(self.row, p, again)

    def looks_at(self, p: int) -> bool:
        """Whether she came by a link to p, or came by herself and looks at p."""
        return self.follows_link(p) or bool(self.why & BY_ORGANIC and self.considered == p)

    def follows_link(self, p: int) -> bool:
        """Whether she came by a friend's link to p."""
        return bool(
            self.why & BY_CLICK and self.model.state.click_due[p, self.row] == self.model.day.tick
        )

    def decides_for(self, p: int) -> bool:
        """The choice: appeal against an outside option."""
        model, state, i = self.model, self.model.state, self.row
        c, day, people = model.coefficients, model.day, model.world.people
        sender_trust = 0.5
        if self.follows_link(p):
            tie = int(state.click_tie[p, i])
            sender_trust = model.engine.tie_trust(tie) if tie >= 0 else c.click.stranger_trust
        probability = model.plain_rules.purchase(
            c.purchase,
            float(people.affinity[p, i]),
            math.log(float(people.valuation_cents[p, i]) / self.net_price(p)),
            sender_trust,
            float(state.good_heard[p, i]),
            float(state.bad_heard[p, i]),
            float(day.rating[p]),
            self.owns(p),
        )
        return self.luck(Decision.BUY, p)[0] < probability

    def credited_message(self, p: int) -> tuple[int, int, int]:
        """Sponsor, tie and channel of the message an order of p today is credited to.

        Nobody's: (-1, -1, 0).
        """
        day, state, i = self.model.day, self.model.state, self.row
        linked = self.has_link(p)
        if day.coupons and (day.coupon_first or not linked) and self.types_code(p):
            columns = (state.told_sponsor, state.told_tie, state.told_channel)
        elif linked:
            columns = (state.click_sponsor, state.click_tie, state.click_channel)
        else:
            return -1, -1, 0
        sponsor, tie, channel = (int(column[p, i]) for column in columns)
        return sponsor, tie, channel

    def has_link(self, p: int) -> bool:
        """Whether a friend's link to p is live that an order can be credited to."""
        day, state, i = self.model.day, self.model.state, self.row
        age = day.tick - int(state.click_due[p, i])
        if state.click_sponsor[p, i] in (-1, i) or not 0 <= age <= day.window:
            return False
        return bool(day.existing_customers or not self.is_customer)

    def types_code(self, p: int) -> bool:
        """Whether she types in the code of whoever told her of p last, if she buys."""
        model, day, state, i = self.model, self.model.day, self.model.state, self.row
        age = day.tick - int(state.told_tick[p, i])
        if state.told_sponsor[p, i] in (-1, i) or age > day.window:
            return False
        if self.is_customer and not day.existing_customers:
            return False
        saved = self.friends_discount(p)
        if saved <= 0:
            return False
        chance = model.plain_rules.code_use(
            model.coefficients.purchase, saved / int(day.price_cents[p])
        )
        return self.luck(Decision.CODE, p)[0] < chance

    def friends_discount(self, p: int) -> int:
        """Cents that a friend's link or code takes off p for her."""
        day = self.model.day
        if day.discount_for_new_only and self.is_customer:
            return 0
        return min(int(day.discount_cents[p]), int(day.price_cents[p]))

    def net_price(self, p: int) -> int:
        """Cents she expects to pay for p, after the friend's discount and her points; >= 1."""
        day = self.model.day
        price = int(day.price_cents[p])
        sponsor, _, _ = self.credited_message(p)
        if sponsor >= 0:
            price -= self.friends_discount(p)
        points = int(day.points_cents[min(self.row, day.points_cents.size - 1)])
        return max(price - min(points, price), 1)

    # attribute: credit, then enrol -----------------------------------------------------------

    def credit(self, lines: OrderLines, k: int) -> None:
        """Credit order k of today, one's own, to a friend's link or code, or to nobody."""
        friend, tie, channel = self.credited_message(int(lines.product[k]))
        first_today = k == 0 or lines.buyer[k - 1] != self.row
        lines.new_customer[k] = first_today and not self.is_customer
        lines.sponsor[k], lines.tie[k], lines.channel[k] = friend, tie, channel
        lines.depth[k] = int(self.model.state.depth[friend]) + 1 if friend >= 0 else 0

    def enrol(self, lines: OrderLines, k: int) -> None:
        """Become a member by order k of today, and remember it."""
        model, state, i, p = self.model, self.model.state, self.row, int(lines.product[k])
        if self.status != MEMBER:
            model.engine.count("returned", self.status == LAPSED)
            state.status[i] = MEMBER
            self.tell_friends_of_membership(1)
        if lines.new_customer[k]:
            state.joined[i] = model.day.tick
            state.sponsor[i] = lines.sponsor[k]
            state.depth[i] = lines.depth[k]
            if lines.sponsor[k] >= 0:
                sponsor = model.consumer(int(lines.sponsor[k]))
                ratio = sponsor.reward_for(p) / max(int(model.day.price_cents[p]), 1)
                state.loyalty[i] = model.plain_rules.selection(model.coefficients.repeat, ratio)
        self.reordered |= bool(lines.again[k])
        state.habit[i] = 1
        state.orders[p, i] = min(int(state.orders[p, i]) + 1, MOST)
        state.last_order[p, i] = model.day.tick

    def tell_friends_of_membership(self, change: int) -> None:
        """Everybody who hears from her sees whether she is a member."""
        graph = self.model.world.graph.arrays
        self.model.state.member_friends[graph.target[self.ties_slice()]] += change

    # experience ------------------------------------------------------------------------------

    def experience(self, lines: OrderLines, k: int, paid: bool) -> None:
        """Unpack order k of today; learn about the product and about the friend behind it."""
        model, state, day = self.model, self.model.state, self.model.day
        c, p = model.coefficients.experience, int(lines.product[k])
        u, v, u_refund, _ = self.luck(Decision.EXPERIENCE, p)
        z = math.sqrt(-2.0 * math.log(u)) * math.cos(2.0 * math.pi * v)
        performance = float(day.quality[p]) + float(day.quality_spread[p]) * z
        gap = self.model.plain_rules.disconfirmation(
            c, performance, float(day.expectation[p]), paid
        )
        level = model.plain_rules.satisfaction(c, gap)
        good = level >= 0.5
        state.satisfaction[p, self.row] = level
        state.rated[p] += 1
        state.satisfied[p] += good
        if gap < -c.refund_gap and day.refund_ticks[p] > 0:
            lines.refund_tick[k] = day.tick + 1 + int(u_refund * int(day.refund_ticks[p]))
        if lines.sponsor[k] >= 0:
            notes = model.engine.good if good else model.engine.bad
            notes[lines.sponsor[k]] += 1
            if lines.tie[k] >= 0:
                self.learn_about_tie(int(lines.tie[k]), good)

    def learn_about_tie(self, tie: int, good: bool) -> None:
        """One more experience with what a friend recommends."""
        c, state = self.model.coefficients.experience, self.model.state
        if c.learning == 0.0:
            return
        learn = self.model.plain_rules.learn
        state.good_ties[tie] = learn(
            float(state.good_ties[tie]), c.memory, c.learning if good else 0.0
        )
        state.bad_ties[tie] = learn(
            float(state.bad_ties[tie]), c.memory, 0.0 if good else c.learning
        )

    def update_record(self, good: int, bad: int) -> None:
        """Fold the day's experiences of others with one's links into one's public record."""
        c, state = self.model.coefficients.experience, self.model.state
        if c.learning == 0.0 or good + bad == 0:
            return
        kept = 1.0
        for _ in range(good + bad):
            kept *= c.memory
        learn = self.model.plain_rules.learn
        state.good_record[self.row] = learn(
            float(state.good_record[self.row]), kept, c.learning * good
        )
        state.bad_record[self.row] = learn(
            float(state.bad_record[self.row]), kept, c.learning * bad
        )

    # stay ------------------------------------------------------------------------------------

    def stay(self) -> None:
        """Get over the day's messages; decide whether to leave or to come back."""
        state, day, i = self.model.state, self.model.day, self.row
        if state.inbox[i] > 0 or state.fatigue[i] > 0:
            felt = float(state.fatigue[i]) * day.fatigue_kept + float(state.inbox[i])
            state.fatigue[i] = felt if felt > 1e-6 else 0.0
            state.inbox[i] = 0
        self.leaves = self.status == MEMBER and self.lapses()
        self.comes_back = self.status == LAPSED and self.returns()

    def lapses(self) -> bool:
        """Whether a member leaves; also lets go of the habit of visiting."""
        people, state, day, i = self.model.world.people, self.model.state, self.model.day, self.row
        u_leave, u_habit, u_dropout, _ = self.luck(Decision.STAY)
        multiplier, happens = self.lapse_multiplier(), self.model.plain_rules.happens
        if state.habit[i] and happens(u_habit, float(people.habit_hazard[i]) * multiplier, day.dt):
            state.habit[i] = 0
        if self.reordered and u_dropout < float(people.dropout[i]):
            return True
        return happens(u_leave, float(people.lapse_hazard[i]) * multiplier, day.dt)

    def lapse_multiplier(self) -> float:
        """What satisfaction, money, referrer, friends and fatigue make of her hazard of leaving."""
        model, state, i = self.model, self.model.state, self.row
        sponsor, heard_from = int(state.sponsor[i]), int(model.world.graph.arrays.in_degree[i])
        return model.plain_rules.lapse_multiplier(
            model.coefficients.stay,
            model.coefficients.fatigue.lapse,
            self.overall_satisfaction(),
            bool(model.day.tick - int(state.last_earned[i]) <= model.day.earnings_window),
            sponsor >= 0 and bool(state.status[sponsor] == MEMBER),
            int(state.member_friends[i]) / heard_from if heard_from else 0.0,
            max(0.0, float(state.fatigue[i]) - model.coefficients.fatigue.mute_from),
        )

    def overall_satisfaction(self) -> float:
        """Mean satisfaction with the products she bought; 1/2 without any."""
        owned = [p for p in self.products if self.owns(p)]
        total = 0.0
        for p in owned:
            total += self.satisfaction_with(p)
        return total / len(owned) if owned else 0.5

    def returns(self) -> bool:
        """Whether a lapsed customer is won back by a friend's message or a campaign."""
        u_friend, _, _, u_campaign = self.luck(Decision.STAY)
        if self.why & BY_CLICK and u_friend < self.model.coefficients.stay.win_back:
            return True
        return u_campaign < self.model.day.win_back

    def switch_side(self) -> None:
        """Carry out the decision to leave or to come back."""
        state, i = self.model.state, self.row
        if self.leaves:
            state.status[i], state.habit[i], state.left[i] = LAPSED, 0, self.model.day.tick
            self.tell_friends_of_membership(-1)
            self.model.engine.count("lapsed")
        elif self.comes_back:
            state.status[i], state.habit[i] = MEMBER, 1
            self.tell_friends_of_membership(1)
            self.model.engine.count("returned")

    # measure ---------------------------------------------------------------------------------

    def measure(self) -> None:
        """Be counted."""
        model, state, day, i = self.model, self.model.state, self.model.day, self.row
        joined = int(state.joined[i])
        if self.why not in (0, STILL_HERE) and joined != NEVER:
            state.last_visit[i] = day.tick
        age = day.tick - int(state.last_visit[i])
        model.engine.count("members", self.status == MEMBER)
        model.engine.count("mau", age < model.month_ticks)
        if age < min(day.day_ticks, model.month_ticks):
            model.engine.count("visits")
            for name, ticks in zip(("d1", "d7", "d30"), model.retention_ticks, strict=True):
                if joined >= 0 and joined + ticks + day.day_ticks - 1 == day.tick:
                    model.engine.count(f"retained_{name}")


def make_consumers(model: WordOfMouthModel) -> list[Consumer]:
    """Make a Mesa agent for every row of the arrays; returns them by row."""
    consumers = [Consumer(model, row) for row in range(model.world.graph.size)]
    # Mesa before 3.4 keeps every model alive through this table of identifiers (mesa issue 3180).
    getattr(mesa.Agent, "_ids", {}).pop(model, None)
    return consumers
