"""What an API key may do, night by night: a right that came is told, one to withdraw stops the connection unless its owner allows it.

That a key ends soon is told before the night on which nothing can be pulled with it any more. The owner's last look
(`connect check`) is what later nights are compared with; before the first, the first night is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ledger.domain.errors import ConnectorError, InputError, KeyRefused, TerminalError, TransientError
from ledger.domain.finding import Finding, Severity
from ledger.domain.time.instant import instant_text
from ledger.ports import Connector, KeyReport
from ledger.storage.store import KeyCheck, Store

_READ_ONLY = "use a key that can only view"
_ENDS_SOON = timedelta(days=14)


def origin_of_key(connection: str) -> str:
    """Return the origin of the findings about the key of a connection."""
    return f"key:{connection}"


def watch_key(store: Store, connector: Connector, connection: str, *, now: datetime) -> None:
    """Ask what a key may do, keep what is new of it, and find what its owner has not seen.

    An answer that says nothing of it, or nothing readable, stops nothing: what was told last counts on.

    Raises:
        KeyRefused: when it can withdraw, and its owner has not allowed that.
        TransientError: when the venue stayed unavailable, as it would for the pull.
    """
    seen, unknown, ending = None, list[Finding](), list[Finding]()
    try:
        report = connector.check_key()
        seen, ending = _check_of(report, connection, now), list(_ending(report, connection, now))
    except (TerminalError, TransientError) as failure:
        is_unreadable = isinstance(failure.__cause__, InputError)  # else there is no venue to pull from either
        if isinstance(failure, TransientError) and not is_unreadable:
            raise
        unknown = [_unknown(connection, failure)]
    with store.write() as writer:
        before = writer.key_checks(connection)
        if seen is not None and (not before or not _is_same(seen, before[-1])):
            writer.add_key_check(seen)
        seen = seen or next(reversed(before), None)
        found = [] if seen is None else list(_findings(seen, before))
        writer.replace_findings(origin_of_key(connection), [*found, *ending, *unknown], now)
    if seen is not None and seen.may_withdraw and not _is_allowed(before):
        raise KeyRefused(
            f"the key of {connection} can withdraw; nothing was pulled with it",
            mend=f"{_READ_ONLY}; or allow it: lotwright connect check {connection} --allow-withdraw",
        )


def note_key(store: Store, report: KeyReport, connection: str, *, now: datetime, allows_withdraw: bool) -> None:
    """Keep what the owner of a key has seen of it, and whether they allow it to withdraw: one more look takes no permission back."""
    with store.write() as writer:
        is_allowed = allows_withdraw or _is_allowed(writer.key_checks(connection))
        seen = replace(_check_of(report, connection, now), is_of_owner=True, allows_withdraw=is_allowed)
        writer.add_key_check(seen)
        writer.replace_findings(origin_of_key(connection), [*_findings(seen, [seen]), *_ending(report, connection, now)], now)


def _check_of(report: KeyReport, connection: str, now: datetime) -> KeyCheck:
    return KeyCheck(
        connection=connection,
        venue=report.venue,
        checked_at=now,
        may_read=report.may_read,
        may_trade=report.may_trade,
        may_withdraw=report.may_withdraw,
        facts=report.facts,
        is_of_owner=False,
        allows_withdraw=False,
    )


def _is_same(seen: KeyCheck, last: KeyCheck) -> bool:
    return _told(seen) == _told(last)


def _unknown(name: str, failure: ConnectorError) -> Finding:
    message = f"what the key of {name} may do was not told: {failure.message}"
    return _warning("key-unknown", name, message, f"ask when the venue answers again: lotwright connect check {name}")


def _is_allowed(before: Sequence[KeyCheck]) -> bool:
    return any(one.allows_withdraw for one in [one for one in before if one.is_of_owner][-1:])


def _findings(seen: KeyCheck, before: Sequence[KeyCheck]) -> Iterator[Finding]:
    name = seen.connection
    if seen.may_withdraw and not _is_allowed(before):
        mend = f"{_READ_ONLY}; or allow it: lotwright connect check {name} --allow-withdraw"
        yield _warning("key-can-withdraw", name, f"the key of {name} can withdraw; nothing is pulled with it", mend)
    if seen.may_trade:
        yield _warning("key-can-trade", name, f"the key of {name} can trade; Lotwright only reads", _READ_ONLY)
    base = next((one for one in reversed(before) if one.is_of_owner), before[0] if before else seen)
    changes = list(_changes(base, seen))
    if changes:
        yield _warning(
            "key-changed",
            name,
            f"the key of {name} is not what it was at {instant_text(base.checked_at)}: {'; '.join(changes)}",
            f"if you did not change it, take it away at the venue at once; if you did: lotwright connect check {name}",
        )


def _ending(report: KeyReport, name: str, now: datetime) -> Iterator[Finding]:
    if report.ends_at is not None and report.ends_at - now <= _ENDS_SOON:
        message = f"the key of {name} ends at {instant_text(report.ends_at)}; nothing can be pulled with it then"
        mend = f"make a new key that can only view at the venue, put it in place of this one, then: lotwright connect check {name}"
        yield _warning("key-ends-soon", name, message, mend)


def _warning(code: str, name: str, message: str, mend: str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, subject=name, message=message, mend=mend)


def _changes(base: KeyCheck, seen: KeyCheck) -> Iterator[str]:
    then, now = _told(base), _told(seen)
    for name in dict.fromkeys([*then, *now]):
        was, is_now = then.get(name, "not told"), now.get(name, "not told")
        if was != is_now:
            yield f"{name} was {was}, is {is_now}"


def _told(one: KeyCheck) -> dict[str, str]:
    words = {True: "yes", False: "no", None: "unknown"}
    rights = {"read": words[one.may_read], "trade": words[one.may_trade], "withdraw": words[one.may_withdraw]}
    return rights | dict(one.facts)
