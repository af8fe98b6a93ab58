"""The book's balances against those that venues told: of the newest look at them, and as of then."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ledger.domain.event import BalanceSnapshot
from ledger.domain.ids import AccountId
from ledger.domain.time.instant import instant_of, instant_text
from ledger.journal.balances import balances_of
from ledger.journal.chart import assets_of_account
from ledger.journal.checks import Reconciliation, reconciled
from ledger.pipeline.interpret import BALANCES
from ledger.pipeline.proof.narrowing import narrowed
from ledger.pipeline.proof.rows import assertions_of, ends_unlike_balances
from ledger.storage.store import Reader, Store

_PULLED = "balances-pulled"  # the cursor that says when the venue was last asked for its balances
_SKEW_MAX = timedelta(minutes=1)  # a fill just before a snapshot may bear a later time of the venue's clock


def reconciliation(reader: Reader, account: AccountId | None = None) -> Reconciliation:
    """Compare the book's balances with the newest that the venues told, as of then: of one account, or of all (None).

    What a venue told of an asset before it was last asked for its balances counts no more: the asset is one that it does not name.
    """
    snapshots = [stored.event for stored in reader.snapshots() if isinstance(stored.event, BalanceSnapshot)]
    asked = {AccountId(name): instant_of(str(state["since"])) for name, state in reader.cursors_of(_PULLED).items()}
    parts = []
    for told in sorted(one for one in {*asked, *(snapshot.account for snapshot in snapshots)} if account in (None, one)):
        newest = [one for one in snapshots if one.account == told and (told not in asked or one.occurred_at >= asked[told])]
        until = max([*(one.occurred_at for one in newest), *([asked[told]] if told in asked else [])]) + _SKEW_MAX
        balances = balances_of(reader.postings(account=assets_of_account(told), until=until))
        parts.append(reconciled(balances, newest, partial(narrowed, reader), told_accounts={told}))
    return Reconciliation(
        rows=tuple(row for part in parts for row in part.rows),
        findings=tuple(finding for part in parts for finding in part.findings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceProof:
    """The comparison of one account, as it is made and kept after each pull."""

    store: Store
    account: AccountId
    now: Callable[[], datetime]

    def keep(self, looked_at: Collection[datetime]) -> bool:
        """Compare with what the venue told at these instants (none: it has no balances); keep it, and tell whether all agrees."""
        with self.store.write() as writer:
            if looked_at:
                writer.put_cursor(self.account, _PULLED, "", {"since": instant_text(min(looked_at))}, self.now())
            compared = reconciliation(writer, self.account)
            found = [*compared.findings, *ends_unlike_balances(writer, self.account, compared)]
            writer.add_assertions(assertions_of(compared, self.now()))
            writer.replace_findings(f"{BALANCES}:{self.account}", found, self.now())
        return not found
