"""`lotwright import`."""

from pathlib import Path

import click

from ledger.cli.session import Session, findings_code, pass_session, print_findings


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--account", metavar="NAME", help="The account of rows that name none; use the connection's name if there is one.")
@click.option("--bot", metavar="NAME", help="The bot of rows that name none.")
@click.option("--format", "format_name", metavar="F", help="The format, when it shall not be recognised by the header.")
@click.option("--dry-run", is_flag=True, help="Check and count; store nothing.")
@click.option("--all", "everything", is_flag=True, help="List all bad rows and all findings, not the first ones.")
@pass_session
def import_files(
    session: Session,
    files: tuple[Path, ...],
    account: str | None,
    bot: str | None,
    format_name: str | None,
    dry_run: bool,
    everything: bool,
) -> int:
    r"""Book what exchange exports or lotwright-events files say: all files, or on any fault none of them.

    \b
    Examples:
      lotwright import fills.csv --account main --bot grid-1
      lotwright import 2023.csv 2024.csv --dry-run
    """
    with session.book() as book, session.progress() as progress:
        outcomes = book.import_files(
            files,
            account=account,
            bot=bot,
            format_name=format_name,
            dry_run=dry_run,
            progress=progress,
        )
        findings = book.findings()
    for outcome in outcomes:
        tally = outcome.tally
        counts = f"{tally.new} new, {tally.known} known, {tally.revised} revised, {tally.doubtful} doubtful"
        click.echo(
            f"{outcome.path}: {outcome.format_name}, {outcome.rows} rows: {counts}" + (" (dry run: nothing stored)" if dry_run else "")
        )
    print_findings(session, findings, everything=everything)
    return findings_code(findings)
