"""Read the pickles that CIFAR is published in without letting them build anything else.

Python's unpickler runs what a file asks for, and even with its names restricted a file of eight bytes can
make it take gigabytes (one opcode enlarges its memo), or make numpy follow addresses that the file chose (an
array of objects over raw bytes). So the unpickler that is written in Python, whose memo is a dict, is left
only the opcodes that such files need, and no name in a file stands for the thing of that name. What comes out
is a dict of texts, integers, flat lists of them, and uint8 arrays; memory stays within a few times the file's
size.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

MOST_OPCODES = 1_000_000  # an original file of 50,000 images with two labels and a name has 300,000

_T = TypeVar("_T")
_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}
_OPCODES = """
    PROTO FRAME STOP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 BINSTRING SHORT_BINSTRING
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINPUT
    LONG_BINPUT MEMOIZE BINGET LONG_BINGET MARK EMPTY_LIST EMPTY_DICT EMPTY_TUPLE APPEND APPENDS SETITEM
    SETITEMS TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE BUILD
"""


class NotArraysError(ValueError):
    """A pickle that is damaged, too long, or holds something else than files of images need."""


def load_arrays(path: Path, most_bytes: int) -> dict[bytes | str, Any]:
    """Return the dict that a pickle holds, Python 2's texts as bytes.

    Args:
        path: the file.
        most_bytes: a longer file is refused before it is read.

    Raises:
        NotArraysError: it is too long, damaged, or holds anything but texts, integers of 32 bits, flat lists
            of those, and uint8 arrays.
    """
    if not path.is_file() or path.stat().st_size > most_bytes:
        raise NotArraysError(f"it is no file of at most {most_bytes:,} bytes")
    try:
        record = _a(dict, _Unpickler(path.read_bytes()).load())
        return {key: _checked(value) for key, value in record.items()}
    except (NotArraysError, PermissionError):
        raise
    except EOFError as error:
        raise NotArraysError("it ends too early") from error
    except Exception as error:  # an opcode may find anything on the stack, or nothing
        raise NotArraysError(f"its parts do not fit together ({error})") from error


class _Uint8:
    """The type of every array that is built."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment, of which bytes have none."""


class _Array:
    """An array; its content comes with a later opcode than itself: bytes that fill its shape exactly."""

    __slots__ = ("content",)
    content: NDArray[np.uint8]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_column, content = state
        _a(_Uint8, kind)
        sides = [_a(int, side) for side in _a(tuple, shape)]
        held = np.frombuffer(_a(bytes, content), np.uint8)
        if not sides or min(sides) < 0 or prod(sides) != len(held):
            raise NotArraysError(f"{len(held)} bytes do not fill an array of {sides[:4]}")
        self.content = held.reshape(sides, order="F" if by_column else "C")


class _Function:
    """What stands for an allowed name; nothing is ever looked up under it."""

    __slots__ = ("machine", "name")

    def __init__(self, name: str, machine: _Unpickler) -> None:
        self.name, self.machine = name, machine

    def __call__(self, *arguments: Any) -> bytes | _Uint8 | _Array:
        if self.name == "encode":
            text, codec = arguments
            if codec != "latin1":
                raise NotArraysError("it holds bytes in an unknown code")
            self.machine.bytes_left -= len(text)
            if self.machine.bytes_left < 0:
                raise NotArraysError("it makes more bytes than it holds")
            return _a(str, text).encode("latin1")
        if self.name == "dtype":
            if arguments[0] not in ("u1", b"u1"):
                raise NotArraysError("an array of it is not of bytes (u1)")
            return _Uint8()
        array = _Array()
        if self.name == "_frombuffer":
            content, kind, shape, order = arguments
            array.__setstate__((1, shape, kind, order == "F", content))
        elif self.name != "_reconstruct":
            raise NotArraysError(f"it calls {self.name}")
        return array


class _Unpickler(pickle._Unpickler):
    """The unpickler that is written in Python, with opcodes of our choice."""

    stack: list[Any]
    read: Callable[[int], bytes]

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content), encoding="bytes")
        self.dispatch = _Opcodes()  # type: ignore[misc]
        self.bytes_left = len(content)  # to be made from texts: the same one can be asked for again and again

    def find_class(self, module: str, name: str) -> _Function:
        if (module, name) not in _NAMES:
            raise NotArraysError(f"it refers to {f'{module}.{name}'[:80]}, which no file of images needs")
        return _Function(name, self)

    def load_bytearray8(self) -> None:
        """Read bytes that follow their length; Python's own makes room for them before it looks."""
        self.stack.append(self.read(int.from_bytes(self.read(8), "little")))

    def load_setitems(self) -> None:
        """Fill a dict; its keys are hashed, which of nested tuples takes for ever."""
        _require_texts(self.stack[::2])
        super().load_setitems()  # type: ignore[misc]

    def load_setitem(self) -> None:
        """Put one pair into a dict."""
        _require_texts(self.stack[-2:-1])
        super().load_setitem()  # type: ignore[misc]


class _Opcodes(dict[int, Callable[[Any], None]]):
    """How the allowed opcodes are done, as often as an honest file may need."""

    def __init__(self) -> None:
        own = {
            getattr(pickle, name)[0]: f"load_{name.lower()}" for name in ("BYTEARRAY8", "SETITEM", "SETITEMS")
        }
        for name in _OPCODES.split():
            code = getattr(pickle, name)[0]
            self[code] = getattr(_Unpickler, own[code]) if code in own else pickle._Unpickler.dispatch[code]
        self.left = MOST_OPCODES

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise NotArraysError(f"it has more than {MOST_OPCODES:,} opcodes")
        if code not in self:
            name = next((each.name for each in pickletools.opcodes if ord(each.code) == code), code)
            raise NotArraysError(f"it uses the opcode {name}, which no file of images needs")
        return super().__getitem__(code)


def _require_texts(keys: list[Any]) -> None:
    for key in keys:
        if not isinstance(key, bytes | str):
            raise NotArraysError(f"a key of it is a {type(key).__name__}")


def _checked(value: object) -> object:
    """Return a value of the record; a list is flat, for a nested one can be exponentially large."""
    if isinstance(value, _Array):
        return value.content
    values = value if isinstance(value, list) else [value]
    for each in values:
        if isinstance(each, int) and not -(2**31) <= each < 2**31:
            raise NotArraysError("an integer of it has more than 32 bits")
        if not isinstance(each, int | bytes | str) and not (each is None and each is value):
            where = "a list of it" if value is values else "it"
            raise NotArraysError(f"{where} holds a {type(each).__name__}")
    return value


def _a(kind: type[_T], value: object) -> _T:
    """Return ``value`` if it is of this kind."""
    if not isinstance(value, kind):
        raise NotArraysError(f"a {type(value).__name__} stands where a {kind.__name__} should")
    return value
