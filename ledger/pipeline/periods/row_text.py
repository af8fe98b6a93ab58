"""Rows of facts as lines of canonical text and back, for documents that must be read by programs of many years later.

A row is the list of its cells. Which cell is which field is said once a document, by `fields_of`: a field that a later program
adds is not there in an old document and reads as its default, and one that a later program has dropped is passed over.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ledger.domain.amount import ZERO, text_of
from ledger.domain.time.instant import instant_text

Cell = str | int | list["Cell"] | None
Fields = Mapping[str, Sequence[str]]  # class name -> names of its fields, in the order of the cells
Row = TypeVar("Row")
_Reading = Callable[[Any], Any]  # of one cell; which types go in and out is known from the field only at run time

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_EMPTY: Mapping[object, object] = {str: "", int: 0, bool: False, Decimal: ZERO, tuple: ()}


def fields_of(*kinds: type) -> dict[str, list[str]]:
    """Return the names of the fields of dataclasses, and of those inside them, by class name."""
    found: dict[str, list[str]] = {}
    for kind in kinds:
        found[kind.__name__] = [field.name for field in _fields(kind)]
        for hint in get_type_hints(kind).values():
            found |= fields_of(*(inner for inner in (_bare(hint), *get_args(hint)) if isinstance(inner, type) and is_dataclass(inner)))
    return found


class RowWriter:
    """Writes rows as lines, with the fields of today."""

    def __init__(self, names: Fields) -> None:
        self._cells: Mapping[str, Callable[[object], tuple[object, ...]]] = {name: _getter(each) for name, each in names.items()}

    def line(self, kind: str, row: object) -> str:
        """Return the line of a row, told by `kind`; no line end."""
        return _ENCODER.encode([kind, self._row(row)])

    def _row(self, row: object) -> list[Cell]:
        return [self._cell(value) for value in self._cells[type(row).__name__](row)]

    def _cell(self, value: object) -> Cell:
        written = _WRITTEN.get(type(value))
        if written is not None:
            return written(value)
        if isinstance(value, Enum):
            return str(value.value)
        if isinstance(value, tuple):
            return [self._cell(each) for each in value]
        return self._row(value)


class RowReader:
    """Reads rows back; `names` are the fields that the document says it has."""

    def __init__(self, names: Fields) -> None:
        self._names = names
        self._readings: dict[type, list[tuple[str, int | None, _Reading]]] = {}

    def row(self, kind: type[Row], cells: Sequence[Cell]) -> Row:
        """Return the row that cells say."""
        plan = self._readings.get(kind)
        if plan is None:
            plan = self._readings[kind] = self._planned(kind)
        return kind(**{name: read(None if place is None else cells[place]) for name, place, read in plan})

    def _planned(self, kind: type) -> list[tuple[str, int | None, _Reading]]:
        hints, places = get_type_hints(kind), {name: place for place, name in enumerate(self._names[kind.__name__])}
        return [
            (field.name, places[field.name], self._reading(hints[field.name]))
            if field.name in places
            else (field.name, None, _absent(field, hints[field.name]))
            for field in _fields(kind)
        ]

    def _reading(self, hint: object) -> _Reading:
        bare = _bare(hint)
        inner = self._reading_known(bare)
        return _or_none(inner) if _may_be_none(hint) and inner is not _same else inner

    def _reading_known(self, bare: object) -> _Reading:
        if get_origin(bare) is tuple:
            return self._reading_tuple(get_args(bare))
        assert isinstance(bare, type), bare
        if issubclass(bare, Enum):
            return {member.value: member for member in bare}.__getitem__
        if is_dataclass(bare):
            return lambda cells: self.row(bare, cells)
        return _READ[bare]

    def _reading_tuple(self, parts: Sequence[object]) -> _Reading:
        if len(parts) > 1 and parts[1] is Ellipsis:
            each = self._reading(parts[0])
            return lambda cells: tuple(map(each, cells))
        readings = [self._reading(part) for part in parts]
        return lambda cells: tuple(read(cell) for read, cell in zip(readings, cells, strict=True))


def cells_of(line: str) -> tuple[str, list[Cell]]:
    """Return the kind and the cells of a line."""
    kind, cells = json.loads(line)
    return kind, cells


def _fields(kind: type) -> tuple["Field[object]", ...]:
    return fields(cast("Any", kind))


def _getter(names: Sequence[str]) -> Callable[[object], tuple[object, ...]]:
    get = attrgetter(*names)
    return cast("Callable[[object], tuple[object, ...]]", get) if len(names) > 1 else lambda row: (get(row),)


def _same(cell: Cell) -> Cell:
    return cell


def _or_none(read: _Reading) -> _Reading:
    return lambda cell: None if cell is None else read(cell)


def _bare(hint: object) -> object:
    """Return a type without `None` and without the names that it was given."""
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _may_be_none(hint: object) -> bool:
    return get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint)


def _absent(field: "Field[object]", hint: object) -> _Reading:
    """Return what gives the value of a field that a document does not have."""
    if field.default is not MISSING:
        empty = field.default
    else:
        bare = _bare(hint)
        empty = None if _may_be_none(hint) else _EMPTY[get_origin(bare) or bare]
    return lambda _: empty


_WRITTEN: Mapping[type, Callable[[Any], Cell]] = {
    NoneType: _same,
    str: _same,
    int: _same,
    bool: _same,
    Decimal: text_of,
    datetime: instant_text,
    date: date.isoformat,
}
_READ: Mapping[type, _Reading] = {
    str: _same,
    int: _same,
    bool: _same,
    Decimal: Decimal,
    datetime: lru_cache(maxsize=4_096)(datetime.fromisoformat),
    date: lru_cache(maxsize=4_096)(date.fromisoformat),
}
