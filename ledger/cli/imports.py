"""`lotwright import`."""

from collections.abc import Sequence
from pathlib import Path

import click

from ledger.book import ConnectionSettings, FileOutcome
from ledger.cli.terminal.session import Session, findings_code, pass_session, print_findings


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--account", metavar="NAME", help="The account of rows that name none; use the connection's name if there is one.")
@click.option("--bot", metavar="NAME", help="The bot of rows that name none.")
@click.option("--format", "format_name", metavar="F", help="The format, when it shall not be recognised by the header.")
@click.option("--dry-run", is_flag=True, help="Check and count; store nothing.")
@click.option("--explain", is_flag=True, help="Say what the files seem to be, with a sample that holds no values; store nothing.")
@click.option("--all", "everything", is_flag=True, help="List all bad rows and all findings, not the first ones.")
@pass_session
def import_files(
    session: Session,
    files: tuple[Path, ...],
    account: str | None,
    bot: str | None,
    format_name: str | None,
    dry_run: bool,
    explain: bool,
    everything: bool,
) -> int:
    r"""Book what exchange exports or lotwright-events files say: all files, or on any fault none of them.

    \b
    Examples:
      lotwright import fills.csv --account main --bot grid-1
      lotwright import 2023.csv 2024.csv --dry-run
      lotwright import unknown.csv --explain
    """
    if explain:
        return _explain(session, files)
    with session.book() as book, session.progress() as progress:
        outcomes = book.import_files(
            files,
            account=account,
            bot=bot,
            format_name=format_name,
            dry_run=dry_run,
            progress=progress,
        )
        findings, connections = book.findings(), book.settings.connections
    for outcome in outcomes:
        tally = outcome.tally
        counts = f"{tally.new} new, {tally.known} known, {tally.revised} revised, {tally.doubtful} doubtful"
        click.echo(
            f"{outcome.path}: {outcome.format_name}, {outcome.rows} rows: {counts}" + (" (dry run: nothing stored)" if dry_run else "")
        )
        if account is None and (hint := _hint(outcome, connections, dry_run=dry_run)):
            session.say(hint)
    print_findings(session, findings, everything=everything)
    return findings_code(findings)


def _explain(session: Session, files: tuple[Path, ...]) -> int:
    with session.book() as book:
        for path in files:
            click.echo("\n".join(book.explain_file(path).lines()))
    return 0


def _hint(outcome: FileOutcome, connections: Sequence[ConnectionSettings], *, dry_run: bool) -> str:
    """Return a word on accounts that no connection of the file's venue has: one fill told by both would be two fills."""
    names = [str(one.name) for one in connections if one.venue == outcome.venue]
    apart = [repr(str(account)) for account in outcome.accounts if account not in names]
    if not names or not apart:
        return ""
    where = "import" if dry_run else "make a new book and import there"  # what is booked stays booked
    return (
        f"  hint: booked in {', '.join(apart)}, where the fills that a connection pulls never meet them; connections of"
        f" {outcome.venue}: {', '.join(names)}\n  mend: if they are the same account, {where} with --account {names[0]}"
    )
