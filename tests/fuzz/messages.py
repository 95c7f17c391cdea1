"""Random requests made from the descriptors of a service: mostly sensible, with a few fields that are not.

Everything comes from one source of chance, so that a seed gives the same requests again, as far as the answers that
`Known` learns from are the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tests.fuzz import values

DEEPEST = 5
UNKNOWN_FIELDS = b"\xba\xf4\x03\x04spam\xc0\xf4\x03\x96\x01\xcd\xf4\x03abcd\xc9\xf4\x03abcdefgh"
"""Of numbers that no message has, one for each wire type."""

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FLOATS = (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE)


class Known:
    """Things that exist, by kind, so that requests can name them.

    Attributes:
        things: names by kind.
        whole: messages that name a thing with all that it is in, by the full name of their type.
    """

    def __init__(self) -> None:
        self.whole: dict[str, list[Message]] = {}
        self.things: dict[str, list[str]] = {
            "project": ["default", "second", ""],
            "repo": ["data", "out", "other", "copy"],
            "branch": ["master", "dev"],
            "id": [],
            "file set": [],
            "transaction": [],
            "session": [],
        }

    def learn(self, kind: str, thing: str) -> None:
        """Remembers some of each kind."""
        if thing and thing not in self.things[kind]:
            self.things[kind] = [*self.things[kind], thing][-40:]


_KINDS = {
    ("Project", "name"): "project",
    ("ProjectPicker", "name"): "project",
    ("Repo", "name"): "repo",
    ("RepoName", "name"): "repo",
    ("Pipeline", "name"): "repo",
    ("PipelineName", "name"): "repo",
    ("Branch", "name"): "branch",
    ("BranchName", "name"): "branch",
    ("Transaction", "id"): "transaction",
}
_POOLS: dict[str, tuple[str, ...]] = {
    "path": values.PATHS,
    "dst": values.PATHS,
    "file_path": values.PATHS,
    "lower": values.PATHS,
    "upper": values.PATHS,
    "pattern": values.GLOBS,
    "glob": values.GLOBS,
    "type": ("user", "", "user", "spec", "meta"),
    "url": values.URLS,
    "URL": values.URLS,
    "create_pipeline_request_json": values.SPECS,
    "effective_json": values.SPECS,
    "user_json": values.SPECS,
    "rate_limit_spec": ("", "@hourly", "@every 1s"),
    "cron_spec": ("", "@yearly", "* * * * *"),
    "size": ("", "1B", "10MB"),
    "worker": ("w1", "w2"),
    "image": ("python:3", "own"),
    "root": ("/nowhere", "/proc/self/nowhere", "relative"),
}


class Maker:
    """Makes requests from chance and from what is known."""

    def __init__(self, chance: random.Random, known: Known) -> None:
        self.chance, self.known = chance, known

    def request(self, descriptor: Descriptor) -> bytes:
        """A request as bytes."""
        if self.chance.random() < 0.02:
            return self.chance.randbytes(self.chance.choice((1, 3, 40, 400)))
        message = self.message(descriptor)
        for _ in range(self.chance.choice((0, 0, 1, 1, 1, 2, 3))):
            self.spoil(message)
        return self.mangled(message.SerializeToString())

    def message(self, descriptor: Descriptor, depth: int = 0) -> Message:
        """A sensible message, as far as names tell what is sensible."""
        made: Message = GetMessageClass(descriptor)()
        if descriptor.full_name.startswith("google.protobuf."):
            self._well_known(made)
            return made
        whole = self.known.whole.get(descriptor.full_name)
        if whole and self.chance.random() < 0.85:
            made.CopyFrom(self.chance.choice(whole))
            return made
        skipped = {
            field.name
            for oneof in descriptor.oneofs
            for field in self._but_one(list(oneof.fields), self.chance.random() < 0.95)
        }
        for field in descriptor.fields:
            likely = 0.95 if _is_reference(field) else 0.4 if depth < 1 else 0.25
            if (
                field.name not in skipped
                and depth < DEEPEST
                and (field.containing_oneof is not None or self.chance.random() < likely)
            ):
                self.fill(made, field, lambda field=field: self.value(field, depth), depth)
        return made

    def fill(self, message: Message, field: FieldDescriptor, make: Callable[[], Any], depth: int = 0) -> None:
        """Sets a field to what `make` makes, a repeated one to some of that."""
        if _is_map(field):
            entries = getattr(message, field.name)
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            name = self.value(key, depth)
            if value.message_type is None:
                entries[name] = self.value(value, depth)
            else:
                entries[name].CopyFrom(self.value(value, depth))
        elif field.is_repeated:
            getattr(message, field.name).extend(make() for _ in range(self.chance.choice((0, 1, 1, 2, 3))))
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(make())
        else:
            setattr(message, field.name, make())

    def value(self, field: FieldDescriptor, depth: int) -> Any:
        """A sensible value of a field."""
        if field.message_type is not None:
            return self.message(field.message_type, depth + 1)
        if field.enum_type is not None:
            return self.chance.choice(field.enum_type.values).number
        if field.cpp_type in _INTEGERS:
            return self.chance.choice((0, 0, 1, 2, 3, 10, 100))
        if field.cpp_type in _FLOATS:
            return self.chance.choice((0.0, 0.5, 2.0))
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return self.chance.random() < 0.5
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self.chance.choice((b"", b"some bytes", b"x" * 100))
        return self.text(field)

    def text(self, field: FieldDescriptor) -> str:
        """A sensible text: of a thing that exists, if the field names one."""
        kind = _KINDS.get((field.containing_type.name, field.name))
        if kind is None and ("file_set" in field.name or "fileset" in field.name):
            kind = "file set"
        if kind is None and "session" in (field.name, field.containing_type.name.lower()):
            kind = "session"
        if kind is None and field.name == "id":
            kind = "id"
        pool = self.known.things[kind] if kind else _POOLS.get(field.name, values.WORDS)
        return self.chance.choice(pool) if pool else ""

    # -- what nobody should send ----------------------------------------------------------------------------

    def spoil(self, message: Message) -> None:
        """Makes one field of a message, or of a message in it, extreme, unset, or many."""
        inner = list(_inside(message))
        target = self.chance.choice(inner)
        fields = list(target.DESCRIPTOR.fields)
        if not fields:
            return
        field = self.chance.choice(fields)
        if self.chance.random() < 0.15:
            target.ClearField(field.name)
            return
        if _is_map(field) or field.message_type is not None:
            target.ClearField(field.name)
            many = self.chance.choice((1, 1, 40))
            if field.is_repeated and not _is_map(field):
                getattr(target, field.name).extend(self.message(field.message_type, 3) for _ in range(many))
            else:
                self.fill(target, field, lambda: self.message(field.message_type, 3))
            return
        value = self.extreme(field)
        if field.is_repeated:
            getattr(target, field.name).extend([value] * self.chance.choice((1, 2, 100)))
        else:
            setattr(target, field.name, value)

    def extreme(self, field: FieldDescriptor) -> Any:
        """A value at or beyond the edge of what a field may hold."""
        if field.enum_type is not None:
            return self.chance.choice((99, -1, 2**31 - 1))
        if field.cpp_type in _INTEGERS:
            low, high = _INTEGERS[field.cpp_type]
            return self.chance.choice([one for one in values.INTEGERS if low <= one <= high])
        if field.cpp_type in _FLOATS:
            return self.chance.choice(values.NUMBERS)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return True
        if field.type == FieldDescriptor.TYPE_BYTES:
            return self.chance.choice(values.BYTES)
        return self.chance.choice((*values.STRINGS, values.LONE_SURROGATE, values.LONE_SURROGATE))

    def mangled(self, data: bytes) -> bytes:
        """The bytes on the wire: sometimes cut, altered, or with fields that no message has."""
        data = data.replace(values.LONE_SURROGATE.encode(), self.chance.choice(values.NO_UTF8))
        how = self.chance.random()
        if how < 0.04 and data:
            return data[: self.chance.randrange(len(data))]
        if how < 0.07 and data:
            at = self.chance.randrange(len(data))
            return data[:at] + bytes([data[at] ^ (1 << self.chance.randrange(8))]) + data[at + 1 :]
        return data + UNKNOWN_FIELDS if how < 0.11 else data

    def stream(self, descriptor: Descriptor) -> list[bytes]:
        """Some requests of a stream, mostly one after another as they should be."""
        oneof = next(iter(descriptor.oneofs), None)
        if oneof is None or self.chance.random() < 0.1:
            return [self.request(descriptor) for _ in range(self.chance.choice((0, 1, 2, 5)))]
        named = {field.name: field for field in oneof.fields}
        first = [self._body(descriptor, named["set_commit"])] if "set_commit" in named else []
        rest = [field for name, field in named.items() if name != "set_commit"]
        found = first + [self._body(descriptor, self.chance.choice(rest)) for _ in range(self.chance.randrange(6))]
        match self.chance.randrange(12):
            case 0:
                self.chance.shuffle(found)
            case 1:
                found = found[1:]
            case 2:
                found += found
        return found

    def _body(self, descriptor: Descriptor, field: FieldDescriptor) -> bytes:
        message: Message = GetMessageClass(descriptor)()
        self.fill(message, field, lambda: self.value(field, 0))
        if self.chance.random() < 0.25:
            self.spoil(message)
        return self.mangled(message.SerializeToString()) if self.chance.random() < 0.3 else message.SerializeToString()

    def _well_known(self, made: Message) -> None:
        for field in made.DESCRIPTOR.fields:
            if not field.is_repeated and field.message_type is None:
                setattr(made, field.name, self.value(field, DEEPEST))

    def _but_one(self, fields: list[FieldDescriptor], keep: bool) -> list[FieldDescriptor]:
        kept = self.chance.choice(fields) if keep else None
        return [field for field in fields if field is not kept]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_reference(field: FieldDescriptor) -> bool:
    """Whether a field says what a request is about."""
    return (field.message_type is not None and field.message_type.name in _REFERENCES) or field.name in _TOLD


_REFERENCES = {"Repo", "Branch", "Commit", "File", "CommitSet", "Project", "Job", "JobSet", "Pipeline", "Transaction"}
_TOLD = {"name", "id", "path", "pattern", "file_set_id", "file_set_ids", "create_pipeline_request_json", "raw", "value"}


def _inside(message: Message) -> Iterator[Message]:
    """A message, and every message in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None or _is_map(field):
            continue
        for one in value if field.is_repeated else [value]:
            yield from _inside(one)
