"""Where a server runs and how it is reached: over loopback, or as a control row has it."""

import contextlib
import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The server listens on `host`. Its command and the generator's go behind these words, and
    sockets of this program that are to reach it are made within `inside()`."""

    host: str = '127.0.0.1'
    before_server: tuple = ()
    before_load: tuple = ()
    inside: typing.Callable = contextlib.nullcontext


LOOPBACK = Surroundings()
