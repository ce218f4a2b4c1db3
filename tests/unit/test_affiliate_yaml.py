"""Programmes read from registry files: what each field becomes, and what is refused."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import InputError
from sim.scenario import Attribution
from sim.schemes import make_scheme
from sim.schemes.affiliate_yaml import LIFE_DAYS, read_affiliate_yaml

SUBSCRIPTION = """
    name: Northwind Notes
    slug: northwind-notes
    url: https://northwind.example
    category: Productivity
    tags: [notes, teams]
    kind: affiliate
    commission:
      type: recurring
      rate: "25%"
      mode: percentage
      value: 25
      currency: USD
      duration: "12 months"
      conditions: null
    cookie_days: 60
    attribution: last-click
    tracking_method: cookie
    payout:
      minimum: 50
      currency: USD
      frequency: monthly
      methods: [bank, paypal]
    description: >
      Notes for teams.
      Pays for a year.
    short_description: Notes for teams
    agents:
      prompt: When a team needs notes.
    verified: false
    created_at: 2026-04-18
    updated_at: null
"""
OLD_BOUNTY = """
    name: Phone Lines
    slug: phone-lines
    commission:
      type: one-time
      rate: $125
      currency: USD
      duration: null
    cookie_days: 30
"""
SHOP_SHARE = """
    name: Gadget Shop
    slug: gadget-shop
    commission: {type: one-time, rate: "12.5%", currency: EUR}
    cookie_days: 7
    attribution: first-click
    payout: {minimum: 25.50, currency: EUR, frequency: weekly}
"""
RANGE = """
    name: Scrape Works
    slug: scrape-works
    commission:
      type: tiered
      rate: 20-30%
      mode: tiered
      value: 30
      currency: USD
      duration: lifetime
      conditions: 20% in the first three months,
        30% from then on
    payout: {frequency: net-60}
"""
MONEY_RANGE = """
    name: Hosting
    slug: hosting
    commission: {type: tiered, rate: "$65 - $1,250.50 per sale", currency: USD}
"""
TWO_WAYS = """
    name: Leads
    slug: leads
    commission: {type: hybrid, rate: "$5 per lead + 30%", mode: hybrid, value: 30, currency: USD}
    payout: {frequency: net-30}
"""
REFERRAL = """
    name: Bank App
    slug: bank-app
    kind: referral
    commission: {type: one-time, rate: "€50", currency: EUR}
    attribution: multi-touch
    payout: {minimum: 10, currency: USD}
"""
OPEN_ENDED = """
    name: Mail Tool
    slug: mail-tool
    commission: {type: recurring, rate: "Up to 40%", mode: percentage, value: 40, currency: USD}
"""
UNITLESS = """
    name: Bare
    slug: bare
    commission: {type: one-time, rate: 175, mode: flat, value: null, currency: USD}
