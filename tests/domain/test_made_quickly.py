"""A quicker constructor changes nothing else of a value."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, fields, replace

import pytest

from ledger.domain.values.quick import made_in_order, made_quickly


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    name: str
    place: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Head):
    left: int
    right: int = 7


@made_quickly
@dataclass(frozen=True, slots=True, kw_only=True)
class Quick(Head):
    left: int
    right: int = 7


def test_a_value_made_quickly_is_like_a_plain_frozen_dataclass() -> None:
    quick, plain = Quick(name="a", left=1), Plain(name="a", left=1)
    assert type(quick) is Quick
    assert isinstance(quick, Head)
    assert asdict(quick) == asdict(plain) == {"name": "a", "place": None, "left": 1, "right": 7}
    assert repr(quick) == repr(plain).replace("Plain", "Quick")
    assert hash(quick) == hash(plain)
    assert quick == Quick(name="a", place=None, left=1, right=7)
    assert quick != Quick(name="b", left=1)
    assert replace(quick, right=8) == Quick(name="a", left=1, right=8)
    assert copy.copy(quick) == copy.deepcopy(quick) == pickle.loads(pickle.dumps(quick)) == quick  # noqa: S301  # our own bytes
    assert [field.name for field in fields(Quick)] == [field.name for field in fields(Plain)]
    assert inspect.signature(Quick).replace(return_annotation=None) == inspect.signature(Plain).replace(return_annotation=None)


def test_nothing_of_a_value_made_quickly_can_be_set_or_deleted() -> None:
    quick = Quick(name="a", left=1)
    with pytest.raises(FrozenInstanceError):
        quick.left = 2  # type: ignore[misc]  # what the type checker forbids
    with pytest.raises(FrozenInstanceError):
        quick.name = "b"  # type: ignore[misc]  # what the type checker forbids
    with pytest.raises(FrozenInstanceError):
        del quick.left
    with pytest.raises(AttributeError):
        object.__setattr__(quick, "other", 1)


def test_a_value_made_quickly_refuses_wrong_arguments() -> None:
    with pytest.raises(TypeError, match=r"Quick.__init__\(\) missing 1 required keyword-only argument: 'left'"):
        Quick(name="a")  # type: ignore[call-arg]  # what the type checker forbids
    with pytest.raises(TypeError, match="unexpected keyword argument 'middle'"):
        Quick(name="a", left=1, middle=2)  # type: ignore[call-arg]  # what the type checker forbids
    with pytest.raises(TypeError, match="positional"):
        Quick("a", 1)  # type: ignore[misc]  # what the type checker forbids


def test_a_value_made_in_order_is_the_one_that_its_constructor_makes() -> None:
    in_order = made_in_order(Quick)
    assert in_order("a", None, 1, 7) == Quick(name="a", left=1)
    assert type(in_order("a", 3, 1, 2)) is Quick
    with pytest.raises(FrozenInstanceError):
        in_order("a", 3, 1, 2).left = 2  # type: ignore[misc]  # what the type checker forbids
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'right'"):
        in_order("a", 3, 1)
