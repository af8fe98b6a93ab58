"""`lotwright rebuild`: read all payloads again, show what would change, take it in."""

from collections.abc import Sequence

import click

from ledger.book import EventChange, FindingChange
from ledger.cli.terminal.session import Session, pass_session


@click.command()
@click.option("--diff", is_flag=True, help="Show what would change, and change nothing.")
@pass_session
def rebuild(session: Session, diff: bool) -> None:
    r"""Interpret all payloads again with the present parsers, take in what is read better now, match all lots anew.

    What is in the book stays in it: what is read differently becomes a further revision. Events that are no longer told stay booked.
    A row that is understood now is no finding any more.

    \b
    Example:
      lotwright rebuild --diff
    """
    with session.book() as book, session.progress() as progress:
        changes = book.rebuild_diff(progress=progress) if diff else book.rebuild(progress=progress)
    for change in changes.events:
        _print(change)
    for told in changes.findings:
        click.echo(f"finding {told.kind}: {told.finding.code} {told.finding.subject}: {told.finding.message}")
    counts = [f"{name}: {_counted(those)}" for name, those in (("events", changes.events), ("findings", changes.findings)) if those]
    click.echo(f"{'would be ' if diff else ''}{'; '.join(counts)}" if changes else "nothing is read differently")


def _counted(changes: Sequence[EventChange] | Sequence[FindingChange]) -> str:
    return ", ".join(f"{sum(change.kind == kind for change in changes)} {kind}" for kind in ("new", "changed", "gone"))


def _print(change: EventChange) -> None:
    event = change.event
    click.echo(f"{change.kind}: {event.account} {event.source_id} of {event.occurred_at.isoformat()} ({event.event_id})")
    for field in change.fields:
        click.echo(f"  {field.name}: {field.then} -> {field.now}")
