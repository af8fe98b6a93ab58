"""Small texts that outlive a run: one file each, for the owner only, in a hidden folder of the book.

A file is named by a hash, for its name would else tell a key, and is replaced as a whole, so that a run killed here leaves one good
text or the other.
"""

import os
from hashlib import sha256
from pathlib import Path

_NAME_DIGITS = 32
_OWNER_ONLY_FILE, _OWNER_ONLY_FOLDER = 0o600, 0o700


def place_of(folder: Path, kind: str, *parts: str) -> Path:
    """Return where the text of a kind that stands for `parts` is kept."""
    return folder / kind / sha256("/".join(parts).encode()).hexdigest()[:_NAME_DIGITS]


def kept(path: Path) -> str:
    """Return the text that is kept; an empty one where there is none, or not text.

    Raises:
        OSError: when it may not be read.
    """
    try:
        return path.read_text(encoding="ascii")
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return ""


def keep(path: Path, text: str) -> None:
    """Keep a text in the place of the one before.

    Raises:
        OSError: when it cannot be written.
    """
    path.parent.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY_FILE), "w", encoding="ascii") as target:
        target.write(text)
    fresh.replace(path)
