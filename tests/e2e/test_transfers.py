"""Coins that leave one account of an exchange and come into another carry their lots there, and the command says what it did."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.domain.amount import ZERO, added, subtracted
from ledger.sandbox import server
from ledger.sandbox.account import SandboxAccount, seeded_account
from ledger.sandbox.history.rows import LedgerKind, LedgerRow, SandboxTransfer, TransferKind
from ledger.sandbox.server import Sandbox

from .conftest import FILLS, BookFolder

SENDER, RECEIVER = 21, 22  # seeds


def last_sent(account: SandboxAccount) -> SandboxTransfer:
    """Return the last withdrawal of coins that was carried out."""
    sent = [one for one in account.transfers if one.kind is TransferKind.WITHDRAWAL and one.chain_hash and one.completed_at]
    return sent[-1]


def with_deposit(account: SandboxAccount, sent: SandboxTransfer) -> SandboxAccount:
    """Return an account into which what another sent has come: a transfer, a ledger row, and higher balances from then on."""
    assert sent.completed_at is not None
    came_at = sent.completed_at + timedelta(minutes=3)
    came = replace(
        sent,
        transfer_id="19ac0000-0000-4000-8000-00000000beef",
        kind=TransferKind.DEPOSIT,
        amount=subtracted(sent.amount, sent.fee),
        fee=ZERO,
        created_at=sent.completed_at,
        completed_at=came_at,
        chain_hash=f"0x{sent.chain_hash.upper()}",
    )
    rows = [row for of_asset in account.ledger.values() for row in of_asset]
    before = [row for row in rows if row.occurred_at < came_at]
    first_id = max(row.row_id for row in before) + 1
    held = [row for row in before if row.asset == sent.asset][-1].balance
    own = LedgerRow(
        row_id=first_id,
        asset=sent.asset,
        kind=LedgerKind.TRANSFER,
        amount=came.amount,
        balance=added(held, came.amount),
        occurred_at=came_at,
        transfer_id=came.transfer_id,
        transfer_kind=came.kind,
    )

    def later(row: LedgerRow) -> LedgerRow:
        if row.row_id < first_id:
            return row
        more = came.amount if row.asset == sent.asset else ZERO
        return replace(row, row_id=row.row_id + 1, balance=added(row.balance, more))

    def told(rows: Iterable[LedgerRow]) -> tuple[LedgerRow, ...]:
        return tuple(map(later, rows))

    ledger = {asset: told(of_asset) for asset, of_asset in account.ledger.items()}
    ledger[sent.asset] = tuple(sorted((*ledger[sent.asset], own), key=lambda row: row.row_id))
    transfers = tuple(sorted((*account.transfers, came), key=lambda one: one.created_at))
    return replace(account, transfers=transfers, ledger=ledger)


@pytest.fixture
def two_accounts(monkeypatch: pytest.MonkeyPatch) -> SandboxTransfer:
    """Let the exchange have two accounts, of which one received what the other sent last."""
    sent = last_sent(seeded_account(SENDER, FILLS, market=1))

    def account(seed: int, fills: int, *, market: int | None = None) -> SandboxAccount:
        told = seeded_account(seed, fills, market=market)
        return with_deposit(told, sent) if seed == RECEIVER else told

    monkeypatch.setattr(server, "seeded_account", account)
    return sent


def test_coins_sent_between_two_accounts_of_an_exchange_are_sold_at_their_old_cost(book: BookFolder, two_accounts: SandboxTransfer) -> None:
    with (
        Sandbox(seed=SENDER, fills=FILLS, market=1) as one,
        Sandbox(seed=RECEIVER, fills=FILLS, market=1) as other,
    ):
        book.connect(one, "main")
        book.connect(other, "spare")
        book.run("sync", "spare").ok()
        waiting = book.run("transfers", "list", "--format", "csv").ok().rows()
        assert "19ac0000-0000-4000-8000-00000000beef" in {row["source"] for row in waiting}
        book.run("sync").ok()
        sold = {str(fill.trade_id): fill for fill in one.account.fills}
        assert one.violations == other.violations == []
    states = {row["source"]: row for row in book.run("transfers", "list", "--all", "--format", "csv").ok().rows()}
    assert states[two_accounts.transfer_id]["why"] == "same hash on the chain"
    assert states[two_accounts.transfer_id]["state"] == states["19ac0000-0000-4000-8000-00000000beef"]["state"] == "paired"
    gains = book.run("report", "gains", "--account", "spare", "--asset", two_accounts.asset, "--format", "csv").ok().rows()
    carried = [row for row in gains if row["lot_event"] in sold and row["disposed_at"] > two_accounts.created_at.isoformat()]
    assert carried
    for row in carried:
        assert row["acquired_at"][:19] == sold[row["lot_event"]].occurred_at.isoformat()[:19]
        assert (row["wallet"], row["finding"]) == ("spare", "")
    chain = book.run("explain", carried[0]["disposal"]).ok().out
    assert "transfer main -> spare" in chain
    assert f"source's id: {two_accounts.transfer_id}" in chain
    assert f"source's id: {carried[0]['lot_event']}" in chain
    book.run("reconcile").ok()
    book.assert_whole()


def test_halves_are_listed_matched_split_and_dismissed_by_the_command(book: BookFolder) -> None:
    book.import_rows(
        "b1,2024-03-01T12:00:00Z,buy,main,,BTC,2,USD,40000,,,,,,",
        "w1,2025-01-01T10:00:00Z,withdrawal,main,,BTC,1,,,,,,,,",
        "d1,2025-01-01T10:05:00Z,deposit,vault,,BTC,1,,,,,,,,",
        "d2,2025-01-01T10:06:00Z,deposit,vault,,BTC,0.9,,,,,,,,",
        "d3,2025-01-01T10:06:00Z,deposit,vault,,BTC,1,,,,,,,,",
    ).ok()
    for arguments, said in (
        (("match", "main/w1", "vault/d9"), "no half of a transfer has the id 'vault/d9'"),
        (("match", "vault/d1", "vault/d3"), "all halves named are deposits"),
        (("match", "main/w1", "vault/d2"), "say so: --rest-is-fee"),
        (("match", "main/w1", "vault/d1", "vault/d3"), "2 BTC arrived but only 1 BTC were sent"),
        (("split", "main/w1"), "there is nothing to split"),
    ):
        assert said in book.run("transfers", *arguments).refused(2)
    assert book.counts()["pair_decision"] == 0
    short = {row["source"]: row["id"] for row in book.run("transfers", "list", "--format", "csv").ok().rows()}
    assert (
        book.run("transfers", "match", short["w1"], short["d3"]).ok().err == "matched 1 withdrawal with 1 deposit; their lots have moved\n"
    )
    assert "already paired with deposit vault/d3" in book.run("transfers", "match", "main/w1", "vault/d1").refused(2)
    assert book.run("transfers", "dismiss", "vault/d1").ok().err.startswith("dismissed; ")
    assert "was dismissed" in book.run("transfers", "dismiss", "vault/d1").refused(2)
    book.run("transfers", "split", "vault/d3").ok()
    told = book.run("transfers", "list", "--all", "--format", "json").ok().json()
    assert "no transfer of yours, as you said" in str(told)
    assert "dismissed-deposit" in book.run("check", "--all").ok().err
