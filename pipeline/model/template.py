"""The chat template of a base, made to render the same on any day.

What is fixed stands in the template itself, so that training, asking and whoever is given an export render alike.
"""

from typing import Any

from pipeline.stage import Fault

# The day that such templates fall back to where they cannot ask: what strftime makes of Friday, 2024-07-26.
DAY = {
    "%-d": "26",
    "%-m": "7",
    "%-y": "24",
    "%a": "Fri",
    "%A": "Friday",
    "%b": "Jul",
    "%B": "July",
    "%d": "26",
    "%e": "26",
    "%F": "2024-07-26",
    "%H": "00",
    "%I": "12",
    "%j": "208",
    "%m": "07",
    "%M": "00",
    "%p": "AM",
    "%S": "00",
    "%y": "24",
    "%Y": "2024",
}
# By the name that a chat template asks for, what is put before it. A template that lets a model think first is asked not to, since
# the references hold no thoughts, and an empty one would be learnt as part of each answer. One that asks for the day gets one day,
# since the same inputs are to give the same tokens tomorrow.
FIXED = {
    "enable_thinking": "{% set enable_thinking = false %}\n",
    "strftime_now": "{% macro strftime_now(form) %}{{ form"
    + "".join(f" | replace('{mark}', '{said}')" for mark, said in DAY.items())
    + " }}{% endmacro %}\n",
}


def fixed(template: str) -> str:
    """A chat template that renders the same on any day, and opens no thought. What is fixed already stays as it is."""
    wanted = [line for name, line in FIXED.items() if name in template and line not in template]
    return "".join(wanted) + template


def fix_template(tokenizer: Any, place: Any) -> None:
    """Give a tokenizer its one template, fixed: of several by name the `default`, which is the one that is learnt and proved.

    Raises Fault where there is none.
    """
    remedy = "take the instruct version of the model, which has one"
    if not tokenizer.chat_template:
        raise Fault(place, "its tokenizer has no chat template", remedy)
    try:
        tokenizer.chat_template = fixed(tokenizer.get_chat_template())
    except ValueError:
        names = ", ".join(sorted(tokenizer.chat_template))
        raise Fault(place, f"its tokenizer has chat templates ({names}) and none is the default", remedy) from None
