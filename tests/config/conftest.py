"""Folders with settings in them."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def book_with(tmp_path: Path) -> Callable[[str], Path]:
    """Return what writes a settings file and gives the folder it is in."""

    def written(text: str) -> Path:
        folder = tmp_path / "book"
        folder.mkdir(exist_ok=True)
        (folder / "lotwright.toml").write_text(text, encoding="utf-8")
        return folder

    return written
