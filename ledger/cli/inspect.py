"""`lotwright status`, `reconcile`, `check`, `explain` and `plugins`: looking without changing."""

import click

from ledger.book import Explanation, plugins_installed
from ledger.cli.terminal.output import print_columns
from ledger.cli.terminal.session import Session, findings_code, pass_session, print_findings
from ledger.domain.amount import text_of

_INDENT = "  "


@click.command()
@pass_session
def status(session: Session) -> int:
    r"""Tell what is in the book.

    \b
    Example:
      lotwright status
    """
    with session.book() as book:
        found, unverified = book.status(), book.unverified()
    settings = found.settings
    law = f"{settings.regime}, {settings.method}, scope {settings.scope}"
    rows = [
        ("book", str(settings.folder)),
        ("law", f"{law}; in {settings.currency}, days in {settings.time_zone}"),
        *((name, str(count)) for name, count in found.rows.items()),
        ("chain", f"{found.chain_length} entries, newest hash {found.chain_hash[:16]}"),
        *((f"last sync of {name}", at.isoformat(timespec="seconds") if at else "never") for name, at in sorted(found.last_pulled.items())),
        *((f"coverage of {name}", "unverified") for name in unverified),
        *((f"findings: {severity}", str(count)) for severity, count in sorted(found.findings.items())),
    ]
    print_columns(rows)
    return 1 if found.findings.get("error") else 0


@click.command()
@pass_session
def reconcile(session: Session) -> int:
    r"""Compare the book's balances with those that the venues told last; exit 1 when they differ.

    \b
    Example:
      lotwright reconcile
    """
    with session.book() as book:
        found = book.reconcile()
    if not found.rows:
        session.say("no venue has told a balance yet: lotwright sync")
    else:
        rows = [
            (
                row.account,
                row.asset,
                text_of(row.balance_book),
                "-" if row.balance_venue is None else text_of(row.balance_venue),
                "-" if row.difference is None else text_of(row.difference),
            )
            for row in found.rows
        ]
        print_columns([("account", "asset", "book", "venue", "difference"), *rows])
    print_findings(session, found.findings)
    return findings_code(found.findings)


@click.command()
@click.option("--all", "everything", is_flag=True, help="List all findings, not the first ten.")
@pass_session
def check(session: Session, everything: bool) -> int:
    r"""Run every invariant of bytes, chain, journal, lots and balances; list the findings and how to mend them.

    \b
    Example:
      lotwright check --all
    """
    with session.book() as book, session.progress() as progress:
        findings = book.check(progress=progress)
    click.echo(f"{len(findings)} findings" if findings else "all is well: no findings")
    print_findings(session, findings, everything=everything)
    return findings_code(findings)


@click.command()
@click.argument("ident", metavar="ID")
@pass_session
def explain(session: Session, ident: str) -> None:
    r"""Walk from a figure to the bytes it came from: ID of a disposal, lot, election, entry, event or payload, or a source's own.

    \b
    Example:
      lotwright explain D-1f6b2d3c4e5f6071-1
    """
    with session.book() as book:
        for one in book.explain(ident):
            _print(one, depth=0)


def _print(one: Explanation, *, depth: int) -> None:
    click.echo(f"{_INDENT * depth}{one.kind} {one.ident}")
    for name, text in one.says:
        click.echo(f"{_INDENT * (depth + 1)}{name}: {text}")
    for below in one.rests_on:
        _print(below, depth=depth + 1)


@click.command()
@pass_session
def plugins(session: Session) -> None:
    r"""List what is installed, and from which distribution.

    \b
    Example:
      lotwright plugins
    """
    session.say("kind, name, distribution, version, object")
    print_columns([(one.kind, one.name, one.distribution, one.version, one.target) for one in plugins_installed()])
