"""Which language a text is in, out of those that a task expects."""

from collections.abc import Callable
from typing import ClassVar

from pydantic import ConfigDict

from pipeline.stage import Fault, Params

Guess = Callable[[str], str]
ENOUGH = 120  # characters that are looked at: two sentences tell a language, and a text costs by its length


class LanguageParams(Params):
    """What `evaluate` reads of section `validate`: the languages that a slice can be of."""

    model_config = ConfigDict(extra="ignore")
    section: ClassVar[str] = "validate"
    languages: list[str]


def language_guess(languages: list[str]) -> Guess:
    """A function that names the language of a text, out of `languages` (ISO 639-1); one alone is not guessed, none gives "".

    By `py3langid` (after Lui and Baldwin, 2012): sure for a sentence, unsure for a word, and blind to a language that is
    written in another one's script. Raises Fault for a language that it does not know.
    """
    if len(languages) < 2:
        return lambda _text: languages[0] if languages else ""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    try:
        identifier.set_languages(languages)
    except ValueError as error:
        raise Fault("params.yaml: validate.languages", str(error).lower(), "give two-letter codes such as en") from None
    return lambda text: str(identifier.classify(text[:ENOUGH])[0])
