"""`lotwright sync`: the nightly job."""

import json
from datetime import UTC, datetime, time, tzinfo

import click

from ledger.book import ConnectionOutcome, NightSummary
from ledger.cli.terminal.session import Session, check_year, findings_code, pass_session, print_findings
from ledger.domain.errors import InputError


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--since", metavar="T", help="Go back to the page with T: a date (in the book's zone) or an ISO 8601 time.")
@click.option("--until", metavar="T", help="Book nothing from this time on; a run without it goes on from there.")
@click.option(
    "--budget", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), help="Stop calling the venues after so many seconds."
)
@click.option("--again", is_flag=True, help="Walk every history anew from its newest row: fills holes that the venue can still fill.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON document.")
@pass_session
def sync(
    session: Session, names: tuple[str, ...], since: str | None, until: str | None, budget: float | None, again: bool, as_json: bool
) -> int:
    r"""Pull what is new from the connections NAME (default: all), book it, match lots.

    Safe to run at any time, to kill at any time, and to run again.

    \b
    Example, as a nightly job:
      lotwright --book ~/books/2025 -q sync --budget 3000 --json >> ~/books/sync.log
    """
    with session.book() as book, session.progress() as progress:
        zone = book.settings.zone
        first, last = _instant(since, "--since", zone), _instant(until, "--until", zone)
        if first and last and first >= last:
            raise InputError("--since is not before --until", mend="turn them round")
        summary = book.sync(
            names,
            since=first,
            until=last,
            budget_seconds=budget,
            again=again,
            environment=session.environment,
            progress=progress,
        )
        findings = book.findings()
    if as_json:
        click.echo(json.dumps(summary.as_json(), indent=2))
    else:
        _print(session, summary)
        print_findings(session, findings)
    assert summary.exit_code or not findings_code(findings), summary
    return summary.exit_code


def _instant(text: str | None, option: str, zone: tzinfo) -> datetime | None:
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} is {text!r}", mend="write a date (2025-03-01) or a time with zone (2025-03-01T12:00:00Z)") from error
    check_year(read.year, f"{option} is {text!r}")
    if read.tzinfo is None and read.time() != time():
        raise InputError(f"{option} is {text!r}, a time without a zone", mend="add Z or an offset such as -05:00")
    return read.replace(tzinfo=read.tzinfo or zone).astimezone(UTC)


def _print(session: Session, summary: NightSummary) -> None:
    for outcome in summary.outcomes:
        click.echo(_line(outcome))
        if outcome.error:
            session.complain(f"  {outcome.error}")
    errors, warnings = summary.findings.get("error", 0), summary.findings.get("warning", 0)
    click.echo(f"{summary.seconds:.1f} s; the book has {errors} findings of severity error and {warnings} warnings")


def _line(outcome: ConnectionOutcome) -> str:
    tally, calls = outcome.tally, outcome.calls
    events = f"{tally.new} new, {tally.known} known, {tally.revised} revised, {tally.doubtful} doubtful"
    spent = f"{outcome.windows} windows, {calls.requests} requests, {calls.waits} waits, {calls.retries} retries"
    return f"{outcome.name}: {events}; {spent}, {outcome.seconds:.1f} s" + ("; STOPPED" if outcome.error else "")
