"""Classes of values that never change, as the type checker sees to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform, overload

T = TypeVar("T")


@overload
def frozen(cls: type[T], /) -> type[T]: ...


@overload
def frozen(*, kw_only: bool = ..., slots: bool = ...) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T] | None = None, /, *, kw_only: bool = False, slots: bool = True) -> object:
    """Make a dataclass of values that are compared and hashed by what they hold.

    At run time nothing is frozen: there each field would be set by a function that passes the one
    of the class by, which took a tenth of a judgement. Who sets one is told by the type checker.

    Without slots there may be a `cached_property`: what is worked out once, when somebody asks.
    """
    made = dataclass(slots=slots, unsafe_hash=True, kw_only=kw_only)
    return made if cls is None else made(cls)
