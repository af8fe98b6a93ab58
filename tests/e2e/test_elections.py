"""Elections from the command line: an order's lots before its fill, the register, its proof, and what is refused."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("lotwright"))
HEADER = "id,time,type,account,order_id,asset,amount,quote_asset,quote_amount\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ran(tmp_path, "init", "book")
    path = tmp_path / "buys.csv"
    path.write_text(f"{HEADER}b1,2025-03-01T12:00:00Z,buy,main,,BTC,1,USD,20000\nb2,2025-04-01T12:00:00Z,buy,main,,BTC,1,USD,50000\n")
    ran(tmp_path, "--book", "book", "import", "buys.csv")
    return tmp_path


def ran(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    return done


def test_lots_chosen_before_a_fill_are_cited_and_proved(folder: Path) -> None:
    ident = ran(folder, "--book", "book", "lots", "elect", "--order", "o-1", "--lot", "b2=0.5").stdout.strip()
    sold_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    (folder / "fill.csv").write_text(f"{HEADER}s1,{sold_at},sell,main,o-1,BTC,0.5,USD,30000\n")
    ran(folder, "--book", "book", "import", "fill.csv")
    gains = ran(folder, "--book", "book", "report", "gains", "--format", "csv").stdout
    assert f",b2,selection:{ident}," in gains
    assert f",selection:{ident}," in ran(folder, "--book", "book", "report", "form-8949", "--format", "csv").stdout
    ran(folder, "--book", "book", "lots", "elections", "--proof", "-o", "proof.json")
    (told,) = json.loads((folder / "proof.json").read_text(encoding="utf-8"))["elections"]
    assert (told["election"], told["recorded_at"] < told["decided"][0]["disposed_at"]) == (ident, True)
    assert ident in ran(folder, "--book", "book", "lots", "elections", "--format", "csv").stdout
    assert f"election {ident}" in ran(folder, "--book", "book", "explain", ident).stdout
    preview = json.loads(ran(folder, "--book", "book", "lots", "preview", "BTC", "1", "--price", "60000", "--format", "json").stdout)
    assert [row["gain"] for row in preview["tables"][0]["rows"]] == ["40000", "25000", "25000", "40000", "40000"]


BAD = (
    (("--rule", "hifo", "--effective-from", "2025-01-01T00:00:00Z"), "cannot take effect in the past"),
    (("--rule", "hifo", "--effective-from", "tomorrow"), "is not a date and time"),
    (("--sale", "b1", "--lot", "b2=1"), "is in the book already"),
    (("--order", "o", "--lot", "b9=1"), "the book has no lot 'b9'"),
    (("--order", "o", "--lot", "b1=1.5"), "1 are open"),
    (("--order", "o", "--lot", "b1=1", "--lot", "b1=1"), "twice"),
    (("--order", "o", "--lot", "b1"), "is not LOT=QUANTITY"),
    (("--order", "o", "--lot", "b1=a lot"), "is not a plain number"),
    (("--order", "o", "--lot", "b1=1", "--wallet", "cold"), "is in wallet main, not in cold"),
)


def test_bad_elections_end_with_2_say_how_to_mend_and_write_nothing(folder: Path) -> None:
    for words, said in BAD:
        refused = ran(folder, "--book", "book", "lots", "elect", *words, code=2)
        assert said in refused.stderr
        assert "mend: " in refused.stderr
        assert refused.stdout == ""
    assert json.loads(ran(folder, "--book", "book", "lots", "elections", "--format", "json").stdout)["tables"][0]["rows"] == []