"""


@pytest.fixture
def read(tmp_path):
    """The programme of a YAML text."""

    def from_text(text):
        path = tmp_path / "programme.yaml"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return read_affiliate_yaml(path)

    return from_text


def commission(**fields):
    """A file that is complete but for its commission."""
    inner = "".join(f"\n  {name}: {value}" for name, value in fields.items())
    return f"name: Acme\nslug: acme\ncommission:{inner}\n"


@pytest.mark.parametrize(
    ("text", "scheme", "terms", "attribution"),
    [
        (
            SUBSCRIPTION, "recurring",
            {"rate": 0.25, "duration_days": 365, "minimum_payout": 50, "payout_every_days": 30,
             "hold_days": 14, "customers_only": False, "first_order_only": False},
            {"model": "last_click", "window_days": 60},
        ),
        (
            OLD_BOUNTY, "fixed_bounty",
            {"amount": 125, "first_order_only": True, "minimum_payout": 0, "payout_every_days": 0},
            {"model": "last_click", "window_days": 30},
        ),
        (
            SHOP_SHARE, "percentage",
            {"rate": 0.125, "first_order_only": True, "minimum_payout": 25.5,
             "payout_every_days": 7},
            {"model": "first_click", "window_days": 7},
        ),
        (
            RANGE, "recurring",
            {"rate": 0.3, "duration_days": LIFE_DAYS, "payout_every_days": 30, "hold_days": 60},
            {"model": "last_click"},
        ),
        (
            MONEY_RANGE, "fixed_bounty", {"amount": 1250.5, "first_order_only": True},
            {"model": "last_click"},
        ),
        (
            TWO_WAYS, "percentage",
            {"rate": 0.3, "first_order_only": True, "payout_every_days": 30, "hold_days": 30},
            {"model": "last_click"},
        ),
        (
            REFERRAL, "fixed_bounty",
            {"amount": 50, "customers_only": True, "minimum_payout": 10},
            {"model": "linear"},
        ),
        (
            OPEN_ENDED, "recurring", {"rate": 0.4, "duration_days": LIFE_DAYS},
            {"model": "last_click"},
        ),
        (UNITLESS, "fixed_bounty", {"amount": 175}, {"model": "last_click"}),
    ],
)  # fmt: skip
def test_what_a_file_becomes(read, text, scheme, terms, attribution):
    programme = read(text)
    made = make_scheme(programme.policy, programme.name)
    assert made.name == scheme
    assert {name: getattr(made, name) for name in terms} == terms
    assert programme.attribution == attribution
    assert Attribution(**programme.attribution)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (SUBSCRIPTION, "Amounts are in USD"),
        (OLD_BOUNTY, "hold_days is the default"),
        (RANGE, "'20-30%': the highest figure, 30, is taken"),
        (RANGE, "'tiered' is read as recurring"),
        (RANGE, "published: 20% in the first three months, 30% from then on"),
        (RANGE, "window_days keeps its default"),
        (MONEY_RANGE, "the highest figure, 1250.5, is taken"),
        (TWO_WAYS, "pays in two ways: only the share is here"),
        (REFERRAL, "equal parts (linear)"),
        (REFERRAL, "minimum payout is in USD, not converted"),
        (OPEN_ENDED, "'Up to 40%': the highest figure, 40, is taken"),
        (OPEN_ENDED, "no duration is published, so it is read as lifetime"),
        (commission(type="one-time", rate="25%", value=30), "value says 30: the value is taken"),
        (commission(type="one-time", rate="5%", duration="2 years"), "nothing for a first order"),
        (commission(type="one-time", rate="5%") + "cookie_day: 3\n", "did you mean 'cookie_days'"),
        (commission(type="one-time", rate="5%", valeu=3), "unknown field commission.valeu"),
    ],
)
def test_what_is_doubtful_stands_in_the_note(read, text, note):
    assert note in read(text).note


def test_a_plain_file_leaves_little_to_note(read):
    assert len(read(SUBSCRIPTION).note.splitlines()) == 2


@pytest.mark.parametrize(
    ("duration", "days"),
    [
        ("12 months", 365), ("1 month", 30), ("3 months", 91), ("90 days", 90), ("2 years", 730),
        ("4 weeks", 28), ("12-month", 365), ("Lifetime", LIFE_DAYS), ("forever", LIFE_DAYS),
    ],
)  # fmt: skip
def test_durations_in_days(read, duration, days):
    text = commission(type="recurring", rate="20%", duration=f'"{duration}"')
    assert read(text).policy.parameters["duration_days"] == days


@given(percent=st.integers(0, 10_000))
def test_a_percentage_is_read_exactly(tmp_path_factory, percent):
    path = tmp_path_factory.mktemp("registry") / "acme.yaml"
    path.write_text(commission(type="one-time", rate=f'"{percent / 100:g}%"'))
    rate = read_affiliate_yaml(path).policy.parameters["rate"]
    assert round(rate * 10_000) == percent
    assert len(f"{rate}") <= len("0.1234")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (commission(type="one-time", rate="varies"), r"programme.yaml: .*'varies' gives no figure"),
        (
            commission(type="one-time", rate="varies", mode="unknown", value="null"),
            r"commission.mode = 'unknown' .* write mode: percentage \(or flat\) and value",
        ),
        (commission(type="tiered", rate="see page", mode="tiered", value=30), "gives no figure"),
        (commission(type="hybrid", rate="see page", mode="hybrid", value=30), "gives no figure"),
        (commission(type="hybrid", rate="custom", mode="hybrid"), "gives no figure"),
        (commission(type="one-time", rate=20), 'rate = 20 has no unit; write "20%"'),
        (commission(type="recurring", rate="$50"), "pays 50 again and again.*type: one-time"),
        (commission(type="one-time", rate="75-125% CPA"), "125 percent, more than the price"),
        (commission(type="one-time", rate="5%", value=-3), "commission.value = -3"),
        (commission(type="recuring", rate="5%"), "did you mean 'recurring'"),
        (commission(type="one-time"), "'commission.rate' is missing"),
        (commission(type="one-time", rate="[20]"), r"commission.rate = \[20\]"),
        (commission(type="recurring", rate="5%", duration="a while"), "duration = 'a while'"),
        (commission(type="recurring", rate="5%", duration="0 days"), "duration = '0 days'"),
        (commission(type="recurring", rate="5%", duration="9999 years"), "duration_days"),
        (commission(type="one-time", rate="5%") + "attribution: last-clik\n", "'last-click'"),
        (commission(type="one-time", rate="5%") + "cookie_days: 5000\n", "0 to 3650 .days"),
        (commission(type="one-time", rate="5%") + "kind: cashback\n", "pays who buys"),
        (commission(type="one-time", rate="5%") + "kind: creator-payout\n", "for an audience"),
        (commission(type="one-time", rate="5%") + "payout: 50\n", "payout: 50 is not a table"),
        (
            commission(type="one-time", rate="5%") + "payout: {minimum: 33.333}\n",
            "33.333 is not a whole number of cents",
        ),
        (
            commission(type="one-time", rate="5%") + "payout: {frequency: montly}\n",
            "did you mean 'monthly'",
        ),
        ("name: A\nslug: a\ncommission: 25%\n", "commission: '25%' is not a table"),
        ("name: A\nslug: A b\ncommission: {type: one-time, rate: 5%}\n", "slug: 'A b' cannot"),
        ("name: A\nslug: a\n", "'commission' is missing"),
        ("", "holds no programme"),
        ("- name\n", "holds no programme"),
        ("name: A\n slug: a\n", "not valid YAML in line 2"),
        ("name: [A\n", "not valid YAML in line 2"),
        ("name: *other\n", "not valid YAML in line 1"),
        ("name: !!python/object:os.system {}\n", "not valid YAML in line 1"),
        ("created_at: 2026-13-45\n", "not valid YAML: month must be in"),
    ],
)
def test_what_cannot_be_read_is_refused(read, text, message):
    with pytest.raises(InputError, match=message) as raised:
        read(text)
    assert "programme.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_affiliate_yaml(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match="is a folder"):
        read_affiliate_yaml(tmp_path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a UTF-8 text file"):
        read_affiliate_yaml(binary)
