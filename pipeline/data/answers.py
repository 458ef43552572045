"""The contract of an answer: a JSON Schema, what its fields are, and whether a text meets it.

A schema of type `object` (or `array`) wants an answer in JSON. A schema of type `string` takes the answer's text as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from pipeline.data.records import parse_json
from pipeline.stage import Fault

NOT_JSON = object()  # what `parse` gives for a text that is no JSON
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
        missing = next((ref for ref in _references(schema) if not _is_there(schema, ref)), None)
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

    @property
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
        value = self.parse(text)
        if value is NOT_JSON:
            return "is not JSON"
        error = best_match(self.validator.iter_errors(value))
        if error is None:
            return None
        where = ".".join(str(part) for part in error.absolute_path)
        return f"{where}: {error.message}" if where else error.message

    def field(self, text: str, name: str) -> Any:
        """The value of a field, or None where the text has none."""
        value = self.parse(text)
        if name == WHOLE and WHOLE not in (self.schema.get("properties") or {}):
            return None if value is NOT_JSON else value
        return value.get(name) if isinstance(value, dict) else None

    def is_readable(self, text: str) -> bool:
        """Whether the answer has the outer form that its fields can be taken from."""
        value = self.parse(text)
        return isinstance(value, dict) if self.schema.get("properties") else value is not NOT_JSON

    def label(self, text: str) -> str | None:
        """The value of the label field as text, or None."""
        value = self.field(text, self.label_field) if self.label_field else None
        return None if value is None else str(value)


def _references(schema: Any) -> Iterator[str]:
    """Every `$ref` of a schema, at any depth."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for part in schema.values():
            yield from _references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _references(part)


def _is_there(schema: Any, ref: str) -> bool:
    """Whether a `$ref` points at a place in the schema itself (RFC 6901)."""
    if not ref.startswith("#") or (ref != "#" and not ref.startswith("#/")):
        return False
    for step in ref.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(schema, dict) or key not in schema:
            return False
        schema = schema[key]
    return True


def _is_free_text(schema: dict[str, Any]) -> bool:
    return schema.get("type") == "string" and "enum" not in schema and "const" not in schema
