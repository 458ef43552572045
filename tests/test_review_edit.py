"""Editing in a review: the turns as a person's editor gets them, and what of it reaches the ledger."""

from pathlib import Path

import pytest

from pipeline.data.ledgers import read_reviews
from pipeline.data.records import record_id, write_records
from pipeline.data.reviews import Decisions, edit_of
from pipeline.desk.reviewing.edit import Unusable, read_turns, write_turns
from tests import review_desk
from tests.examples import contract, turns
from tests.review_desk import (
    BLUE,
    CANDIDATES,
    LEDGER,
    ONE,
    RED,
    candidate,
    decided,
    edit_word,
    verdicts,
    word,
    write_words,
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    return review_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def sit(project, monkeypatch, capsys):
    assert project == Path.cwd()
    return review_desk.reviewer(monkeypatch, capsys)


@pytest.fixture
def editor(tmp_path, monkeypatch):
    return review_desk.editor(tmp_path, monkeypatch)


CHANGE = "text = text.replace('crimson', 'scarlet').replace('\"red\"', '\"blue\"')"


def test_an_edit_is_written_with_its_turns_and_counts_as_approved(sit, editor):
    editor(CHANGE)
    assert "edited 1; 2 wait" in sit("e better", "q")
    ((_, entry),) = read_reviews(LEDGER)
    wanted = list(turns("where is my scarlet parcel", BLUE))
    assert (entry.record, entry.decision, entry.reason, entry.messages) == (ONE.id, "edit", "better", wanted)
    assert entry.becomes == record_id(wanted)
    assert verdicts(ONE) == ["edited"]


def test_an_edit_of_a_preference_with_tools_becomes_what_the_stages_make_of_it(sit, editor):
    row = candidate(1, "where is my crimson parcel", rejected=turns("", "no")[1:], tools=({"name": "look"},))
    row = edit_of(row, list(row.messages))
    write_records(CANDIDATES, [row])
    editor(CHANGE)
    sit("e", "q")
    reviews = read_reviews(LEDGER)
    new = Decisions(reviews, ["synthetic"]).edited(row)
    assert (new.id, new.tools, new.rejected) == (reviews[0][1].becomes, row.tools, row.rejected)


def test_an_edit_reads_well_and_nothing_hidden_stays_hidden(tmp_path):
    path = tmp_path / "turns.json"
    talk = turns("मेरा ऑर्डर\u202e", RED, '{"a": 1}', '{"b":  1}')
    write_turns(path, talk)
    text = path.read_text(encoding="utf-8")
    assert '"content": "मेरा ऑर्डर\\u202e"' in text
    assert '"label": "red"' in text
    assert read_turns(path, talk, contract(tmp_path, {})) == list(talk)


def test_nothing_changed_is_no_edit(sit, editor):
    editor("")
    shown = sit("e", "q")
    assert "Nothing is changed" in shown
    assert decided() == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("text = '{'", "the file is not JSON"),
        ("text = ''", "the file is not JSON"),
        ("text = '[]'", "the file is no list of turns"),
        ("text = json.dumps(json.loads(text)[:1])", "the file does not end with the assistant's turn"),
        ("text = text.replace('user', 'customer')", "the file turn 1 has no role"),
        ("text = text.replace('where is my crimson parcel', ' ')", "the file turn 1 is empty"),
        ("text = text.replace('\"red\"', '\"pink\"')", "the answer does not meet the schema: label: 'pink'"),
        ("text = text.replace('crimson', 'asha.rao@mail.co.in')", "what ingest.personal_data keeps out (email)"),
        ("path.unlink(); sys.exit()", "the file is not JSON"),
        ("sys.exit(3)", "the editor ended with status 3"),
    ],
)
def test_an_edit_that_is_no_example_is_told_and_can_be_mended_or_left(sit, editor, code, said):
    editor(code)
    shown = sit("e", "x", "l", "q")
    assert said in " ".join(shown.split())
    assert decided() == []


def test_a_kind_of_personal_data_that_is_allowed_may_be_written(sit, editor, project):
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("email: redact", "email: allow"))
    editor("text = text.replace('crimson', 'asha.rao@mail.co.in')")
    sit("e", "q")
    assert [decision for _, decision, _ in decided()] == ["edit"]


def test_an_edit_is_mended_from_where_it_was_left(sit, editor):
    editor(
        "text = text.replace('pink', 'blue') if 'pink' in text else text.replace('red', 'pink').replace('where', 'Where')"
    )
    sit("e", "e", "q")
    ((_, entry),) = read_reviews(LEDGER)
    assert entry.messages == list(turns("Where is my crimson parcel", BLUE))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("", "no editor is set"),
        ("'", "no editor is set"),
        ("./no-such-editor", "does not start"),
        ("false", "status 1"),
    ],
)
def test_an_editor_that_does_not_work_is_told(sit, monkeypatch, command, said):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", command)
    assert said in sit("e", "l", "q")
    assert decided() == []


def test_the_editor_is_started_without_a_shell(sit, monkeypatch, tmp_path):
    monkeypatch.setenv("VISUAL", "true; touch owned")
    sit("e", "l", "q")
    assert not (tmp_path / "owned").exists()


def test_an_edit_of_ones_own_is_shown_and_edited_further(sit, editor):
    editor(CHANGE)
    sit("e", "q")
    editor("text = text.replace('scarlet', 'ruby')")
    shown = sit("b", "e", "q")
    assert "as asha left it" in shown
    ((_, first), (_, second)) = read_reviews(LEDGER)
    assert (first.record, second.record) == (ONE.id, ONE.id)
    assert second.messages[0]["content"] == "where is my ruby parcel"
    sit("b", "a", "q")
    assert verdicts(ONE) == ["accepted"]


def test_a_disputed_edit_is_shown_and_can_be_agreed_to(sit, editor):
    write_words(edit_word(ONE, edit_of(ONE, list(turns("hello", BLUE)))), word("approve", ONE, "mina"))
    editor("")
    shown = sit("s", "s", "o", "e", reviewer="mina")
    assert "as ravi left it" in shown
    assert "{+hello+}" in shown
    assert verdicts(ONE) == ["edited"]


def test_a_dispute_about_an_edited_version_is_settled_on_that_version(sit):
    new = edit_of(ONE, list(turns("hello", BLUE)))
    write_words(edit_word(ONE, new), word("approve", new), word("reject", new, "mina"))
    assert verdicts(ONE) == ["disputed"]
    shown = sit("s", "s", "o", "a", reviewer="mina")
    assert f"seed {ONE.id}" in shown
    assert verdicts(ONE) == ["edited"]


def test_unusable_turns_name_no_text(tmp_path):
    (tmp_path / "turns.json").write_text('[{"role": "user", "content": "secret"}, {"role": "secret"}]')
    with pytest.raises(Unusable) as raised:
        read_turns(tmp_path / "turns.json", [], contract(tmp_path))
    assert "secret" not in str(raised.value)
