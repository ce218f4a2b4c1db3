"""The share phase in the words of one consumer: the twin of :mod:`sim.sharing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mesa
import numpy as np

from sim.day import BROADCAST, GROUP, PERSONAL, SATURATED
from sim.population import MEMBER, NEVER
from sim.randomness import Decision, uniforms

if TYPE_CHECKING:
    from sim.model import WordOfMouthModel

MOST = np.iinfo(np.uint16).max


class Talker(mesa.Agent):
    """A row of the model's arrays that can talk to friends about products."""

    def __init__(self, model: WordOfMouthModel, row: int) -> None:
        super().__init__(model)
        self.row = row
        self.why = 0
        self.considered = 0
        self.reordered = False
        self.leaves = False
        self.comes_back = False

    # Reading one's own row -------------------------------------------------------------------

    @property
    def status(self) -> int:
        """PROSPECT, MEMBER or LAPSED."""
        return int(self.model.state.status[self.row])

    @property
    def is_customer(self) -> bool:
        """Whether she ever bought."""
        return bool((self.model.state.orders[:, self.row] > 0).any())

    @property
    def products(self) -> range:
        """Numbers of the products sold."""
        return range(len(self.model.scenario.products))

    def luck(
        self, decision: Decision, product: int = 0, partner: int = 0
    ) -> tuple[float, float, float, float]:
        """Four uniforms for a decision of this consumer today."""
        day = self.model.day
        return uniforms(day.seed, int(decision), day.tick, self.row, partner, product)

    def owns(self, p: int) -> bool:
        """Whether she bought product p."""
        return bool(self.model.state.orders[p, self.row] > 0)

    def satisfaction_with(self, p: int) -> float:
        """Satisfaction with product p; 1/2 before the first unit."""
        return float(self.model.state.satisfaction[p, self.row])

    def ties_slice(self) -> slice:
        """Her ties, as a slice of the tie arrays."""
        indptr = self.model.world.graph.arrays.indptr
        return slice(int(indptr[self.row]), int(indptr[self.row + 1]))

    @property
    def degree(self) -> int:
        """Number of friends who receive what she shares."""
        ties = self.ties_slice()
        return ties.stop - ties.start

    # share -----------------------------------------------------------------------------------

    def share(self) -> None:
        """A visiting member recommends what she likes or is paid for, or warns of what failed."""
        if not self.why or self.status != MEMBER:
            return
        belief = self.belief()
        for p in self.products:
            if (self.owns(p) or self.took_part(p)) and not self.shared_today(p):
                self.talk_about(p, belief)

    def took_part(self, p: int) -> bool:
        """Whether her latest activity was about product p."""
        state = self.model.state
        return bool(state.activity[self.row] > NEVER and state.activity_product[self.row] == p)

    def shared_today(self, p: int) -> bool:
        """Whether she has shared p in an earlier tick of this day: the same is told once a day."""
        day, state = self.model.day, self.model.state
        if day.day_ticks <= 1:
            return False
        this_morning = day.tick - day.tick % day.day_ticks
        return bool(state.shared_tick[p, self.row] >= this_morning)

    def talk_about(self, p: int, belief: float) -> None:
        """Recommend p through some channel, warn of it, or keep quiet."""
        model, state, day = self.model, self.model.state, self.model.day
        c = model.coefficients.share
        u_share, u_warn, u_channel, u_audience = self.luck(Decision.SHARE, p)
        if state.last_order[p, self.row] == day.tick and self.satisfaction_with(p) < 0.5:
            if u_warn < c.warning:
                self.warn(p, u_audience)
            return
        reward = self.reward_drive(p, belief)
        hub = self.model.plain_rules.hub_factor(c, float(self.degree), day.mean_degree)
        initiative = float(model.world.people.initiative[self.row])
        uncertain = bool(day.sharer_uncertain) and self.reward_for(p) > 0.0
        rate = model.plain_rules.share_rate(c, initiative, hub, self.liking(p), reward, uncertain)
        if not self.model.plain_rules.happens(u_share, rate, day.dt):
            return
        groups = self.groups()
        if u_channel < c.group_share and len(groups) > 0:
            self.post_to_group(p, groups[min(int(u_audience * len(groups)), len(groups) - 1)])
        elif u_channel >= 1.0 - c.broadcast_share:
            self.broadcast(p)
        else:
            effort = float(model.world.people.effort[self.row])
            self.tell(
                p, self.model.plain_rules.audience_size(c, effort, reward, u_audience, self.degree)
            )
        state.shares[self.row] += 1
        model.engine.count("shares")
        if day.day_ticks > 1:
            state.shared_tick[p, self.row] = day.tick

    def reward_for(self, p: int) -> float:
        """What she believes a sale of p through her link earns her, in cents."""
        rewards = self.model.day.reward_cents[p]
        return float(rewards[min(self.row, len(rewards) - 1)])

    def belief(self) -> float:
        """What her record as of this morning says of her success."""
        model, state = self.model, self.model.state
        return model.plain_rules.success_belief(
            model.coefficients.share, float(state.sales[self.row]), float(state.shares[self.row])
        )

    def reward_drive(self, p: int, belief: float) -> float:
        """What the offer for a sale of p moves her to, in shares per day."""
        model, day, people = self.model, self.model.day, self.model.world.people
        c, pull = model.coefficients.share, model.plain_rules.reward_pull
        price = max(int(day.price_cents[p]), 1)
        return model.plain_rules.reward_drive(
            c,
            pull(c, self.reward_for(p) / price),
            pull(c, int(day.discount_cents[p]) / price),
            float(people.closeness[self.row]),
            float(people.reward_sensitivity[self.row]),
            belief,
        )

    def liking(self, p: int) -> float:
        """Enthusiasm for p, from owning it or from an activity, in shares per day."""
        model, state, day = self.model, self.model.state, self.model.day
        c, enthusiasm = model.coefficients.share, model.plain_rules.enthusiasm
        referred = bool(state.sponsor[self.row] >= 0)
        drive = 0.0
        if self.owns(p):
            age = (day.tick - int(state.last_order[p, self.row])) * day.dt
            drive = enthusiasm(c, self.satisfaction_with(p), age, referred)
        if self.took_part(p):
            age = (day.tick - int(state.activity[self.row])) * day.dt
            drive += c.activity * enthusiasm(c, 1.0, age, referred)
        return drive

    def groups(self) -> np.ndarray:
        """Numbers of the groups she is in."""
        graph = self.model.world.graph.arrays
        start, end = graph.person_group_indptr[self.row : self.row + 2]
        return graph.person_group[start:end]

    def unmuted_ties(self) -> list[int]:
        """Her ties whose receivers still listen."""
        ties = self.ties_slice()
        return [e for e in range(ties.start, ties.stop) if not self.model.state.muted[e]]

    def choose_friends(self, decision: Decision, p: int, size: int) -> list[int]:
        """Ties to ``size`` friends, strong ones first by a set degree, without replacement."""
        graph, c = self.model.world.graph.arrays, self.model.coefficients.share
        keyed = []
        for e in self.unmuted_ties():
            u = self.luck(decision, p, int(graph.target[e]))[0]
            keyed.append((self.model.plain_rules.audience_key(c, float(graph.strength[e]), u), e))
        return [e for _, e in sorted(keyed)[:size]]

    def tell(self, p: int, size: int) -> None:
        """Send a link to single friends."""
        graph, engine = self.model.world.graph.arrays, self.model.engine
        chance = self.model.coefficients.click.personal
        for e in self.choose_friends(Decision.AUDIENCE, p, size):
            friend = int(graph.target[e])
            engine.count("personal_messages")
            base = self.reach(chance, 1.0 - float(graph.strength[e]))
            u = self.luck(Decision.AUDIENCE, p, friend)
            clicked = self.message(friend, p, e, PERSONAL, base, engine.tie_trust(e), u)
            engine.count("personal_clicks", clicked)

    def reach(self, base: float, weakness: float = 1.0) -> float:
        """Chance of a channel, scaled by her reputation as a sharer beyond close friends."""
        state, c = self.model.state, self.model.coefficients.click
        good, bad = float(state.good_record[self.row]), float(state.bad_record[self.row])
        return base * self.model.plain_rules.reputation(c, good, bad, weakness)

    def broadcast(self, p: int) -> None:
        """Post where all friends see it."""
        graph, engine = self.model.world.graph.arrays, self.model.engine
        base = self.reach(self.model.coefficients.click.broadcast)
        for e in self.unmuted_ties():
            friend = int(graph.target[e])
            u = self.luck(Decision.AUDIENCE, p, friend)
            self.message(friend, p, e, BROADCAST, base, engine.tie_trust(e), u)

    def post_to_group(self, p: int, group: int) -> None:
        """Post to one of her groups."""
        graph, state, engine = self.model.world.graph.arrays, self.model.state, self.model.engine
        c = self.model.coefficients.click
        base = self.reach(c.group)
        for reader in graph.group_member[graph.group_indptr[group] : graph.group_indptr[group + 1]]:
            reader = int(reader)
            e = self.tie_to(reader)
            if reader == self.row or (e >= 0 and state.muted[e]):
                continue
            believed = engine.tie_trust(e) if e >= 0 else c.stranger_trust
            u = self.luck(Decision.GROUP_MESSAGE, p, reader)
            self.message(reader, p, e, GROUP, base, believed, u)

    def tie_to(self, other: int) -> int:
        """Her tie to another consumer, -1 without one."""
        ties = self.ties_slice()
        row = self.model.world.graph.arrays.target[ties]
        place = int(np.searchsorted(row, other))
        return ties.start + place if place < len(row) and row[place] == other else -1

    def message(
        self,
        reader: int,
        p: int,
        e: int,
        channel: int,
        base: float,
        believed: float,
        u: tuple[float, float, float, float],
    ) -> bool:
        """Bring a message about p to a reader, who clicks or not."""
        model, state, day = self.model, self.model.state, self.model.day
        c = model.coefficients
        model.engine.count("impressions")
        state.inbox[reader] = min(int(state.inbox[reader]) + 1, MOST)
        state.good_heard[p, reader] = min(int(state.good_heard[p, reader]) + 1, SATURATED)
        strength, times = 0.0, 0
        if e >= 0:
            strength = float(model.world.graph.arrays.strength[e])
            times = int(state.times[p, e])
            state.times[p, e] = min(times + 1, SATURATED)
            self.risk_being_muted(reader, p, e)
        key = int(u[2] * 4294967296.0)
        if day.coupons:
            self.code_kept(reader, p, e, channel, key)
        friend = float(day.discount_cents[p])
        probability = model.plain_rules.click(
            c.click,
            base,
            believed,
            float(model.world.people.influence[self.row]),
            float(model.world.people.affinity[p, reader]),
            model.plain_rules.sincerity(
                c.click, strength, self.reward_for(p), friend, bool(day.in_kind)
            ),
            times,
            c.fatigue.click * float(state.fatigue[reader]),
            bool(day.friend_uncertain) and friend > 0.0,
        )
        if u[1] >= probability:
            return False
        model.engine.count("clicks")
        delay = self.model.plain_rules.response_ticks(c.click, u[2], u[3], day.dt)
        self.link_kept(reader, p, e, channel, day.tick + delay, key)
        return True

    def code_kept(self, reader: int, p: int, e: int, channel: int, key: int) -> None:
        """A reader keeps the code of whoever told her last.

        Of messages on one day that with the largest key.
        """
        state, tick = self.model.state, self.model.day.tick
        standing = (int(state.told_key[p, reader]), -int(state.told_sponsor[p, reader]))
        if state.told_tick[p, reader] == tick and (key, -self.row) < standing:
            return
        state.told_sponsor[p, reader] = self.row
        state.told_tick[p, reader] = tick
        state.told_tie[p, reader] = e
        state.told_key[p, reader] = key
        state.told_channel[p, reader] = channel

    def link_kept(self, reader: int, p: int, e: int, channel: int, due: int, key: int) -> None:
        """A reader who clicked comes by this link, unless another one brings her sooner.

        Of links that bring her on the same day the latest click stands, of clicks on one day
        that with the largest key.
        """
        state, tick = self.model.state, self.model.day.tick
        pending = int(state.click_due[p, reader])
        if pending > tick:
            today = state.click_tick[p, reader] == tick
            standing = (int(state.click_key[p, reader]), -int(state.click_sponsor[p, reader]))
            if pending < due or (pending == due and today and (key, -self.row) < standing):
                return
        state.click_key[p, reader] = key
        state.click_sponsor[p, reader] = self.row
        state.click_tick[p, reader] = tick
        state.click_tie[p, reader] = e
        state.click_channel[p, reader] = channel
        state.click_due[p, reader] = due

    def risk_being_muted(self, reader: int, p: int, e: int) -> None:
        """A reader with too many messages may stop listening."""
        state, c = self.model.state, self.model.coefficients.fatigue
        felt = float(state.fatigue[reader])
        if felt <= c.mute_from or c.mute == 0.0:
            return
        u = self.luck(Decision.MUTE, p, reader)[0]
        if u < self.model.plain_rules.mute_chance(c, felt) and not state.muted[e]:
            state.muted[e] = 1
            self.model.engine.count("mutes")

    def warn(self, p: int, u: float) -> None:
        """Tell friends to stay away from p."""
        model, state = self.model, self.model.state
        effort = float(model.world.people.effort[self.row])
        size = self.model.plain_rules.audience_size(
            model.coefficients.share, effort, 0.0, u, self.degree
        )
        for e in self.choose_friends(Decision.WARNING_AUDIENCE, p, size):
            friend = model.world.graph.arrays.target[e]
            state.inbox[friend] = min(int(state.inbox[friend]) + 1, MOST)
            state.bad_heard[p, friend] = min(int(state.bad_heard[p, friend]) + 1, SATURATED)
            model.engine.count("warnings")
