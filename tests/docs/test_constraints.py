"""`constraints.txt` pins what `pyproject.toml` asks for, by version and from nowhere in particular."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PIN = re.compile(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*(; python_version [<>=]+ '3\.\d+')?")


def pins() -> dict[str, Requirement]:
    lines = [line for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    found = [Requirement(line) for line in lines]
    by_name: dict[str, Requirement] = {canonicalize_name(pin.name): pin for pin in found}
    assert len(by_name) == len(found)
    return by_name


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    groups = (project["build-system"]["requires"], project["project"]["dependencies"], *extras)
    return [Requirement(text) for group in groups for text in group]


def test_every_dependency_is_pinned() -> None:
    known = pins()
    unpinned = [str(one) for one in wanted() if canonicalize_name(one.name) not in known]
    assert unpinned == []


def test_no_list_names_a_dependency_twice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for texts in (project["dependencies"], *project["optional-dependencies"].values()):
        names = [canonicalize_name(Requirement(text).name) for text in texts]
        assert len(names) == len(set(names)), names


def test_every_pin_is_within_the_range_asked_for() -> None:
    known = pins()
    for one in wanted():
        (pin,) = known[canonicalize_name(one.name)].specifier
        assert one.specifier.contains(pin.version), one


def test_pins_name_versions_and_no_places() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines[1:] if PIN.fullmatch(line) is None] == []


def test_pins_are_sorted() -> None:
    names = list(pins())
    assert names == sorted(names)
