"""HTML: one self-contained page to read and to print. No script, no font, no picture from elsewhere; written row by row."""

from html import escape
from typing import IO

from ledger.domain.document import Cell, CellKind, Column, ReportDocument, Row, Table
from reports.exporters.cells import NUMBERS, CellText, ColumnSums, people_text, people_title
from reports.exporters.page_style import PAGE_STYLE

_COLUMNS_MAX = 14  # what fits across a sheet of paper in print of the usual size
_UNBROKEN = NUMBERS | {CellKind.DAY, CellKind.INSTANT}


class HtmlExporter:
    """A page with the cover, the findings, every table and the notes.

    Money is shown to the cent, quantities in full; totals are the exact sums, rounded once. Everything is escaped, and the
    page's own policy forbids it to load or to run anything.
    """

    name = "html"
    suffix = ".html"
    binary = False

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the whole page as UTF-8."""
        _put(target, _head(document), _cover(document), _callout(document), _contents(document))
        for table in document.tables:
            _write_table(table, target)
        _put(target, _notes(document), "</main>\n</body>\n</html>\n")


def _put(target: IO[bytes], *parts: str) -> None:
    target.write("".join(parts).encode())


def _head(document: ReportDocument) -> str:
    title = escape(document.title)
    book = escape(dict(document.cover).get("Book", ""))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}{f' · {book}' if book else ''}</title>\n<style>\n{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    )


def _cover(document: ReportDocument) -> str:
    facts = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>\n" for label, value in document.cover)
    return f'<dl class="cover">\n{facts}</dl>\n'


def _callout(document: ReportDocument) -> str:
    if not document.findings:
        return ""
    items = "".join(f"<li>{escape(line)}</li>\n" for line in document.findings)
    return (
        '<aside class="findings">\n<h2>Look at these before you rely on the figures</h2>\n'
        f"<ul>\n{items}</ul>\n<p>The command <code>lotwright check</code> lists each of them, with a way to mend it.</p>\n</aside>\n"
    )


def _contents(document: ReportDocument) -> str:
    if len(document.tables) == 1:
        return ""
    links = "".join(f'<a href="#{escape(table.name)}">{escape(table.title)}</a>\n' for table in document.tables)
    return f"<nav>\n{links}</nav>\n"


def _notes(document: ReportDocument) -> str:
    if not document.notes:
        return ""
    items = "".join(f"<li>{escape(note)}</li>\n" for note in document.notes)
    return f'<section class="notes">\n<h2>Notes</h2>\n<ul>\n{items}</ul>\n</section>\n'


def _write_table(table: Table, target: IO[bytes]) -> None:
    wide = ' class="wide"' if len(table.columns) > _COLUMNS_MAX else ""
    heads = "".join(f'<th scope="col"{_class(column)}>{escape(people_title(column))}</th>' for column in table.columns)
    _put(
        target,
        f'<section id="{escape(table.name)}">\n<h2>{escape(table.title)}</h2>\n',
        f'<div class="sheet" tabindex="0">\n<table{wide}>\n<thead>\n<tr>{heads}</tr>\n</thead>\n<tbody>\n',
    )
    sums, cells = ColumnSums(table.columns), [_HtmlCells(column) for column in table.columns]
    for row in table.rows():
        sums.add(row)
        _put(target, "<tr>", *[column.cell(cell) for column, cell in zip(cells, row, strict=True)], "</tr>\n")
    _put(target, "</tbody>\n", _foot(cells, sums.row()), "</table>\n</div>\n", _count(sums.rows), "</section>\n")


class _HtmlCells:
    """Writes the cells of one column."""

    def __init__(self, column: Column) -> None:
        self._text: CellText = people_text(column)
        self._numeric = column.kind in NUMBERS
        self._open = f"<td{_class(column)}>"

    def cell(self, cell: Cell) -> str:
        if cell is None:
            return "<td></td>"
        text = self._text(cell)
        if not self._numeric:
            return f"{self._open}{escape(text)}</td>"
        return f'<td class="n neg">{text}</td>' if text.startswith("-") else f"{self._open}{text}</td>"


def _class(column: Column) -> str:
    if column.kind in NUMBERS:
        return ' class="n"'
    return ' class="u"' if column.kind in _UNBROKEN else ""


def _foot(cells: list[_HtmlCells], total: Row | None) -> str:
    if total is None:
        return ""
    first = '<th scope="row">Total</th>' if total[0] is None else cells[0].cell(total[0])
    others = "".join([column.cell(cell) for column, cell in zip(cells[1:], total[1:], strict=True)])
    return f"<tfoot>\n<tr>{first}{others}</tr>\n</tfoot>\n"


def _count(rows: int) -> str:
    text = "No rows." if not rows else "1 row" if rows == 1 else f"{rows:,} rows"
    return f'<p class="count">{text}</p>\n'
