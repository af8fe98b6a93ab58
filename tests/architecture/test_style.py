"""Rules of the house that a machine can run: no float near money, documented names, short functions, short files."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_FLOAT = ("ledger/domain", "ledger/journal", "ledger/lots", "ledger/tax", "ledger/storage", "reports", "ledger/ports.py")
PARSERS = ("ledger/connectors/*/parse.py", "ledger/connectors/files/**/*.py", "ledger/connectors/*/*_file.py")
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
FOLDER_FILES_MAX = 16

# A spreadsheet cell is a double; and seconds, shares of a rate and the likeness of two words are no money.
FLOAT_ALLOWED = {"ledger/connectors/files/recognition.py", "reports/exporters/xlsx.py", "ledger/domain/errors.py", "ledger/ports.py"}
LONG_FUNCTIONS: set[str] = set()  # may only shrink


def files(*places: str) -> list[Path]:
    found: list[Path] = []
    for place in places:
        path = ROOT / place
        found += [path] if path.is_file() else sorted(ROOT.glob(place)) if "*" in place else sorted(path.glob("**/*.py"))
    return found


def code() -> list[Path]:
    return files("ledger", "reports", "migrations")


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_float_stands_near_money() -> None:
    found = []
    for path in files(*NO_FLOAT, *PARSERS):
        if str(path.relative_to(ROOT)) in FLOAT_ALLOWED:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_name = isinstance(node, ast.Name) and node.id == "float"
            is_division = (
                isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and not isinstance(node.right, ast.Constant | ast.Name)
            )
            if is_literal or is_name or is_division:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_every_public_name_is_documented() -> None:
    missing = []
    for path in code():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if ast.get_docstring(tree) is None:
            missing.append(str(path.relative_to(ROOT)))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
                documented = [node, *members] if not node.name.startswith("_") else []
            elif isinstance(node, ast.Module):
                documented = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            else:
                continue
            missing += [
                f"{path.relative_to(ROOT)}:{one.lineno} {one.name}"
                for one in documented
                if not one.name.startswith("_") and ast.get_docstring(one) is None
            ]
    assert missing == []


def test_functions_stay_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.name}"
        for path in code()
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == LONG_FUNCTIONS


def test_files_and_folders_stay_small() -> None:
    long = [str(path.relative_to(ROOT)) for path in code() if len(path.read_text(encoding="utf-8").splitlines()) > FILE_LINES_MAX]
    crowded = [
        str(folder.relative_to(ROOT))
        for folder in {path.parent for path in code()}
        if len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) > FOLDER_FILES_MAX
    ]
    assert (long, crowded) == ([], [])


def test_the_global_decimal_context_is_never_touched() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in code()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).endswith(("setcontext", "getcontext", "localcontext"))
    ]
    assert wrong == []


def test_no_broad_except_outside_the_last_line_of_defence_and_of_one_connection_of_a_night() -> None:
    wrong = []
    for path in code():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = "" if node.type is None else ast.unparse(node.type)
                passes_on = ast.unparse(node.body[-1]) == "raise"
                if caught in {"", "Exception", "BaseException"} and not passes_on and path.name not in {"main.py", "nightly.py"}:
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert wrong == []
