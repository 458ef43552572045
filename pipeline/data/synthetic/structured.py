"""The schema of a reply in the form that a service with structured output takes.

Services hold a model to a subset of JSON Schema: every object closed, every property required, no keyword out of a short list
(OpenAI, Structured Outputs, "Supported schemas"). What only narrows a value is left out there, since the stage checks it anyway.
A schema that does not fit into the subset goes along whole, and not as strict.
"""

from typing import Any

KEPT = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs"),
    *("title", "description", "pattern", "format", "multipleOf", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
}
LEFT_OUT = {
    *("minLength", "maxLength", "uniqueItems", "minProperties", "maxProperties"),
    *("$schema", "$id", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly"),
}
NAMED = ("properties", "$defs")  # keywords that hold schemas by name
ANSWER = "#/properties/answer"


def reply_schema(answer: dict[str, Any]) -> dict[str, Any]:
    """What `response_format` holds for a reply `{"message": ..., "answer": ...}`, by the schema of an answer."""
    strict = _strict(answer)
    schema = _moved(answer if strict is None else strict)
    defs = {"$defs": schema.pop("$defs")} if isinstance(schema.get("$defs"), dict) else {}
    schema.pop("$schema", None)
    whole = {
        "type": "object",
        "properties": {"message": {"type": "string"}, "answer": schema},
        "required": ["message", "answer"],
        "additionalProperties": False,
    }
    return {"name": "example", "strict": strict is not None, "schema": whole | defs}


def _strict(schema: Any) -> dict[str, Any] | None:
    """The schema without what the subset does not know, or None where that would not mean the same."""
    if not isinstance(schema, dict) or set(schema) - KEPT - LEFT_OUT:
        return None
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key in LEFT_OUT:
            continue
        strict = _strict_part(key, value)
        if strict is None:
            return None
        found[key] = strict
    return found if _is_closed(found) else None


def _strict_part(key: str, value: Any) -> Any:
    if key in NAMED and isinstance(value, dict):
        parts = {name: _strict(part) for name, part in value.items()}
        return None if None in parts.values() else parts
    if key == "anyOf" and isinstance(value, list):
        options = [_strict(part) for part in value]
        return None if None in options else options
    return _strict(value) if key == "items" else value


def _is_closed(schema: dict[str, Any]) -> bool:
    """Whether an object allows no other key, and asks for each that it names."""
    kind = schema.get("type")
    if "properties" not in schema and kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return True
    is_whole = set(schema.get("required", ())) == set(schema.get("properties", ()))
    return is_whole and schema.get("additionalProperties") is False


def _moved(schema: Any) -> Any:
    """The schema as it stands below `answer`: what pointed at its root points there. Its `$defs` move up to the new root."""
    if isinstance(schema, list):
        return [_moved(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _pointer(value) if key == "$ref" else _moved(value) for key, value in schema.items()}


def _pointer(ref: Any) -> Any:
    is_own = isinstance(ref, str) and ref.startswith("#") and not ref.startswith("#/$defs/")
    return ANSWER + ref[1:] if is_own else ref
