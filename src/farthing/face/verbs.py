"""Every verb once, in two forms: `charge` and `acharge` come from one typed builder and never differ.

A builder turns what a caller wrote into a request; whoever has the verb runs it; a reader turns the outcome into what
the caller gets. Signatures are the builder's own, for people, IDEs and type checkers alike.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, get_args

from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.face.options import Said
from farthing.values.requests import Request

P = ParamSpec("P")
R = TypeVar("R")


class Runner(Protocol):
    """Who can have a request decided: the ledger, or a block in the caller's own transaction."""

    desk: Desk

    def run(self, request: Request) -> Outcome:
        """Decide now, and wait."""
        ...

    async def arun(self, request: Request) -> Outcome:
        """Decide, and await it."""
        ...

    def sees_open(self, hold: str, account: str) -> bool:
        """Whether a hold of an account is among its open ones."""
        ...


Build = Callable[Concatenate[Desk, P], Request]
Read = Callable[[Runner, Outcome], R]


def spoken(build: Build[P], read: Read[R]) -> Callable[Concatenate[Any, P], R]:
    """The form that waits."""

    def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return read(self, self.run(build(self.desk, *args, **kwargs)))

    dress(verb, build, find_answer(read), name_verb(build))
    return verb


def awaited(build: Build[P], read: Read[R]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """The form that is awaited. Cancelling it takes nothing back: the key tells whether it was."""

    async def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return read(self, await self.arun(build(self.desk, *args, **kwargs)))

    dress(verb, build, find_answer(read), "a" + name_verb(build))
    return verb


def threaded(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """A method that reads, or does several things, as a coroutine: it runs in another thread."""

    @functools.wraps(method)
    async def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.to_thread(method, self, *args, **kwargs)

    verb.__name__ = verb.__qualname__ = "a" + method.__name__
    return verb


def name_verb(build: Callable[..., Any]) -> str:
    """`charge` of `build_charge`."""
    return build.__name__.removeprefix("build_")


def find_answer(read: Callable[..., Any]) -> Any:
    """What a reader gives."""
    return inspect.signature(read).return_annotation


def dress(verb: Any, build: Callable[..., Any], answer: Any, name: str, skipped: int = 1) -> None:
    """Give a verb the name, the words and the signature of its builder, whose first `skipped` parameters are filled."""
    verb.__name__ = verb.__qualname__ = name
    verb.__doc__ = build.__doc__
    verb.__signature__ = spell_signature(build, answer, skipped)


def find_said(build: Callable[..., Any]) -> type[Any]:
    """The common options that a builder takes: those of its `**said`."""
    kinds = [p.annotation for p in inspect.signature(build).parameters.values() if p.kind is p.VAR_KEYWORD]
    return get_args(kinds[0])[0] if kinds else Said


def spell_signature(build: Callable[..., Any], answer: Any, skipped: int) -> inspect.Signature:
    """A builder's signature as a method's, with the common options spelt out."""
    known = list(inspect.signature(build).parameters.values())[skipped:]
    shown = [parameter for parameter in known if parameter.kind is not inspect.Parameter.VAR_KEYWORD]
    shown += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in find_said(build).__annotations__.items()
    ]
    first = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return inspect.Signature([first, *shown], return_annotation=answer)
