"""Turns of a dialogue, whoever wrote them down: OpenAI's messages, ShareGPT's conversations, lists of calls and tools."""

from typing import Any

from pipeline.data.reading.rows import Row, Unreadable, as_text, check_json
from pipeline.data.records import ROLES, Turn, parse_json

ROLES_OF = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "bard", "bing", "model", "function_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "function_response"), "tool"),
}
MEDIA = {"image": "an image", "audio": "sound", "video": "a video", "file": "a file"}
TEXTS = ("text", "input_text", "output_text")
NO_ROLE = f"a turn without a role out of {', '.join(ROLES)}"
Tools = list[dict[str, Any]]


def listed(value: Any, name: str) -> list[Any]:
    """A list, also where it is written as JSON text (in a cell) or as a struct of lists (in Parquet)."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = parse_json(value)
        except ValueError:
            raise Unreadable(f"{name} is a text and no JSON") from None
    if isinstance(value, dict):
        value = _turned(value)
    if not isinstance(value, list) or not value:
        raise Unreadable(f"no list under {name}")
    return value


def _turned(lists: dict[str, Any]) -> Any:
    """Lists of the same length, by name, as a list of objects; anything else as it is."""
    lengths = {len(part) if isinstance(part, list) else None for part in lists.values()}
    if len(lengths) != 1 or None in lengths:
        return lists
    return [dict(zip(lists, parts, strict=True)) for parts in zip(*lists.values(), strict=True)]


def turns_of(value: Any, name: str) -> list[Turn]:
    """The turns of a dialogue without the system's, since prompts stand in the task. Raises Unreadable for what is none."""
    turns: list[Turn] = []
    for message in value if type(value) is list and value else listed(value, name):
        if type(message) is dict and len(message) == 2 and type(message.get("content")) is str:
            role = message.get("role")
            if role == "user" or role == "assistant":  # the common turn, taken as it is: speed
                turns.append(message)  # type: ignore[arg-type]  # it has been looked at
                continue
        turn = _turn(message)
        if turn is not None:
            turns.append(turn)
    return turns


def dialogue_of(value: Any, name: str) -> list[Turn]:
    """The turns of a whole example. Raises Unreadable where its last answer is marked as not to be learnt."""
    messages = value if type(value) is list and value else listed(value, name)
    turns = turns_of(messages, name)
    for message in reversed(messages):
        if _role(message) == "assistant":
            if message.get("weight") == 0:
                raise Unreadable("the last answer has weight 0: it is not to be learnt")
            break
    return turns


def _role(message: Any) -> str | None:
    said = (message.get("role") or message.get("from")) if isinstance(message, dict) else None
    return ROLES_OF.get(said) if isinstance(said, str) else None


def _turn(message: Any) -> Turn | None:
    """A turn in the form of ours, or None for the system's."""
    role = _role(message)
    if role is None:
        raise Unreadable(NO_ROLE)
    if role == "system":
        return None
    content, calls = message.get("content"), None
    if content is None:
        content = message.get("value")
    if role == "assistant":
        if "function_call" in (message.get("role"), message.get("from")):
            content, calls = None, content
        else:
            calls = message.get("tool_calls") or message.get("function_call")
    turn: Turn = {"role": role, "content": _text(content, role, is_optional=bool(calls) or role == "tool")}
    if calls:
        turn["tool_calls"] = _calls(calls)
    if role == "tool":
        if isinstance(message.get("tool_call_id"), str):
            turn["tool_call_id"] = message["tool_call_id"]
        if isinstance(message.get("name"), str):
            turn["name"] = message["name"]
    return turn


def _text(content: Any, role: str, is_optional: bool) -> str:
    """What a turn says: a text, or the texts of its parts, a line each; of a tool any JSON value."""
    if isinstance(content, str):
        return content
    if is_optional and (content is None or content == []):
        return ""
    if isinstance(content, list) and content and all(isinstance(part, dict) and "type" in part for part in content):
        return "\n".join(_part(part, role) for part in content)
    if role == "tool":
        return as_text(content, "the tool turn")
    raise Unreadable(f"the {role} turn has no text")


def _part(part: dict[str, Any], role: str) -> str:
    kind, text = part["type"], part.get("text")
    if kind in TEXTS and isinstance(text, str):
        return text
    what = next((words for name, words in MEDIA.items() if name in str(kind)), "a part that is no text")
    raise Unreadable(f"the {role} turn holds {what}")


def _calls(value: Any) -> list[dict[str, Any]]:
    """Calls of tools in the form of ours, with the arguments as an object."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            raise Unreadable("a tool call is no JSON") from None
    return [_call(call) for call in (value if isinstance(value, list) else [value])]


def _call(call: Any) -> dict[str, Any]:
    function = (call.get("function") or call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Unreadable("a tool call without a name")
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments)
        except ValueError:
            raise Unreadable("the arguments of a tool call are no JSON") from None
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, dict):
        raise Unreadable("the arguments of a tool call are no JSON object")
    check_json(arguments, "a tool call")
    identity = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
    return {**identity, "type": "function", "function": {"name": function["name"], "arguments": arguments}}


def tools_of(row: Row) -> Tools:
    """The definitions of the tools that an example may call, each as `{"type": "function", "function": {...}}`."""
    value = row.get("tools") or row.get("functions")
    return [_tool(tool) for tool in listed(value, "tools")] if value else []


def _tool(tool: Any) -> dict[str, Any]:
    function = (tool.get("function") or tool) if isinstance(tool, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Unreadable("a tool without a name")
    check_json(function, "a tool")
    if function is tool:
        function = {key: value for key, value in tool.items() if key != "type"}
    return {"type": "function", "function": function}
