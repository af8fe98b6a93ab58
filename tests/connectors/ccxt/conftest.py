"""Readers to speak to: the real one where an interpreter with ccxt is named, and small programs that stand in the place of that Python."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

INTERPRETER = "LOTWRIGHT_CCXT_PYTHON"


@pytest.fixture(scope="session")
def ccxt_python() -> str:
    python = os.environ.get(INTERPRETER)
    if python is None and os.environ.get("CI") == "true":
        pytest.fail(f"{INTERPRETER} must name an interpreter with ccxt where everything must run")
    if python is None:
        pytest.skip(f"{INTERPRETER} names no interpreter with ccxt")
    return python


@pytest.fixture
def stand_in(tmp_path: Path) -> Callable[[str], str]:
    """Return a maker of programs: the code sees `requests` (standard input) and `tell` (prints a line at once)."""

    def make(code: str) -> str:
        path = tmp_path / "python"
        head = "import json, os, sys, time\nrequests = sys.stdin\ndef tell(text): print(text, flush=True)\n"
        path.write_text(f"#!{sys.executable}\n{head}{code}\n", encoding="utf-8")
        path.chmod(0o700)
        return str(path)

    return make
