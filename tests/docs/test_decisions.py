"""Every row of both decision logs names code and tests that exist, and code points only to rows that exist."""

import ast
import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.book import Book

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
QUOTED = re.compile(r"`([^`]+)`")
ROW = re.compile(r"^\| (?!id \|)([a-z0-9-]+) \|(.*)\|$", re.MULTILINE)
CELLS = 5  # after the id


@dataclass(frozen=True, slots=True)
class Log:
    """A decision log: where it is, and what a row's status may be."""

    path: Path
    statuses: frozenset[str]


DESIGN = Log(ROOT / "ledger" / "DECISIONS.md", frozenset({"stands", "for now"}))
LAW = Log(ROOT / "ledger" / "tax" / "DECISIONS.md", frozenset({"rule", "inference", "scope boundary"}))
LOGS = (DESIGN, LAW)


@dataclass(frozen=True, slots=True)
class Decision:
    ident: str
    decision: str
    reason: str  # of design: why; of law: the source
    status: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


def decisions(log: Log) -> list[Decision]:
    text = log.path.read_text(encoding="utf-8")
    assert len(ROW.findall(text)) == text.count("\n| ") - 1, "a row begins with an id of its own"
    found = []
    for ident, rest in ROW.findall(text):
        cells = [cell.strip() for cell in rest.split(" | ")]
        assert len(cells) == CELLS, cells
        decision, reason, status, code, tests = cells
        found.append(Decision(ident, decision, reason, status, tuple(QUOTED.findall(code)), tuple(QUOTED.findall(tests))))
    return found


ALL = [pytest.param(decision, id=decision.ident) for log in LOGS for decision in decisions(log)]


def names_in(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return found


def source_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return Path(spec.origin)


@pytest.mark.parametrize("log", LOGS, ids=["design", "law"])
def test_decisions_have_ids_of_their_own_and_a_status_that_is_known(log: Log) -> None:
    idents = [decision.ident for decision in decisions(log)]
    assert len(idents) > 20
    assert len(set(idents)) == len(idents)
    assert {decision.status for decision in decisions(log)} == log.statuses


@pytest.mark.parametrize("decision", ALL)
def test_a_decision_says_what_and_why(decision: Decision) -> None:
    assert decision.decision.endswith(".")
    assert decision.reason


@pytest.mark.parametrize("decision", ALL)
def test_a_decision_names_code_that_exists(decision: Decision) -> None:
    assert decision.code
    for reference in decision.code:
        module, separator, name = reference.partition("::")
        if separator:
            assert name in names_in(source_of(module)), reference
        else:
            assert (ROOT / reference).is_file(), reference


@pytest.mark.parametrize("decision", ALL)
def test_a_decision_names_tests_that_exist(decision: Decision) -> None:
    assert decision.tests
    for reference in decision.tests:
        path, _, name = reference.partition("::")
        assert name in names_in(TESTS / path), reference


def test_code_points_only_to_decisions_that_exist() -> None:
    known = {decision.ident for log in LOGS for decision in decisions(log)}
    sources = [path for room in ("ledger", "reports") for path in (ROOT / room).rglob("*.py")]
    pointers = {ident for path in sources for ident in re.findall(r"DECISIONS: ([a-z0-9-]+)", path.read_text(encoding="utf-8"))}
    assert pointers
    assert pointers <= known


# --- decisions that no other room tests ------------------------------------------------------------------------------


def test_adding_and_removing_a_connection_keeps_comments(tmp_path: Path) -> None:
    with Book.create(tmp_path / "book") as book:
        settings = book.settings.folder / "lotwright.toml"
        settings.write_text(settings.read_text(encoding="utf-8") + "\n# asked by the accountant\n", encoding="utf-8")
        before = settings.read_text(encoding="utf-8")
        book.add_connection("main", venue="coinbase-exchange")
        assert before in settings.read_text(encoding="utf-8")
        book.remove_connection("main")
        assert before.strip() in settings.read_text(encoding="utf-8")


def test_starting_a_command_loads_no_library_that_it_does_not_need() -> None:
    script = "import sys; from ledger.cli.main import run; run(['report', '--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = set(done.stderr.split())
    assert "sqlalchemy.dialects.postgresql" not in modules
    loaded = {name.partition(".")[0] for name in modules}
    assert "ledger" in loaded
    assert loaded & {"pandas", "numpy", "keyring", "aiohttp", "xlsxwriter", "psycopg", "rich"} == set()
