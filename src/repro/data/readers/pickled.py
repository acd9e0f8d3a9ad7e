"""Read the pickles that CIFAR is published in without letting them build anything else.

Python's unpickler runs what a file asks for, and even with its names restricted a file of eight bytes can
make it take gigabytes (one opcode enlarges its memo), or make numpy follow addresses that the file chose (an
array of objects over raw bytes). So the few opcodes that such files need are interpreted here. What comes out
is a dict of texts, integers, flat lists of them, and uint8 arrays; memory stays within a few times the file's
size.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

MOST_OPCODES = 1_000_000  # an original file of 50,000 images with two labels and a name has 300,000
LONGEST_LINE = 100

_T = TypeVar("_T")
_OPCODES = {ord(code.code): (code.name, code.arg.n if code.arg else 0) for code in pickletools.opcodes}
_LENGTH_BYTES = {  # arguments that begin with their own length
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class NotArraysError(ValueError):
    """A pickle that is damaged, too long, or holds something else than files of images need."""


class _Name(str):
    """An allowed name. Nothing is ever looked up under it."""

    __slots__ = ()


class _Uint8:
    """The type of every array that is built."""


class _Array:
    """An array; its content comes with a later opcode than itself."""

    content: NDArray[np.uint8] | None = None


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
        return _interpret(memoryview(path.read_bytes()))
    except (IndexError, KeyError, ValueError) as error:  # of a stack or memo that lacks what an opcode needs
        if isinstance(error, NotArraysError):
            raise
        raise NotArraysError(f"its parts do not fit together ({error})") from error


def _interpret(content: memoryview) -> dict[bytes | str, Any]:
    """Run the opcodes on a stack, as pickle's machine does."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    copied = 0
    for name, raw in _opcodes(content):
        match name:
            case "BININT1" | "BININT2":
                stack.append(int.from_bytes(raw, "little"))
            case "BININT" | "LONG1":
                stack.append(_small(int.from_bytes(raw, "little", signed=True)))
            case "INT" | "LONG":
                stack.append(_written(bytes(raw)))
            case "BINSTRING" | "SHORT_BINSTRING" | "BINBYTES" | "SHORT_BINBYTES" | "BINBYTES8" | "BYTEARRAY8":
                stack.append(bytes(raw))
            case "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8":
                stack.append(str(raw, "utf-8"))
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(name == "NEWTRUE")
            case "BINPUT" | "LONG_BINPUT":
                memo[int.from_bytes(raw, "little")] = stack[-1]
            case "PUT":
                memo[int(bytes(raw))] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[int.from_bytes(raw, "little")])
            case "GET":
                stack.append(memo[int(bytes(raw))])
            case "MARK":
                marks.append(len(stack))
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "LIST":
                stack.append(_list([], _above(marks.pop(), stack)))
            case "DICT":
                stack.append(_dict({}, _above(marks.pop(), stack)))
            case "APPEND":
                values = _above(-1, stack)
                _list(stack[-1], values)
            case "APPENDS":
                values = _above(marks.pop(), stack)
                _list(stack[-1], values)
            case "SETITEM":
                values = _above(-2, stack)
                _dict(stack[-1], values)
            case "SETITEMS":
                values = _above(marks.pop(), stack)
                _dict(stack[-1], values)
            case "TUPLE":
                stack.append(tuple(_above(marks.pop(), stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(_above(-int(name[-1]), stack)))
            case "GLOBAL":
                module, word, _ = bytes(raw).decode().split("\n")
                stack.append(_allowed(module, word))
            case "STACK_GLOBAL":
                module, word = _above(-2, stack)
                stack.append(_allowed(module, word))
            case "REDUCE":
                function, arguments = _above(-2, stack)
                made = _called(_a(_Name, function), _a(tuple, arguments))
                copied += len(made) if isinstance(made, bytes) else 0
                if copied > len(content):  # the same text again and again
                    raise NotArraysError("it makes more bytes than it holds")
                stack.append(made)
            case "BUILD":
                state = stack.pop()
                _fill(stack[-1], _a(tuple, state))
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return _a(dict, stack.pop())
            case _:
                raise NotArraysError(f"it uses the opcode {name}, which no file of images needs")
    raise NotArraysError("it ends too early")


def _opcodes(content: memoryview) -> Iterator[tuple[str, memoryview]]:
    """Yield each opcode's name and argument, without the length that precedes some arguments."""
    at = 0
    for _ in range(MOST_OPCODES):
        if at == len(content):
            return
        if content[at] not in _OPCODES:
            raise NotArraysError(f"its byte {at} is no opcode")
        name, size = _OPCODES[content[at]]
        at += 1
        if size == pickletools.UP_TO_NEWLINE:
            size = _lines(content[at : at + LONGEST_LINE], 2 if name == "GLOBAL" else 1)
        elif size < 0:
            width = _LENGTH_BYTES[size]
            size = int.from_bytes(content[at : at + width], "little")
            at += width
        if at + size > len(content):
            raise NotArraysError("it ends too early")
        yield name, content[at : at + size]
        at += size
    raise NotArraysError(f"it has more than {MOST_OPCODES:,} opcodes")


def _lines(begin: memoryview, count: int) -> int:
    """Return how many bytes the first ``count`` lines take."""
    end = -1
    for _ in range(count):
        end = bytes(begin).find(b"\n", end + 1)
        if end < 0:
            raise NotArraysError("a line of it has no end")
    return end + 1


def _above(start: int, stack: list[Any]) -> list[Any]:
    """Take everything from position ``start`` on (counted from the end where negative) off the stack."""
    if not -len(stack) <= start <= len(stack):
        raise NotArraysError("its stack is empty")
    values = stack[start:]
    del stack[start:]
    return values


def _a(kind: type[_T], value: object) -> _T:
    """Return ``value`` if it is of this kind."""
    if not isinstance(value, kind):
        raise NotArraysError(f"a {type(value).__name__} stands where a {kind.__name__} should")
    return value


def _list(target: object, values: list[Any]) -> list[Any]:
    """Append ``values`` to a list, which is flat: no list can hide one that is exponentially large."""
    wrong = next((value for value in values if not isinstance(value, int | bytes | str)), None)
    if wrong is not None:
        raise NotArraysError(f"a list of it holds a {type(wrong).__name__}")
    held = _a(list, target)
    held += values
    return held


def _dict(target: object, values: list[Any]) -> dict[bytes | str, Any]:
    """Put keys and values, in turn, into a dict; a key is a text, so that hashing it is quick."""
    held = _a(dict, target)
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not isinstance(key, bytes | str):
            raise NotArraysError(f"a key of it is a {type(key).__name__}")
        if isinstance(value, _Name | _Uint8):
            raise NotArraysError("a value of it is a name")
        held[key] = value.content if isinstance(value, _Array) else value
    return held


def _small(value: int) -> int:
    if not -(2**31) <= value < 2**31:
        raise NotArraysError("an integer of it has more than 32 bits")
    return value


def _written(line: bytes) -> int:
    """Return the integer that a line of digits stands for."""
    return _small(int(line.strip().removesuffix(b"L")))


def _allowed(module: object, name: object) -> _Name:
    pair = (_a(str, module), _a(str, name))
    if pair not in _NAMES:
        raise NotArraysError(f"it refers to {'.'.join(pair)[:80]}, which no file of images needs")
    return _Name(name)


def _called(function: _Name, arguments: tuple[Any, ...]) -> bytes | _Uint8 | _Array:
    """Return what a call would make."""
    if function == "encode":
        text, codec = arguments
        if codec != "latin1":
            raise NotArraysError("it holds bytes in an unknown code")
        return _a(str, text).encode("latin1")
    if function == "dtype":
        if arguments[0] not in ("u1", b"u1"):
            raise NotArraysError("an array of it is not of bytes (u1)")
        return _Uint8()
    array = _Array()
    if function == "_frombuffer":
        content, kind, shape, order = arguments
        _fill(array, (1, shape, kind, order == "F", content))
    elif function != "_reconstruct":
        raise NotArraysError(f"it calls {function}")
    return array


def _fill(target: object, state: tuple[Any, ...]) -> None:
    """Give an array its content: bytes that fill its shape exactly."""
    if isinstance(target, _Uint8):
        return  # the state of a type: byte order and alignment, of which bytes have none
    _, shape, kind, by_column, content = state
    _a(_Uint8, kind)
    sides = [_a(int, side) for side in _a(tuple, shape)]
    held = np.frombuffer(_a(bytes, content), np.uint8)
    if not sides or min(sides) < 0 or prod(sides) != len(held):
        raise NotArraysError(f"{len(held)} bytes do not fill an array of {sides[:4]}")
    _a(_Array, target).content = held.reshape(sides, order="F" if by_column else "C")
