"""Import only from a lower floor; the pure wing never imports the edge wing; siblings never import each other."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]

# room -> the rooms that it may import, besides itself and the standard library; DECISIONS.md says why `cli` may start the sandbox
FLOORS = {
    "domain": set(),
    "ports": {"domain"},
    "journal": {"domain"},
    "lots": {"domain", "ports"},
    "tax": {"domain", "ports", "lots"},
    "reports": {"domain", "ports"},
    "transport": {"domain"},
    "storage": {"domain"},
    "config": {"domain"},
    "connectors": {"domain", "ports", "transport"},
    "prices": {"domain", "ports", "transport"},
    "sandbox": {"domain"},
    "plugins": {"domain", "ports"},
    "pipeline": {"domain", "ports", "journal", "lots", "storage", "config", "transport", "plugins", "connectors"},
    "book": {"pipeline", "plugins", "config", "domain", "ports", "storage", "journal"},
    "cli": {"book", "domain", "sandbox"},
}
PURE = {"domain", "ports", "journal", "lots", "tax", "reports"}
EDGE_LIBRARIES = {"sqlalchemy", "alembic", "httpx", "aiohttp", "click", "psycopg", "keyring", "tomlkit", "filelock", "socket"}
IMPURE_CALLS = {"open", "input", "print"}


def room_of(module: str) -> str | None:
    first, _, rest = module.partition(".")
    if first == "reports":
        return "reports"
    return rest.partition(".")[0] if first == "ledger" and rest else None


def sources() -> list[tuple[str, Path]]:
    found = []
    for path in sorted([*ROOT.glob("ledger/**/*.py"), *ROOT.glob("reports/**/*.py")]):
        room = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        if room and room != "__init__":
            found.append((room, path))
    return found


def imports_of(path: Path) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            module = node.module or ""
            found += [(node.lineno, f"{module}.{alias.name}") if module == "ledger" else (node.lineno, module) for alias in node.names]
    return found


def test_every_room_is_in_the_table() -> None:
    assert {room for room, _ in sources()} == set(FLOORS)


def test_rooms_import_only_from_the_rooms_below_them() -> None:
    upward = []
    for room, path in sources():
        for line, module in imports_of(path):
            target = room_of(module)
            if target is not None and target != room and target not in FLOORS[room] and target != "__version__":
                upward.append(f"{path.relative_to(ROOT)}:{line}: {room} imports {module}")
    assert upward == []


def test_the_pure_wing_imports_no_library_of_the_edge() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for room, path in sources()
        if room in PURE
        for line, module in imports_of(path)
        if module.partition(".")[0] in EDGE_LIBRARIES
    ]
    assert found == []


def test_the_domain_imports_the_standard_library_only() -> None:
    import sys  # noqa: PLC0415  # only this test asks what the standard library is

    found = [
        f"{path.name}:{line}: {module}"
        for room, path in sources()
        if room == "domain"
        for line, module in imports_of(path)
        if module.partition(".")[0] not in {*sys.stdlib_module_names, "ledger"}
    ]
    assert found == []


def test_a_parser_never_imports_its_client_and_no_venue_another() -> None:
    wrong = []
    for path in sorted(ROOT.glob("ledger/connectors/*/**/*.py")):
        for line, module in imports_of(path):
            if path.name == "parse.py" and (module.endswith(".client") or module.startswith("ledger.transport")):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {module}")
            # A venue's exports are read in its own folder, with the tools of `files`; never the other way.
            if module.startswith("ledger.connectors.") and module.split(".")[2] not in {
                path.relative_to(ROOT / "ledger/connectors").parts[0],
                "files",
            }:
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {module}")
    assert wrong == []


READERS = {f"ledger.connectors.files.{name}" for name in ("reading", "recognition", "allotments", "bot_databases")}


def test_the_pipeline_reaches_no_concrete_connector() -> None:
    wrong = [
        f"{path.name}:{line}: {module}"
        for room, path in sources()
        if room == "pipeline"
        for line, module in imports_of(path)
        if module.startswith("ledger.connectors") and module not in READERS
    ]
    assert wrong == []


def test_reports_and_exporters_do_not_know_each_other() -> None:
    wrong = []
    for path in sorted(ROOT.glob("reports/**/*.py")):
        exports = path.parent.name == "exporters"
        for line, module in imports_of(path):
            if module.startswith("reports") and (module.startswith("reports.exporters") != exports):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {module}")
    assert wrong == []


def test_migrations_never_import_the_program() -> None:
    wrong = [
        f"{path.name}:{line}: {module}"
        for path in sorted(ROOT.glob("migrations/versions/*.py"))
        for line, module in imports_of(path)
        if module.partition(".")[0] in {"ledger", "reports"}
    ]
    assert wrong == []


def test_the_pure_wing_asks_no_clock_no_file_no_dice() -> None:
    wrong = []
    for room, path in sources():
        if room not in PURE:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in IMPURE_CALLS or name.endswith((".now", ".today", ".utcnow")) or name.startswith(("random.", "os.", "time.")):
                    wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert wrong == []


def test_the_reader_of_ccxt_is_what_an_outsider_could_have_written() -> None:
    allowed = ("ledger.ports", "ledger.domain", "ledger.connectors.ccxt")
    folder = ROOT / "ledger/connectors/ccxt"
    ours = [f"{path.name}:{line}: {module}" for path in sorted(folder.glob("*.py")) for line, module in imports_of(path)
            if module.startswith("ledger") and not module.startswith(allowed)]  # fmt: skip
    assert ours == []


def test_only_the_reader_s_own_command_knows_ccxt_and_it_knows_nothing_else() -> None:
    import sys  # noqa: PLC0415  # only these tests ask what the standard library is

    reader = ROOT / "ledger/connectors/ccxt/reader.py"
    assert {module.partition(".")[0] for _, module in imports_of(reader)} <= set(sys.stdlib_module_names)
    found = [f"{path}:{line}" for _, path in sources() for line, module in imports_of(path) if module.partition(".")[0] == "ccxt"
             or module == "ledger.connectors.ccxt.reader"]  # fmt: skip
    assert found == []
