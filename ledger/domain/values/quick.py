"""Values of which a job makes hundreds of thousands, at half the price.

A frozen dataclass sets each field by a call of ``object.__setattr__``, which takes three times as long as the assignment that
an open class compiles to. `made_quickly` lets a value be of an open twin of its class, which has the same slots, while its fields
are set; nobody else ever sees it so.
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
    twin = type(frozen.__name__, frozen.__bases__, {"__slots__": frozen.__slots__, "__setattr__": object.__setattr__})  # type: ignore[attr-defined]
    names = {"_open": twin, "_frozen": frozen, "_become": object.__setattr__, **{f"_default_{field.name}": field.default for field in told}}
    written: dict[str, Callable[..., None]] = {}
    exec(_source(told), names, written)  # noqa: S102  # as dataclasses do; the text is made of our own field names
    init = written["__init__"]
    init.__annotations__ = {**frozen.__init__.__annotations__}
    init.__qualname__ = f"{frozen.__qualname__}.__init__"
    frozen.__init__ = init  # type: ignore[method-assign]  # this is what we are here for
    return frozen


def _source(told: tuple[Field[object], ...]) -> str:
    arguments = [field.name if field.default is MISSING else f"{field.name}=_default_{field.name}" for field in told]
    lines = [
        f"def __init__(self, *, {', '.join(arguments)}):",
        '_become(self, "__class__", _open)',
        *(f"self.{field.name} = {field.name}" for field in told),
        "self.__class__ = _frozen",
    ]
    return "\n ".join(lines)
