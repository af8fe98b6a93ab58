"""Reads composed files the way the pipeline does: bytes, header, format, rows."""

import io
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest

from ledger import plugins
from ledger.connectors.files.reading import read_table
from ledger.connectors.files.recognition import recognise
from ledger.domain.ids import AccountId, BotId
from ledger.ports import FileFormat, FileRow, FileTerms

ReadFile = Callable[..., list[FileRow]]
FaultsOf = Callable[..., list[str]]


@pytest.fixture(scope="session")
def formats() -> tuple[FileFormat, ...]:
    return plugins.file_formats()


@pytest.fixture(scope="session")
def read_file(formats: tuple[FileFormat, ...]) -> ReadFile:
    def read(text: str | bytes, *, account: str | None = None, bot: str | None = None, wanted: str | None = None) -> list[FileRow]:
        content = text.encode() if isinstance(text, str) else text
        known = [one for one in formats if wanted in {None, one.name}]
        table = read_table(io.BytesIO(content), name="my.csv", knows=lambda header: any(one.recognises(header) for one in known))
        terms = FileTerms(
            account=None if account is None else AccountId(account),
            bot=None if bot is None else BotId(bot),
            zone=ZoneInfo("America/New_York"),
        )
        file_format = recognise(table.header, formats, name=table.name, wanted=wanted)
        return list(file_format.read(table.rows, table.header, terms))

    return read


@pytest.fixture(scope="session")
def faults_of(read_file: ReadFile) -> FaultsOf:
    def faults(text: str | bytes, **terms: str | None) -> list[str]:
        return [str(fault) for row in read_file(text, **terms) for fault in row.faults]

    return faults
