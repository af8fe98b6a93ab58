"""The invariants of the journal hold on a good journal and name what is wrong with a bad one."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.domain.amount import Amount, AssetCode
from ledger.domain.entry import AccountName, JournalEntry, Posting
from ledger.domain.event import BalanceSnapshot, SourceRank, Transfer
from ledger.domain.event_text import HeadFields
from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId, EntryId, EventId, Hash, SourceId, VenueName, hash_of
from ledger.domain.transfers.pairing import USUAL_LIMITS
from ledger.journal.balances import balances_of, balances_of_entries
from ledger.journal.chain import link
from ledger.journal.chart import assets_of_account
from ledger.journal.checks import (
    Entries,
    SealedEntry,
    broken_chain,
    broken_reversals,
    events_without_one_live_entry,
    reconciled,
    unexplained_clearing,
)
from ledger.journal.pair_choices import dismissal_of, match_of
from ledger.journal.pairing import Pairing, paired
from ledger.journal.posting_rules import entry_of, reversal_of

GENESIS = hash_of("genesis")
NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
BTC, USD = AssetCode("BTC"), AssetCode("USD")


def head(name: str, account: str = "main", hours: int = 0) -> HeadFields:
    return HeadFields(
        event_id=EventId(f"{name:0<32}"),
        source_id=SourceId(name),
        venue=VenueName("file"),
        account=AccountId(account),
        occurred_at=NOW + timedelta(hours=hours),
        rank=SourceRank.FILE,
        sequence=None,
        order_id=None,
        client_order_id=None,
        bot=None,
        note=None,
        provisional=False,
    )


def transfer(name: str, sender: str | None, receiver: str | None, quantity: str = "1", asset: AssetCode = BTC) -> Transfer:
    return Transfer(
        from_account=None if sender is None else AccountId(sender),
        to_account=None if receiver is None else AccountId(receiver),
        amount=Amount(quantity=Decimal(quantity), asset=asset),
        **head(name),
    )


def pairing(*transfers: Transfer) -> Pairing:
    return paired(transfers, [], USUAL_LIMITS)


def booked(event: Transfer, revision: int = 1) -> JournalEntry:
    entry = entry_of(event, revision)
    assert entry is not None
    return entry


def fresh(entries: Iterable[JournalEntry]) -> Entries:
    kept = list(entries)
    return lambda: iter(kept)


def codes(findings: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in findings]


OUT, IN, BOTH = transfer("1", "main", None), transfer("2", None, "vault"), transfer("3", "main", "vault")
E1, E2, E3 = booked(OUT), booked(IN), booked(BOTH)


# --- one live entry an event -----------------------------------------------------------------------------------------


def test_each_event_has_one_live_entry_after_a_correction() -> None:
    entries = fresh([E1, reversal_of(E1, OUT.event_id, 1), booked(OUT, 2), E2])
    assert events_without_one_live_entry([OUT.event_id, IN.event_id], entries) == []


LIVE_FAULTS: dict[str, tuple[list[EventId], list[JournalEntry], list[tuple[str, str]]]] = {
    "never booked": ([OUT.event_id, IN.event_id], [E1], [("not-one-live-entry", IN.event_id)]),
    "booked twice": ([OUT.event_id], [E1, booked(OUT, 2)], [("not-one-live-entry", OUT.event_id)]),
    "reversed and not booked again": ([OUT.event_id], [E1, reversal_of(E1, OUT.event_id, 1)], [("not-one-live-entry", OUT.event_id)]),
    "an entry of no event": ([OUT.event_id], [E1, E2], [("entry-without-event", IN.event_id)]),
}


@pytest.mark.parametrize(("event_ids", "entries", "expected"), LIVE_FAULTS.values(), ids=LIVE_FAULTS)
def test_events_without_exactly_one_live_entry_are_named(
    event_ids: list[EventId], entries: list[JournalEntry], expected: list[tuple[str, str]]
) -> None:
    assert [(each.code, each.subject) for each in events_without_one_live_entry(event_ids, fresh(entries))] == expected


# --- reversals -------------------------------------------------------------------------------------------------------


def test_reversals_mirror_their_targets() -> None:
    assert broken_reversals(fresh([E1, reversal_of(E1, OUT.event_id, 1), E3, reversal_of(E3, BOTH.event_id, 1)])) == []


REVERSAL = reversal_of(E3, BOTH.event_id, 1)
REVERSAL_FAULTS: dict[str, tuple[list[JournalEntry], list[str]]] = {
    "before its target": ([REVERSAL, E3], ["reversal-not-mirrored"]),
    "of nothing": ([replace(REVERSAL, reverses=EntryId("E-none-1"))], ["reversal-not-mirrored"]),
    "of other postings": ([E3, replace(REVERSAL, postings=E1.postings)], ["reversal-not-mirrored"]),
    "of a reversal": (
        [E3, REVERSAL, replace(E3, entry_id=EntryId("E-x-1r"), reverses=REVERSAL.entry_id)],
        ["reversal-not-mirrored"],
    ),
    "twice": ([E3, REVERSAL, reversal_of(E3, BOTH.event_id, 2)], ["reversed-twice"]),
}


@pytest.mark.parametrize(("entries", "expected"), REVERSAL_FAULTS.values(), ids=REVERSAL_FAULTS)
def test_reversals_that_do_not_mirror_are_named(entries: list[JournalEntry], expected: list[str]) -> None:
    assert codes(broken_reversals(fresh(entries))) == expected


# --- the chain -------------------------------------------------------------------------------------------------------


def sealed(entries: Iterable[JournalEntry]) -> list[SealedEntry]:
    rows, previous = [], GENESIS
    for entry in entries:
        facts = hash_of(entry.event_id)
        previous = link(previous, entry, facts)
        rows.append((entry, facts, previous))
    return rows


ROWS = sealed([E1, E2, E3, REVERSAL])
MOVED = Posting(debit=E1.postings[0].debit, credit=E1.postings[0].credit, amount=Amount(quantity=Decimal(2), asset=BTC))
CHANGED: dict[str, tuple[list[SealedEntry], str]] = {
    "an amount": ([(replace(E1, postings=(MOVED,)), *ROWS[0][1:]), *ROWS[1:]], E1.entry_id),
    "an instant": ([ROWS[0], (replace(E2, occurred_at=NOW + timedelta(microseconds=1)), *ROWS[1][1:]), *ROWS[2:]], E2.entry_id),
    "facts of the event": ([ROWS[0], (E2, hash_of("other"), ROWS[1][2]), *ROWS[2:]], E2.entry_id),
    "what is reversed": ([*ROWS[:3], (replace(REVERSAL, reverses=E1.entry_id), *ROWS[3][1:])], REVERSAL.entry_id),
    "a stored hash": ([ROWS[0], (*ROWS[1][:2], Hash("f" * 64)), *ROWS[2:]], E2.entry_id),
    "a removed entry": ([ROWS[0], *ROWS[2:]], E3.entry_id),
    "two entries swapped": ([ROWS[1], ROWS[0], *ROWS[2:]], E2.entry_id),
    "an entry put in": ([ROWS[0], (REVERSAL, hash_of("x"), hash_of("y")), *ROWS[1:]], REVERSAL.entry_id),
}


def test_an_untouched_chain_is_whole() -> None:
    assert broken_chain(ROWS, GENESIS) == []
    assert broken_chain([], GENESIS) == []


@pytest.mark.parametrize(("rows", "subject"), CHANGED.values(), ids=CHANGED)
def test_the_first_broken_link_is_named(rows: list[SealedEntry], subject: str) -> None:
    (finding,) = broken_chain(rows, GENESIS)
    assert (finding.code, finding.severity, finding.subject) == ("chain-broken", Severity.ERROR, subject)


def test_equal_amounts_written_differently_give_one_hash() -> None:
    longer = Posting(debit=E1.postings[0].debit, credit=E1.postings[0].credit, amount=Amount(quantity=Decimal("1.000"), asset=BTC))
    assert link(GENESIS, replace(E1, postings=(longer,)), ROWS[0][1]) == ROWS[0][2]


# --- balances and clearing -------------------------------------------------------------------------------------------


def test_balances_are_debit_positive_sorted_and_without_zeros() -> None:
    rows = [
        ("b", "a", "BTC", Decimal("0.1")),
        ("b", "a", "BTC", Decimal("0.2")),
        ("a", "b", "ETH", Decimal(5)),
        ("b", "a", "ETH", Decimal(5)),
    ]
    assert list(balances_of(rows).items()) == [(("a", "BTC"), Decimal("-0.3")), (("b", "BTC"), Decimal("0.3"))]


def test_balances_keep_every_digit() -> None:
    big, small = Decimal(99999999999999999999), Decimal("0.000000000000000001")
    total = balances_of([("a", "b", "X", big), ("a", "b", "X", small)])
    assert str(total[AccountName("a"), AssetCode("X")]) == "99999999999999999999.000000000000000001"


def test_a_clearing_account_at_zero_needs_no_word() -> None:
    assert unexplained_clearing(balances_of_entries([E3]), pairing()) == []


def test_halves_of_transfers_explain_the_clearing_account() -> None:
    other = transfer("2", None, "vault", "2")
    findings = unexplained_clearing(balances_of_entries([E1, booked(other), E3]), pairing(OUT, other))
    assert codes(findings) == ["unpaired-withdrawal", "unpaired-deposit"]
    assert "no arrival is known" in findings[0].message
    assert "lotwright transfers dismiss 100000000000" in findings[0].mend
    assert "no origin is known" in findings[1].message
    assert "a `withdrawal` of 2 BTC at 2025-03-01T12:00:00.000000Z, which will pair with it" in findings[1].mend


def test_halves_that_are_paired_need_no_word_even_where_some_was_lost() -> None:
    less = transfer("2", None, "vault", "0.999")
    for arrived in (IN, less):
        assert unexplained_clearing(balances_of_entries([E1, booked(arrived)]), pairing(OUT, arrived)) == []


def test_a_half_that_several_fit_names_them() -> None:
    more = transfer("4", "other", None)
    found = unexplained_clearing(balances_of_entries([E1, E2, booked(more)]), pairing(OUT, IN, more))
    assert codes(found) == ["unpaired-withdrawal", "unpaired-deposit", "unpaired-withdrawal"]
    assert "100000000000, 400000000000 would fit, and nothing tells which" in found[1].message
    assert found[1].mend == "say which: lotwright transfers match 200000000000 100000000000"


@pytest.mark.parametrize("half", [OUT, IN])
def test_a_dismissed_half_says_how_it_can_be_told_what_it_was(half: Transfer) -> None:
    dismissed = paired([half], [dismissal_of(pairing(half), half, decided_at=NOW)], USUAL_LIMITS)
    (finding,) = unexplained_clearing(balances_of_entries([booked(half)]), dismissed)
    assert finding.code == ("dismissed-withdrawal" if half is OUT else "dismissed-deposit")
    assert f"lotwright transfers split {half.event_id[:12]}" in finding.mend


def test_a_match_that_holds_no_longer_is_found() -> None:
    decided = match_of(Pairing(pairs=(), waiting=(), dismissed=(), void=()), [OUT, IN], USUAL_LIMITS, rest_is_fee=False, decided_at=NOW)
    found = unexplained_clearing(balances_of_entries([E1]), paired([OUT], [decided], USUAL_LIMITS))
    assert codes(found) == ["unpaired-withdrawal", "pair-decision-void"]
    assert found[1].mend.endswith("lotwright transfers match 100000000000 200000000000")


def test_a_clearing_balance_beyond_the_known_halves_is_an_error() -> None:
    (finding,) = unexplained_clearing(balances_of_entries([E1]), pairing())
    assert (finding.code, finding.subject) == ("clearing-not-zero", "equity:clearing:transfers BTC")
    assert "holds 1 BTC" in finding.message


def test_a_half_that_is_not_in_the_clearing_account_is_an_error_too() -> None:
    assert codes(unexplained_clearing({}, pairing(OUT))) == ["unpaired-withdrawal", "clearing-not-zero"]


def test_money_that_came_from_a_bank_is_no_half_transfer() -> None:
    deposit = transfer("4", None, "main", asset=USD)
    assert unexplained_clearing(balances_of_entries([booked(deposit)]), pairing(deposit)) == []


# --- the venue's balances --------------------------------------------------------------------------------------------


def snapshot(quantity: str, asset: AssetCode = BTC, account: str = "main", hours: int = 0) -> BalanceSnapshot:
    name = f"{account}{asset}{hours}{quantity}"
    return BalanceSnapshot(balance=Amount(quantity=Decimal(quantity), asset=asset), **head(name, account, hours))


BALANCES = {
    (assets_of_account(AccountId("main")), BTC): Decimal("1.5"),
    (assets_of_account(AccountId("main")), USD): Decimal(10),
    (assets_of_account(AccountId("other")), USD): Decimal(7),
    (AccountName("equity:funding"), USD): Decimal(-17),
}


def test_equal_balances_are_rows_without_findings() -> None:
    result = reconciled(BALANCES, [snapshot("1.50"), snapshot("10", USD), snapshot("0", AssetCode("ETH"))])
    assert result.findings == ()
    assert [(row.account, row.asset, row.difference) for row in result.rows] == [
        ("main", "BTC", Decimal(0)),
        ("main", "ETH", Decimal(0)),
        ("main", "USD", Decimal(0)),
    ]


def test_the_newest_snapshot_counts() -> None:
    result = reconciled(BALANCES, [snapshot("1.5", hours=2), snapshot("9", hours=1), snapshot("10", USD)])
    assert [row.observed_at for row in result.rows if row.asset == BTC] == [NOW + timedelta(hours=2)]
    assert result.findings == ()


@pytest.mark.parametrize(("venue", "words"), [("1.6", "0.1 too little"), ("1.4", "0.1 too much")])
def test_a_difference_says_which_way_and_how_much(venue: str, words: str) -> None:
    (finding,) = reconciled(BALANCES, [snapshot(venue), snapshot("10", USD)]).findings
    assert (finding.code, finding.severity, finding.subject) == ("balance-differs", Severity.ERROR, "main BTC")
    assert words in finding.message


def test_an_asset_that_the_venue_does_not_name_is_a_warning() -> None:
    result = reconciled(BALANCES, [snapshot("1.5")])
    assert codes(result.findings) == ["balance-not-told"]
    assert [(row.asset, row.balance_venue, row.difference) for row in result.rows if row.asset == USD] == [("USD", None, None)]


def test_accounts_without_snapshots_are_left_out() -> None:
    assert {row.account for row in reconciled(BALANCES, [snapshot("1.5")]).rows} == {AccountId("main")}
