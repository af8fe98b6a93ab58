"""Every row of the decision log names code and tests that exist."""

import ast
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LOG = TESTS.parent / "ledger" / "tax" / "DECISIONS.md"
QUOTED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Decision:
    ident: str
    text: str
    source: str
    status: str
    code: tuple[str, ...]
    tests: tuple[str, ...]


def decisions() -> list[Decision]:
    rows = [line for line in LOG.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and not line.startswith("| id |")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [
        Decision(ident, text, source, status, tuple(QUOTED.findall(code)), tuple(QUOTED.findall(tests)))
        for ident, text, source, status, code, tests in cells
    ]


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


def test_decisions_have_ids_of_their_own_and_a_status_that_is_known() -> None:
    idents = [decision.ident for decision in decisions()]
    assert len(idents) > 20
    assert len(set(idents)) == len(idents)
    assert {decision.status for decision in decisions()} == {"rule", "inference", "scope boundary"}


@pytest.mark.parametrize("decision", decisions(), ids=lambda decision: decision.ident)
def test_decisions_name_code_and_tests_that_exist(decision: Decision) -> None:
    assert decision.text
    assert decision.source
    assert decision.code
    assert decision.tests
    for reference in decision.code:
        module, _, name = reference.partition("::")
        assert name in names_in(source_of(module)), reference
    for reference in decision.tests:
        path, _, name = reference.partition("::")
        assert name in names_in(TESTS / path), reference


def test_code_points_only_to_decisions_that_exist() -> None:
    known = {decision.ident for decision in decisions()}
    rooms = (LOG.parent, LOG.parent.with_name("lots"))
    pointers = {
        ident for room in rooms for path in room.glob("*.py") for ident in re.findall(r"DECISIONS: ([a-z-]+)", path.read_text("utf-8"))
    }
    assert pointers
    assert pointers <= known
