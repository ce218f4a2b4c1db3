"""The model: builds the world and runs the phases of a day with either engine.

:data:`sim.day.PHASES` is a day, in order. Every phase reads the state as it is at its start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

import mesa
import numpy as np

from sim import measures
from sim._jit import plain
from sim.agent_engine import AgentEngine
from sim.agents import Consumer, make_consumers
from sim.attribution import Attribution
from sim.attribution import check as check_attribution
from sim.campaign import make_calendar
from sim.day import PHASES as PHASES
from sim.day import Day, OrderLines, constants_of
from sim.engine import KernelEngine, no_counts
from sim.errors import InputError, nearest
from sim.incentives import (
    Everybody,
    Market,
    Programme,
    Scheme,
    check_jurisdiction,
    make_scheme,
)
from sim.ledger import Ledger
from sim.market import NOTHING_TOLD, Told
from sim.opportunists import Opportunists, draw_opportunists
from sim.orders import GENUINE, NO_ORDERS, Orders
from sim.population import MEMBER, State, copy_state
from sim.processors import check_threads
from sim.quantities import cents
from sim.rules import BUILT_IN, Rules, coefficients
from sim.scenario import Policy, Scenario
from sim.schemes.team import TeamPurchase
from sim.segments import draw_segments
from sim.teams import Seating, Teams, left_to_spend, team_parts
from sim.world import World, luck_seed, make_world, world_seed

if TYPE_CHECKING:
    import pandas as pd

Engine = Literal["kernels", "agents"]
ENGINES: dict[str, Callable[[Any, int], Any]] = {"kernels": KernelEngine, "agents": AgentEngine}

NO_POINTS = np.zeros(1, np.int64)
NOBODY_PAID = np.empty(0, np.bool_)
ONE_SALE = np.int32(1)
_METHODS = tuple(f"_{phase.name}" for phase in PHASES)


def policy_scheme(scenario: Scenario, policy: str | Policy | Scheme) -> Scheme:
    """The scheme of a policy named in the scenario, or given as it is.

    Raises
    ------
    InputError
        If the name or a parameter is wrong, or the scheme breaks the scenario's jurisdiction.
    """
    where = f"policies.{policy}" if isinstance(policy, str) else "policy"
    if isinstance(policy, str):
        if policy not in scenario.policies:
            raise InputError(f"there is no policy '{policy}'{nearest(policy, scenario.policies)}")
        policy = scenario.policies[policy]
    scheme = make_scheme(policy, where)
    check_jurisdiction(scheme, scenario.jurisdiction, where)
    check_attribution(scenario.attribution, scheme)
    return scheme


def default_policy(scenario: Scenario) -> str:
    """The baseline if the scenario has it, else its first policy."""
    baseline = scenario.compare.baseline
    return baseline if baseline in scenario.policies else next(iter(scenario.policies))


class WordOfMouthModel(mesa.Model):
    """A platform that sells to people who know each other, under one incentive policy.

    Parameters
    ----------
    scenario : Scenario, optional
        The world; the default scenario when left out.
    policy : str, Policy or Scheme, optional
        A name in ``scenario.policies``, or a scheme; the baseline when left out.
    seed : int, optional
        Seed of the study; ``scenario.seed`` when left out.
    replication : int
        Which of the worlds and lucks that ``seed`` stands for.
    engine : {"kernels", "agents"}
        Compiled kernels, or Mesa agents that act one by one; the results are the same bits.
    rules : Rules, optional
        Decision rules, see :func:`sim.rules.replace`.
    world : World, optional
        A world made before by :func:`sim.world.make_world`; it is not changed.
    threads : int
        Threads that share the work of a day in a large world; the results are the same bits.

    Raises
    ------
    InputError
        If the policy, a file or a parameter cannot be used.
    """

    changing: ClassVar = (
        "tick", "steps", "state", "ledger", "programme", "attribution", "teams", "_series",
    )  # fmt: skip

    def __init__(
        self,
        scenario: Scenario | None = None,
        *,
        policy: str | Policy | Scheme | None = None,
        seed: int | None = None,
        replication: int = 0,
        engine: Engine = "kernels",
        rules: Rules = BUILT_IN,
        world: World | None = None,
        threads: int = 1,
    ) -> None:
        check_threads(threads)
        self.scenario = scenario = scenario if scenario is not None else Scenario()
        self.study_seed = scenario.seed if seed is None else seed
        self.replication = replication
        if not 0 <= self.study_seed < 2**63:
            raise InputError(
                f"seed = {self.study_seed} is not allowed; write a whole number from 0 to 2^63 - 1"
            )
        super().__init__(rng=self.study_seed)
        if engine not in ENGINES:
            raise InputError(f"there is no engine '{engine}'{nearest(engine, ENGINES)}")
        policy = default_policy(scenario) if policy is None else policy
        scheme = policy_scheme(scenario, policy)
        self.rules = rules
        self.world, self.state = self._start(world)
        self.coefficients = coefficients(scenario.behavior)
        self.plain_rules = Rules(*(plain(function) for function in rules))
        self.calendar = make_calendar(scenario)
        self.tick, self._ticks = 0, scenario.ticks
        self.month_ticks = scenario.ticks_in(30)
        self.retention_ticks = np.array([scenario.ticks_in(days) for days in (1, 7, 30)])
        self.ledger = Ledger(self.world.graph.size)
        self._prices = self.calendar.price_cents[0].copy()
        self._is_member = self.state.status == MEMBER
        self._seeded = np.flatnonzero(self.state.last_order[0] == 0).astype(np.int32)
        self.market = self._open_market()
        self.attribution = Attribution(scenario.attribution, scenario.dt)
        self._players = draw_opportunists(scenario, self.world.graph.size, self._world_seed)
        self.teams: Teams | None = None
        name = self._name_of(policy)
        programme = Programme(
            scheme, self.market, self.ledger, f"policies.{name}", self.attribution.split
        )
        programme.check_budgets()
        self.adopt(name, programme)
        self.engine = ENGINES[engine](self, threads)
        self.datacollector: mesa.DataCollector = DailyCollector(self)
        self._luck = np.uint64(luck_seed(self.study_seed, replication))
        self._series = measures.DailySeries()
        self._consumers: list[Consumer] = []
        self._told = NOTHING_TOLD
        self._fixed = constants_of(
            scenario, self.attribution.window_ticks,
            self.world.graph.tie_count / self.world.graph.size, self._luck,
        )  # fmt: skip

    def _start(self, world: World | None) -> tuple[World, State]:
        """The world and a state of one's own to change; a world just made needs no copy."""
        if world is None:
            own = make_world(self.scenario, world_seed(self.study_seed, self.replication))
            return World(own.graph, own.people, None, own.seed), cast(State, own.initial)
        if world.initial is None:
            raise InputError(
                "world = the world of another run, which has moved on; make one to start from "
                "with sim.world.make_world(scenario, seed)"
            )
        return world, copy_state(world.initial)

    @property
    def scenario(self) -> Scenario:
        """The scenario of the run."""
        return self._scenario_of_run

    @scenario.setter
    def scenario(self, scenario: Any) -> None:
        """Keep the scenario given first."""
        # From 3.4 on Mesa sets a scenario of its own kind when a model is made; ours stays.
        if isinstance(scenario, Scenario):
            self._scenario_of_run = scenario

    @property
    def _world_seed(self) -> int:
        """Seed of what is drawn of the world after it was made."""
        if self.world.seed is not None:
            return self.world.seed
        return world_seed(self.study_seed, self.replication)

    def _open_market(self) -> Market:
        products, arrays = self.scenario.products, self.world.graph.arrays
        people = Everybody(
            sponsor_of=self.state.sponsor,
            is_member=self._is_member,
            joined=self.state.joined,
            friends=np.diff(arrays.indptr),
            segment_of=draw_segments(self.scenario, self.world.graph.size, self._world_seed),
        )
        return Market(
            prices_cents=self._prices,
            unit_costs_cents=np.array(
                [cents(product.unit_cost, "unit_cost") for product in products]
            ),
            products=tuple(product.name for product in products),
            categories=tuple(product.category for product in products),
            people=people,
            ledger=self.ledger,
            segments=tuple(segment.name for segment in self.scenario.population.segments),
            dt=self.scenario.dt,
            seed=luck_seed(self.study_seed, self.replication),
        )

    def adopt(self, policy: str, programme: Programme) -> None:
        """Run ``programme`` from the next step on; :meth:`switch` makes one of a policy."""
        parts = team_parts(programme.whole, programme.where)
        if self.teams is not None:
            self.teams.dissolve(self.tick)
        self.policy = policy
        self.programme, self.market = programme, programme.market
        self._team_parts = parts
        self.teams = self._make_teams()
        self.opportunists = Opportunists(
            self.scenario, self._players, programme, self.world.graph.arrays
        )

    def _name_of(self, policy: str | Policy | Scheme) -> str:
        return policy if isinstance(policy, str) else "policy"

    def _make_teams(self) -> Teams | None:
        """The open teams, if the scheme or a part of it lets people buy in teams."""
        if not self._team_parts:
            return None
        scheme = cast(TeamPurchase, self._team_parts[-1].scheme)
        latest = int(self.ledger.orders().team.max(initial=0))
        return Teams(scheme, self.scenario, self.world, self.rules, self.ledger, latest)

    def switch(self, policy: str | Policy | Scheme) -> None:
        """Change the policy from the next step on; a policy of the same terms just goes on.

        New orders fall under the new policy, which begins afresh
        (:meth:`sim.incentives.Programme.succeed`). Orders so far stay under the old one, which
        settles their commissions by its own terms. Points and what people owe stay theirs. Open
        teams of the old policy fail, and their deposits go back. Luck is as it would have been.

        policy : a name in ``scenario.policies``, or a scheme.

        Raises
        ------
        InputError
            If the policy cannot be used, or would be over already. The model is as it was.
        """
        scheme, name = policy_scheme(self.scenario, policy), self._name_of(policy)
        if self.programme.is_of(scheme):
            self.policy = name
            return
        first_order = self._series.orders_so_far
        programme = self.programme.succeed(scheme, f"policies.{name}", self.tick, first_order)
        programme.check_budgets()
        self.adopt(name, programme)

    def resume(self) -> None:
        """Follow :mod:`sim.checkpoint`, which put the morning of another day in place."""
        latest = max(self.tick - 1, 0)
        self.market.advance(latest)
        self._prices[:] = self.calendar.price_cents[latest]
        np.equal(self.state.status, MEMBER, out=self._is_member)
        self.running = self.tick < self.scenario.ticks

    # The phases of a day -------------------------------------------------------------------

    def step(self) -> None:
        """One day: the phases of :data:`PHASES` in order."""
        if self.tick >= self._ticks:
            raise InputError(f"the run is over after {self._ticks} ticks; make a new model")
        for method in _METHODS:
            getattr(self, method)()
        self.datacollector.collect(self)
        self.tick += 1
        self.running = self.tick < self._ticks
        if not self.running or self.tick % self.month_ticks == 0:
            self.ledger.check()

    def run(self, days: float | None = None) -> WordOfMouthModel:
        """Run to the horizon, or for ``days`` more; returns the model itself."""
        end = self.scenario.ticks
        if days is not None:
            end = min(end, self.tick + max(0, round(days / self.scenario.dt)))
        while self.tick < end:
            self.step()
        return self

    def _campaign(self) -> None:
        prices = self.calendar.price_cents[self.tick]
        self._prices[:] = prices
        self.market.advance(self.tick)
        np.equal(self.state.status, MEMBER, out=self._is_member)
        offer = self.programme.offer()
        if offer is not self._told.offer:
            self._told = Told.of(offer)
        records = zip(self.state.satisfied.tolist(), self.state.rated.tolist(), strict=True)
        self.counts = no_counts()
        self.day = Day(
            tick=self.tick,
            organic=float(self.calendar.organic[self.tick]),
            participation=float(self.calendar.participation[self.tick]),
            activity_product=int(self.calendar.activity_product[self.tick]),
            win_back=float(self.calendar.win_back[self.tick]),
            discount_for_new_only=self.programme.scheme.first_order_only,
            sharer_uncertain=bool(offer.sharer_uncertain),
            friend_uncertain=bool(offer.friend_uncertain),
            in_kind=bool(offer.in_kind),
            price_cents=prices,
            reward_cents=self._told.reward_cents,
            discount_cents=self._told.discount_cents,
            points_cents=self._spendable_points(),
            rating=np.array([(good + 1) / (rated + 2) for good, rated in records]),
            **self._fixed,
        )

    def _spendable_points(self) -> np.ndarray:
        """What each person can pay in points, int64 (N,) or a single 0: kernels want their own."""
        return self.ledger.points_cents.copy() if self.programme.pays_points else NO_POINTS

    def _visit(self) -> None:
        self.engine.visit()
        state = self.state
        self.attribution.record(
            self.tick, state.click_due, state.click_sponsor, state.click_tie, state.click_channel
        )

    def _buy(self) -> None:
        self.lines: OrderLines = self.engine.buy()
        self._seating = Seating.nobody(self.lines.buyer.size)
        if self.teams is not None:
            self.lines, self._seating = self.teams.form(
                self.lines, self.day, self.state, left_to_spend(self._team_parts)
            )

    def _attribute(self) -> None:
        if self.lines.buyer.size:
            self.engine.credit(self.lines)
        self.attribution.decide(self.tick, self.lines, self.state)
        if self.lines.buyer.size:
            self.engine.enrol(self.lines, self.counts)
            np.equal(self.state.status, MEMBER, out=self._is_member)

    def _settle(self) -> None:
        if self.tick == 0 and self._seeded.size:
            unit_cost = int(self.market.unit_costs_cents[0])
            self.ledger.book_gifts(self.tick, self._seeded, unit_cost)
        placed = self.opportunists.play(self._orders_of_today())
        self.orders, self.paid = placed, NOBODY_PAID
        if placed.order_id.size:
            self._book(placed)
        self.programme.close_day()
        if self.programme.winners.size:
            self.state.last_earned[self.programme.winners] = self.tick

    def _book(self, placed: Orders) -> None:
        """Book today's orders and what they earn."""
        self._series.orders_so_far += placed.order_id.size
        self.orders = self.programme.grant_discounts(placed)
        self.ledger.book_orders(self.orders)
        credited = self.programme.settle(self.orders)
        if credited.size == 0:
            self.paid = np.zeros(len(self.orders.order_id), np.bool_)
            return
        self.state.last_earned[credited] = self.tick
        self.paid = self.ledger.commissioned(self.orders.order_id)
        by_link = self.paid & (self.orders.sponsor >= 0) & (self.orders.fraud == GENUINE)
        np.add.at(self.state.sales, self.orders.sponsor[by_link], ONE_SALE)

    def _orders_of_today(self) -> Orders:
        lines, count, first = self.lines, self.lines.buyer.size, self._series.orders_so_far
        if count == 0:
            return NO_ORDERS
        tick, never = np.empty((2, count), np.int32)
        tick.fill(self.tick)
        never.fill(-1)
        discounts, points = np.zeros((2, count), np.int64)
        return Orders(
            order_id=np.arange(first, first + count),
            tick=tick,
            buyer=lines.buyer.copy(),
            product=lines.product.copy(),
            price_cents=self.day.price_cents[lines.product],
            discount_cents=discounts,
            cost_cents=self.market.unit_costs_cents[lines.product],
            sponsor=lines.sponsor.copy(),
            depth=lines.depth.copy(),
            channel=lines.channel.copy(),
            new_customer=lines.new_customer.copy(),
            refund_tick=never,
            points_cents=points,
            fakes=np.zeros(count, np.int8),
            fraud=np.zeros(count, np.uint8),
            team=self._seating.team,
            team_opener=self._seating.opener,
        )

    def _experience(self) -> None:
        lines = self.lines
        # What opportunists make up follows the orders of the lines and is experienced by nobody.
        count = lines.buyer.size
        if count == 0:
            return
        paid = self.paid[:count]
        if np.count_nonzero(paid):
            paid = paid & (self.orders.fraud[:count] == GENUINE) & (lines.sponsor >= 0)
        self.engine.experience(lines, paid)
        self.ledger.schedule_refunds(self.orders.order_id[:count], lines.refund_tick)

    def _share(self) -> None:
        self.engine.share(self.counts)

    def _stay(self) -> None:
        self.engine.stay(self.counts)

    def _measure(self) -> None:
        self.engine.measure(self.counts)
        self._series.record(self.counts, self.orders, self.ledger.totals())

    # What a run left -----------------------------------------------------------------------

    @property
    def daily(self) -> pd.DataFrame:
        """A row per day so far: ``day`` and the columns of :data:`sim.measures.DAILY`."""
        return self._series.frame(self.scenario.dt)

    def outcomes(self) -> dict[str, float | int]:
        """The measures of :data:`sim.measures.MEASURES` over the days so far."""
        return measures.outcomes(self.record())

    def record(self) -> measures.Run:
        """What the measures read of this run."""
        return measures.Run(
            scenario=self.scenario,
            graph=self.world.graph,
            daily=self._series.columns(),
            orders=self.ledger.orders(),
            ledger=self.ledger,
            state=self.state,
            month_ticks=self.month_ticks,
            retention_ticks=self.retention_ticks,
            ticks=self.tick,
        )

    @property
    def agents(self) -> mesa.agent.AgentSet:
        """The consumers as a Mesa AgentSet, made when first asked for."""
        if not self._consumers:
            self._consumers = make_consumers(self)
        return super().agents

    def consumer(self, row: int) -> Consumer:
        """The consumer of a row of the arrays."""
        if not self._consumers:
            self._consumers = make_consumers(self)
        return self._consumers[row]


class DailyCollector(mesa.DataCollector):
    """A Mesa DataCollector whose model variables are the model's own daily columns.

    The model records its day anyway; nothing is collected twice.
    """

    def __init__(self, model: WordOfMouthModel) -> None:
        self._model = model
        super().__init__()
        self.model_reporters = dict(measures.DAILY)

    def collect(self, model: mesa.Model) -> None:
        """Note that the step was collected; the columns are read from the model when asked for."""
        # Mesa from 3.4 on looks collected steps up in this list.
        getattr(self, "_collection_steps", []).append(model.steps)

    @property
    def model_vars(self) -> dict[str, list[Any]]:
        """Columns by name, a list of one value per step."""
        return {name: column.tolist() for name, column in self._model._series.columns().items()}

    @model_vars.setter
    def model_vars(self, value: dict[str, list[Any]]) -> None:
        """Mesa resets the variables when it starts; the model's own are not its to reset."""
