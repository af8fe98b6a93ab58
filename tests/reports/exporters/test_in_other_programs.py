"""What LibreOffice and Chromium make of our files."""

import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook

from ledger.ports import ReportGenerator, ReportInput
from reports.exporters.html import HtmlExporter
from reports.exporters.xlsx import XlsxExporter
from reports.gains import Gains
from reports.us.form_8949 import Form8949

CHROMIUM = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Comma, double quote, UTF-8, first line 1, then: cells as shown no, every sheet into a file of its own.
CSV_OF_EVERY_SHEET = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"


def without_results(content: bytes, folder: Path) -> Path:
    """Store the workbook without the results of its formulas, so that only a program which computes them finds any."""
    path = folder / "report.xlsx"
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(path, "w") as target:
        for entry in source.infolist():
            text = source.read(entry)
            target.writestr(entry, re.sub(rb"</f><v>[^<]*</v>", b"</f>", text))
    return path


@pytest.mark.parametrize(("report", "sheet", "figures"), [(Gains, "Disposals", 4), (Form8949, "Rows by part and box", 4)])
def test_libreoffice_computes_the_totals_that_we_wrote(
    book: ReportInput,
    written: Callable[..., bytes],
    program: Callable[[str], str],
    tmp_path: Path,
    report: type[ReportGenerator],
    sheet: str,
    figures: int,
) -> None:
    soffice = program("soffice")
    content = written(XlsxExporter(), report().document(book))
    path = without_results(content, tmp_path)
    subprocess.run(
        [
            soffice,
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            CSV_OF_EVERY_SHEET,
            "--outdir",
            tmp_path,
            path,
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    with (tmp_path / f"report-{sheet}.csv").open(newline="", encoding="utf-8") as lines:
        total = next(row for row in csv.reader(lines) if row[0] == "Total")
    assert [Decimal(cell) for cell in total[1:] if cell] == cached_totals(content, sheet)
    assert len(cached_totals(content, sheet)) == figures


def cached_totals(content: bytes, sheet: str) -> list[Decimal]:
    rows = load_workbook(io.BytesIO(content), data_only=True)[sheet].iter_rows(values_only=True)
    total = next(row for row in rows if row[0] == "Total")
    return [Decimal(str(cell)) for cell in total[1:] if cell is not None]


def test_chromium_shows_every_row_and_the_findings(
    book: ReportInput, written: Callable[..., bytes], program: Callable[[str], str], tmp_path: Path
) -> None:
    chromium = program("chromium")
    page = tmp_path / "gains.html"
    page.write_bytes(written(HtmlExporter(), Gains().document(book)))
    shown = subprocess.run(
        [chromium, *CHROMIUM, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout.decode()
    assert shown.count("<tr>") == 1 + 8 + 1 + 1 + 3 + 1  # header, rows, total; the same by asset
    assert "2 errors: missing-basis" in shown
    assert "<b>bold</b>" not in shown
