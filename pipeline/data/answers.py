"""The contract of an answer: a JSON Schema, what its fields are, and whether a text meets it.

A schema of type `object` (or `array`) wants an answer in JSON. A schema of type `string` takes the answer's text as it is.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from pipeline.data.likeness.shingles import jaccard, shingles
from pipeline.data.records import parse_json
from pipeline.stage import Fault

NOT_JSON = object()  # what `parse` gives for a text that is no JSON
Relation = Literal["same", "other", "unlike"]
NOWHERE = object()  # where a reference points at nothing
LISTS = ("allOf", "anyOf", "oneOf")  # of schemas that judge the same value
WHOLE = "answer"  # the name of the one field of an answer that is no object


@dataclass(frozen=True)
class Contract:
    """The answer's schema, compiled once."""

    schema: dict[str, Any]
    validator: Draft202012Validator

    @classmethod
    def load(cls, path: Path) -> "Contract":
        """Read a schema. Raises Fault where it is no valid JSON Schema."""
        try:
            schema = parse_json(path.read_bytes())
            Draft202012Validator.check_schema(schema)
        except FileNotFoundError:
            raise Fault(path, "no such file", "write the schema of an answer there") from None
        except ValueError as error:
            raise Fault(path, f"is not JSON ({error})", "mend it") from None
        except SchemaError as error:
            raise Fault(path, f"is not a JSON Schema ({error.message})", "mend it") from None
        if not isinstance(schema, dict):
            raise Fault(path, "is not a JSON object", "write the schema of an answer there")
        if not all(isinstance(field, dict) for field in (schema.get("properties") or {}).values()):
            raise Fault(path, "has a property that is no object", "write its schema out")
        if any(_is_endless(schema, part) for part in _parts(schema)):
            raise Fault(
                path, "refers to itself without end", "let it refer to itself only within a property or an item"
            )
        missing = next((ref for ref in _references(schema) if _at(schema, ref) is NOWHERE), None)
        if missing is not None:
            raise Fault(path, f"refers to {missing}, which is not in it", "write it out in place")
        return cls(schema, Draft202012Validator(schema))

    @property
    def is_text(self) -> bool:
        return self.schema.get("type") == "string"

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """Name and schema of each field; an answer that is no object is one field."""
        properties = self.schema.get("properties")
        return dict(properties) if isinstance(properties, dict) and properties else {WHOLE: self.schema}

    @property
    def exact_fields(self) -> list[str]:
        """Fields with one right value: closed lists, truth values, numbers."""
        return [name for name, schema in self.fields.items() if not _is_free_text(schema)]

    @property
    def text_fields(self) -> list[str]:
        """Fields of free text."""
        return [name for name, schema in self.fields.items() if _is_free_text(schema)]

    @cached_property
    def label_field(self) -> str | None:
        """The first field with a closed list of values: what examples are stratified and balanced by."""
        return next((name for name, schema in self.fields.items() if "enum" in schema), None)

    def parse(self, text: str) -> Any:
        """The answer as a value, or NOT_JSON."""
        if self.is_text:
            return text.strip()
        try:
            return parse_json(text)
        except ValueError:
            return NOT_JSON

    def complaint(self, text: str) -> str | None:
        """Why the text does not meet the contract, in words, or None."""
        return self._complaint_of(self.parse(text))

    def judged(self, text: str) -> tuple[str | None, str | None]:
        """Complaint and label of an answer, which is parsed once."""
        value = self.parse(text)
        return self._complaint_of(value), self._label_of(value)

    def _complaint_of(self, value: Any) -> str | None:
        if value is NOT_JSON:
            return "is not JSON"
        if self.validator.is_valid(value):
            return None
        error = best_match(self.validator.iter_errors(value))
        where = ".".join(str(part) for part in error.absolute_path) if error else ""
        message = error.message if error else "does not meet the schema"
        return f"{where}: {message}" if where else message

    def field(self, text: str, name: str) -> Any:
        """The value of a field, or None where the text has none."""
        return self._field_of(self.parse(text), name)

    def _field_of(self, value: Any, name: str) -> Any:
        if name == WHOLE and WHOLE not in (self.schema.get("properties") or {}):
            return None if value is NOT_JSON else value
        return value.get(name) if isinstance(value, dict) else None

    def is_readable(self, text: str) -> bool:
        """Whether the answer has the outer form that its fields can be taken from."""
        return self._is_whole(self.parse(text))

    def relation(
        self, one: str, other: str, similarity: float, said: Callable[[str], frozenset[int]] = shingles
    ) -> Relation:
        """What two answers to nearly the same question are to each other; `said` gives the word pairs of a text.

        `same`: all fields with one right value are equal, or, where there is none, the word pairs overlap by at least
        `similarity`. `other`: such a field differs, so they contradict each other. `unlike`: free texts in other words.
        """
        first, second = self.parse(one), self.parse(other)
        if self.exact_fields and self._is_whole(first) and self._is_whole(second):
            is_equal = all(_part(first, name) == _part(second, name) for name in self.exact_fields)
            return "same" if is_equal else "other"
        return "same" if jaccard(said(one), said(other)) >= similarity else "unlike"

    def _is_whole(self, value: Any) -> bool:
        return isinstance(value, dict) if self.schema.get("properties") else value is not NOT_JSON

    def label(self, text: str) -> str | None:
        """The value of the label field as text, or None."""
        return self._label_of(self.parse(text))

    def _label_of(self, value: Any) -> str | None:
        found = self._field_of(value, self.label_field) if self.label_field else None
        return None if found is None else str(found)


def _part(value: Any, name: str) -> Any:
    """A field of a parsed answer as text that tells 1 from true; an answer that is no object is its own field."""
    part = value.get(name) if isinstance(value, dict) and name != WHOLE else value
    return json.dumps(part, sort_keys=True)


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every object within a schema, itself too."""
    if isinstance(schema, dict):
        yield schema
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    for part in inner:
        yield from _parts(part)


def _references(schema: Any) -> Iterator[str]:
    """Every `$ref` of a schema, at any depth."""
    return (part["$ref"] for part in _parts(schema) if isinstance(part.get("$ref"), str))


def _is_endless(schema: dict[str, Any], part: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether to judge a value by a part of a schema means to judge the same value by it again."""
    if not isinstance(part, dict):
        return False
    if id(part) in above:
        return True
    inner = [one for key in LISTS if isinstance(part.get(key), list) for one in part[key]]
    inner += [part.get(key) for key in ("not", "if", "then", "else")]
    inner += [_at(schema, part["$ref"])] if isinstance(part.get("$ref"), str) else []
    return any(_is_endless(schema, one, (*above, id(part))) for one in inner)


def _at(schema: Any, ref: str) -> Any:
    """The place in the schema itself that a `$ref` points at (RFC 6901), or NOWHERE."""
    if not ref.startswith("#") or (ref != "#" and not ref.startswith("#/")):
        return NOWHERE
    for step in ref.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(schema, dict) or key not in schema:
            return NOWHERE
        schema = schema[key]
    return schema


def _is_free_text(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema
