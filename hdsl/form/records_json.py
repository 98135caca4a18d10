"""Frozen records as JSON and back, by their own annotations: one codec for every stage's records.

Input: a record, or JSON text and the type that is expected. Output: text, or the record. Invariants: what comes out
equals what went in; only types that the annotations of the expected type reach are ever made, whatever the text says,
so text from elsewhere cannot make anything else; a value of another kind than annotated is refused with its place.

A record is an object of its fields, without those that have their default; in a union of several records it also has
``"is"``, the name of its class. A tuple is an array, and so are labels; a mapping with text as keys is an object,
another one an array of pairs; an enumeration is its value. Numbers that JSON does not have are ``"nan"``, ``"inf"`` and
``"-inf"``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hdsl.form.labels import Labels

__all__ = ["RecordError", "from_json", "from_plain", "is_storable", "to_json", "to_plain"]

Record = TypeVar("Record")

TAG = "is"
_NOT_IN_JSON = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class RecordError(ValueError):
    """JSON that is no record of the expected type: what is wrong, and where."""


def to_json(record: object, kind: Any = None) -> str:
    """Return a record as JSON text.

    Parameters
    ----------
    record : object
    kind : type, optional
        What `from_json` will be asked for; the record's own class if left out.

    Raises
    ------
    TypeError
        If an annotation is none that records have, or a value is not of its annotated type.
    RecordError
        If it is nested too deeply.
    """
    try:
        plain = to_plain(record, type(record) if kind is None else kind)
        return json.dumps(plain, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise RecordError("nested too deeply") from None


def from_json(text: str | bytes, kind: type[Record]) -> Record:
    """Return the record that JSON text holds.

    Raises
    ------
    RecordError
        If the text is not JSON, or no `kind`.
    """
    try:
        return from_plain(json.loads(text), kind)
    except RecursionError:
        raise RecordError("nested too deeply") from None
    except RecordError:
        raise
    except ValueError as error:  # not JSON, not UTF-8, or a number of thousands of digits
        raise RecordError(f"not JSON: {error}") from None


def to_plain(record: object, kind: Any) -> Any:
    """Return a value of type `kind` as what `json` writes: dicts, lists, text, numbers, None."""
    return _codec(kind).encode(record)


def from_plain(plain: Any, kind: type[Record]) -> Record:
    """Return the value of type `kind` that `plain`, read by `json`, stands for.

    Raises
    ------
    RecordError
        If it is none.
    """
    expected: Any = kind
    return _codec(expected).decode(plain, "$")  # type: ignore[no-any-return]


def is_storable(kind: Any) -> bool:
    """Whether values of a type can be written, to the last field of what it holds."""
    return _is_storable(kind, set())


def _is_storable(kind: Any, seen: set[Any]) -> bool:
    if kind in seen:
        return True
    if get_origin(kind) in (tuple, dict, Union, UnionType):
        return all(_is_storable(part, seen) for part in get_args(kind) if part is not Ellipsis)
    if isinstance(kind, type) and is_dataclass(kind):
        seen.add(kind)  # a tree holds itself
        hints = get_type_hints(kind)
        return all(_is_storable(hints[member.name], seen) for member in fields(kind) if member.init)
    try:
        _codec(kind)
    except TypeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Codec:
    """How values of one type are written and read; `shape` is the kind of JSON value that they are."""

    shape: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any, str], Any]


_SHAPES = {
    dict: "object",
    list: "array",
    str: "text",
    bool: "boolean",
    int: "number",
    float: "number",
    NoneType: "null",
}


def _shape(plain: object) -> str:
    return _SHAPES.get(type(plain), type(plain).__name__)


def _refuse(where: str, expected: str, plain: object) -> RecordError:
    return RecordError(f"{where}: {expected} is expected, not {_shape(plain)}")


@cache
def _codec(kind: Any) -> _Codec:
    """Return the codec of an annotation."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _union(get_args(kind))
    if origin is Literal:
        return _literal(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin is dict:
        return _mapping(*get_args(kind))
    if origin is Labels:
        return _labels(*get_args(kind))
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enumeration(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"records have no fields of type {kind!r}")


def _exactly(kind: type, shape: str) -> _Codec:
    def encode(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not a plain {kind.__name__}")
        return value

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not kind:
            raise _refuse(where, kind.__name__, plain)
        return plain

    return _Codec(shape, encode, decode)


def _encode_float(value: Any) -> Any:
    if type(value) is not int and not isinstance(value, float):
        raise TypeError(f"{value!r} is not a number")
    if not math.isfinite(value):
        return str(float(value))
    return value if type(value) is int else float(value)  # a float of NumPy is a float, too


def _decode_float(plain: Any, where: str) -> Any:
    if type(plain) in (int, float):
        return plain
    if type(plain) is str and plain in _NOT_IN_JSON:
        return _NOT_IN_JSON[plain]
    raise _refuse(where, "a number", plain)


_PLAIN: dict[Any, _Codec] = {
    str: _exactly(str, "text"),
    bool: _exactly(bool, "boolean"),
    int: _exactly(int, "number"),
    NoneType: _exactly(NoneType, "null"),
    float: _Codec("number", _encode_float, _decode_float),
}


def _literal(values: tuple[Any, ...]) -> _Codec:
    def encode(value: Any) -> Any:
        if value not in values:
            raise TypeError(f"{value!r} is none of {values}")
        return value

    def decode(plain: Any, where: str) -> Any:
        if type(plain) not in _SHAPES or type(plain) in (dict, list) or plain not in values:
            raise RecordError(f"{where}: one of {values} is expected")
        return plain

    return _Codec(_shape(values[0]), encode, decode)


def _enumeration(kind: type[Enum]) -> _Codec:
    members = {member.value: member for member in kind}

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not str or plain not in members:
            raise RecordError(f"{where}: one of {tuple(members)} is expected")
        return members[plain]

    return _Codec("text", lambda member: member.value, decode)


def _tuple(args: tuple[Any, ...]) -> _Codec:
    if len(args) == 2 and args[1] is Ellipsis:
        return _many(args[0])

    def encode(value: Any) -> Any:
        return [_codec(kind).encode(item) for kind, item in zip(args, value, strict=True)]

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not list or len(plain) != len(args):
            raise _refuse(where, f"an array of {len(args)}", plain)
        return tuple(
            _codec(kind).decode(item, f"{where}[{k}]") for k, (kind, item) in enumerate(zip(args, plain, strict=True))
        )

    return _Codec("array", encode, decode)


def _many(kind: Any) -> _Codec:
    def encode(value: Any) -> Any:
        if type(value) is not tuple:
            raise TypeError(f"{value!r} is not a tuple")
        item_codec = _codec(kind)
        return [item_codec.encode(item) for item in value]

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not list:
            raise _refuse(where, "an array", plain)
        item_codec = _codec(kind)
        return tuple(item_codec.decode(item, f"{where}[{k}]") for k, item in enumerate(plain))

    return _Codec("array", encode, decode)


def _labels(kind: Any) -> _Codec:
    """Return the codec of labels, which are written as the tuple of them."""
    many = _many(kind)

    def decode(plain: Any, where: str) -> Any:
        given = many.decode(plain, where)
        try:
            labels = Labels.of(given)
        except ValueError:
            labels = None
        if labels != given:
            raise RecordError(f"{where}: labels of as many indices each are expected")
        return labels

    return _Codec(many.shape, lambda value: many.encode(tuple(value)), decode)


def _mapping(key: Any, kind: Any) -> _Codec:
    if key is not str:
        pairs = _many(tuple[key, kind])
        return _Codec(
            "array",
            lambda value: pairs.encode(tuple(value.items())),
            lambda plain, where: dict(pairs.decode(plain, where)),
        )

    def encode(value: Any) -> Any:
        item_codec = _codec(kind)
        return {_PLAIN[str].encode(name): item_codec.encode(item) for name, item in value.items()}

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not dict:
            raise _refuse(where, "an object", plain)
        item_codec = _codec(kind)
        return {name: item_codec.decode(item, f"{where}[{name!r}]") for name, item in plain.items()}

    return _Codec("object", encode, decode)


def _record(kind: type) -> _Codec:
    hints = get_type_hints(kind)
    members = {field.name: field for field in fields(kind) if field.init}

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is no {kind.__name__}")
        found = ((name, field, getattr(value, name)) for name, field in members.items())
        return {name: _codec(hints[name]).encode(item) for name, field, item in found if not _is_default(field, item)}

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is not dict:
            raise _refuse(where, f"an object ({kind.__name__})", plain)
        _check_fields(kind, members, plain, where)
        return kind(**{name: _codec(hints[name]).decode(item, f"{where}.{name}") for name, item in plain.items()})

    return _Codec("object", encode, decode)


def _is_default(field: Field[Any], item: object) -> bool:
    """Whether a field may be left out: its default is a plain value, and this is it."""
    return field.default is not MISSING and type(item) is type(field.default) and item == field.default


def _check_fields(kind: type, members: dict[str, Field[Any]], plain: dict[str, Any], where: str) -> None:
    unknown = next((name for name in plain if name not in members), None)
    if unknown is not None:
        raise RecordError(f"{where}: {kind.__name__} has no field {unknown!r}")
    for name, field in members.items():
        if name not in plain and field.default is MISSING and field.default_factory is MISSING:
            raise RecordError(f"{where}: {kind.__name__} lacks its field {name!r}")


def _union(kinds: tuple[Any, ...]) -> _Codec:
    """Return the codec of a union: records are told apart by their tag, all else by its kind of JSON value."""
    records = {kind.__name__: kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)}
    others = [kind for kind in kinds if kind not in records.values()]
    is_tagged = len(records) > 1
    shapes = [_codec(kind).shape for kind in others] + ["object"] * bool(records)
    if len(set(shapes)) < len(shapes):
        raise TypeError(f"JSON cannot tell these apart: {kinds}")

    def encode(value: Any) -> Any:
        if type(value).__name__ in records and type(value) is records[type(value).__name__]:
            plain = _codec(type(value)).encode(value)
            return {TAG: type(value).__name__, **plain} if is_tagged else plain
        shape = _SHAPE_OF_VALUE.get(type(value))
        for kind in others:
            if _codec(kind).shape == shape:
                return _codec(kind).encode(value)
        raise TypeError(f"{value!r} is none of {kinds}")

    def decode(plain: Any, where: str) -> Any:
        if type(plain) is dict and records:
            return _decode_member(records, plain, where)
        for kind in others:
            if _codec(kind).shape == _shape(plain):
                return _codec(kind).decode(plain, where)
        raise _refuse(where, f"one of {', '.join(shapes)}", plain)

    return _Codec("union", encode, decode)


_SHAPE_OF_VALUE = {**_SHAPES, tuple: "array"}


def _decode_member(records: dict[str, type], plain: dict[str, Any], where: str) -> Any:
    if len(records) == 1:
        return _codec(next(iter(records.values()))).decode(plain, where)
    name = plain.get(TAG)
    if type(name) is not str or name not in records:
        raise RecordError(f"{where}: {TAG!r} must be one of {tuple(records)}")
    return _codec(records[name]).decode({key: item for key, item in plain.items() if key != TAG}, where)
