"""`import --explain`: the nearest format, the columns that differ, and a sample that holds no values."""

from pathlib import Path

import pytest

from ledger.cli.main import run
from ledger.pipeline.explain_file import explain_file
from ledger.plugins import file_formats

HEADER = "Date(UTC),Pair,Side,Price,Executed,Amount,Fees"


def test_an_unknown_file_is_explained_without_its_values(tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text(f"{HEADER}\n2024-03-01 12:00:00,BTCUSDT,BUY,60000,0.01BTC,600USDT,secret\n", encoding="utf-8")
    said = explain_file(path, file_formats())
    assert (said.format_name, said.nearest) == ("", "binance-trades (Binance spot trades export)")
    assert said.difference == "missing: 'Fee'; unknown: 'Fees' (nearest: 'Fee')"
    assert said.sample == (("9999-99-99 99:99:99", "AAAAAAA", "AAA", "99999", "9.99AAA", "999AAAA", "aaaaaa"),)


SECRETS = (
    "0.48151623",
    "TXABC-55",
    "0x3f5CE5FBFe3E9af3971dD833D26bA9b5C936f0bE",
    "jane@example.org",
    "1735812000",
    "Jane",
    "Miller",
    "60000",
)


@pytest.mark.parametrize(
    "content",
    [
        "TXABC-55,1735812000,0.48151623,0x3f5CE5FBFe3E9af3971dD833D26bA9b5C936f0bE\nTXABC-55,1735812000,0.48151623,60000\n",
        "Jane,Miller\nTXABC-55,60000\n",
        f'"Miller, Jane",TXABC-55,jane@example.org\n{HEADER}s\nTXABC-55,60000,0.48151623,,,,jane@example.org\n',
        "Date(UTC),Pair,0x3f5CE5FBFe3E9af3971dD833D26bA9b5C936f0bE,jane@example.org,1735812000\n1,60000,2,3,4\n",
        "txid,refid,time,TXABC-55 0.48151623\n1735812000,TXABC-55,Jane,Miller\n",
    ],
)
def test_whatever_stands_in_a_file_no_value_of_it_is_told(content: str, tmp_path: Path) -> None:
    path = tmp_path / "my.csv"
    path.write_text(content, encoding="utf-8")
    lines = "\n".join(explain_file(path, file_formats()).lines())
    assert [secret for secret in SECRETS if secret in lines] == []
    assert "9999" in lines or "Aaaa" in lines


def test_the_command_explains_and_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("my.csv")
    path.write_text(f"{HEADER}\n1,2,3,4,5,6,secret\n", encoding="utf-8")
    assert run(["init", "book"]) == 0
    assert run(["--book", "book", "import", "my.csv", "--explain"]) == 0
    told = capsys.readouterr().out
    assert "my.csv: is of no known format" in told
    assert "secret" not in told
    path.write_text(f"{HEADER[:-1]}\n", encoding="utf-8")
    assert run(["--book", "book", "import", "my.csv", "--explain"]) == 0
    assert "my.csv: is read as binance-trades" in capsys.readouterr().out
