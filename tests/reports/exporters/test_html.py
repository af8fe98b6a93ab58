"""HTML: self-contained, escaped, honest."""

import re
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from ledger.domain.document import Cell, CellKind, Column, ReportDocument
from ledger.ports import ReportInput
from reports.exporters.html import HtmlExporter
from reports.summary import Summary


class Balance(HTMLParser):
    """Checks that every element that is opened is closed in order."""

    EMPTY = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open = []
        self.seen = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.update({tag} | {name for name, _ in attrs})
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing(book: ReportInput, written: Callable[..., bytes]) -> None:
    page = written(HtmlExporter(), Summary().document(book)).decode()
    reader = Balance()
    reader.feed(page)
    assert reader.open == []
    assert reader.seen.isdisjoint({"script", "link", "img", "src", "iframe", "onclick"})
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_text_from_outside_is_escaped(written: Callable[..., bytes], document: Callable[..., ReportDocument]) -> None:
    columns = (Column(name="c", title="<C>", kind=CellKind.OUTSIDE),)
    page = written(HtmlExporter(), document([("<script>alert('&')</script>",)], columns, notes=("<i>",), findings=("<u>",))).decode()
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)&lt;/script&gt;" in page
    assert re.search(r"<(script|i|u|C)>", page) is None


@pytest.mark.parametrize(
    ("kind", "cell", "html"),
    [
        (CellKind.MONEY, Decimal("-1234567.895"), '<td class="n neg">-1,234,567.90</td>'),
        (CellKind.MONEY, Decimal("-0.001"), '<td class="n">0.00</td>'),
        (CellKind.MONEY, Decimal("12345678901234567890.125"), '<td class="n">12,345,678,901,234,567,890.13</td>'),
        (CellKind.QUANTITY, Decimal("-1234.000000000000000001"), '<td class="n neg">-1,234.000000000000000001</td>'),
        (CellKind.QUANTITY, Decimal("2.20E-7"), '<td class="n">0.00000022</td>'),
        (CellKind.PRICE, Decimal("0.000017142857142857"), '<td class="n">0.00001714</td>'),
        (CellKind.PRICE, Decimal(5), '<td class="n">5.00</td>'),
        (CellKind.INTEGER, 2025, '<td class="n">2025</td>'),
        (CellKind.TEXT, None, "<td></td>"),
    ],
)
def test_cell_is_shown_for_people(
    written: Callable[..., bytes], column: Callable[..., ReportDocument], kind: CellKind, cell: Cell, html: str
) -> None:
    assert f"<tr>{html}</tr>" in written(HtmlExporter(), column(kind, cell)).decode()


def test_count_that_adds_up_has_separators(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    assert '<td class="n">1,204</td></tr>\n</tfoot>' in written(HtmlExporter(), column(CellKind.INTEGER, 1200, 4, total=True)).decode()


def test_total_is_the_exact_sum_rounded_once(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    page = written(HtmlExporter(), column(CellKind.MONEY, Decimal("0.004"), Decimal("0.004"), total=True)).decode()
    assert '<tfoot>\n<tr><td class="n">0.01</td></tr>' in page


def test_findings_are_called_out_before_the_tables(book: ReportInput, written: Callable[..., bytes]) -> None:
    page = written(HtmlExporter(), Summary().document(book)).decode()
    assert 0 < page.index("2 errors: missing-basis</li>") < page.index("<table")


def test_clean_book_has_no_callout(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    assert "<aside" not in written(HtmlExporter(), column(CellKind.TEXT, "x")).decode()


def test_table_without_rows_says_so(written: Callable[..., bytes], column: Callable[..., ReportDocument]) -> None:
    assert '<p class="count">No rows.</p>' in written(HtmlExporter(), column(CellKind.TEXT)).decode()
