"""Which connections bring a history that nobody vouches for; as findings, so that it stays known as long as what they brought."""

from ledger.domain.finding import Finding, Severity
from ledger.domain.ids import AccountId
from ledger.ports import Connector
from ledger.storage.store import Reader

CODE = "unverified-coverage"


def origin_of(account: AccountId) -> str:
    """Return the origin under which the finding of a connection is stored."""
    return f"unverified:{account}"


def unverified_of(connector: Connector, account: AccountId) -> tuple[Finding, ...]:
    """Return the note that a connector's history is unverified; nothing for one that proves its own."""
    why = str(getattr(connector, "unverified", ""))
    if not why:
        return ()
    message = f"the history of {account} is unverified: {why}"
    mend = "compare it with the venue's own export, and its balances with `lotwright reconcile`"
    return (Finding(code=CODE, severity=Severity.NOTE, subject=str(account), message=message, mend=mend),)


def unverified_accounts(reader: Reader) -> tuple[str, ...]:
    """Return the accounts whose history is unverified, sorted."""
    return tuple(sorted(finding.subject for _, finding in reader.findings() if finding.code == CODE))
