"""Values of which a job makes hundreds of thousands, at half the price.

A frozen dataclass sets each field by a call of ``object.__setattr__``, which takes three times as long as the assignment that
an open class compiles to. `made_quickly` lets a value be of an open twin of its class, which has the same slots, while its fields
are set; nobody else ever sees it so. `made_in_order` gives a function that does this without keywords.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import TypeVar

Value = TypeVar("Value")


def made_quickly(frozen: type[Value]) -> type[Value]:
    """Return a frozen, slotted, keyword-only dataclass with a quicker ``__init__``, else unchanged.

    For classes of four fields or more without ``__post_init__`` and default factories; smaller ones gain nothing.
    """
    told = fields(frozen)  # type: ignore[arg-type]  # a dataclass, which a type variable cannot say
    assert not hasattr(frozen, "__post_init__"), frozen
    assert all(field.init and field.kw_only and field.default_factory is MISSING for field in told), frozen
    names = {
        "_open": _open_twin(frozen),
        "_frozen": frozen,
        "_become": object.__setattr__,
        **{f"_default_{field.name}": field.default for field in told},
    }
    written: dict[str, Callable[..., None]] = {}
    exec(_source(told), names, written)  # noqa: S102  # as dataclasses do; the text is made of our own field names
    init = written["__init__"]
    init.__annotations__ = {**frozen.__init__.__annotations__}
    init.__qualname__ = f"{frozen.__qualname__}.__init__"
    frozen.__init__ = init  # type: ignore[method-assign]  # this is what we are here for
    return frozen


def made_in_order(frozen: type[Value]) -> Callable[..., Value]:
    """Return a function that makes a value of all its fields, given in their order and none left out, at half the price again.

    To find the places of twenty keywords takes longer than all the rest of making a value. For the one place where a million are made,
    beside a test that tells every field by its name.
    """
    names = [field.name for field in fields(frozen)]  # type: ignore[arg-type]  # a dataclass, which a type variable cannot say
    lines = [f"def made({', '.join(names)}):", "self = _new(_open)", *(f"self.{name} = {name}" for name in names)]
    written: dict[str, Callable[..., Value]] = {}
    source = "\n ".join([*lines, "self.__class__ = _frozen", "return self"])
    exec(source, {"_new": object.__new__, "_open": _open_twin(frozen), "_frozen": frozen}, written)  # noqa: S102  # as above
    return written["made"]


def _open_twin(frozen: type[Value]) -> type:
    slots = frozen.__slots__  # type: ignore[attr-defined]  # a slotted dataclass, as above
    return type(frozen.__name__, frozen.__bases__, {"__slots__": slots, "__setattr__": object.__setattr__})


def _source(told: tuple[Field[object], ...]) -> str:
    arguments = [field.name if field.default is MISSING else f"{field.name}=_default_{field.name}" for field in told]
    lines = [
        f"def __init__(self, *, {', '.join(arguments)}):",
        '_become(self, "__class__", _open)',
        *(f"self.{field.name} = {field.name}" for field in told),
        "self.__class__ = _frozen",
    ]
    return "\n ".join(lines)
