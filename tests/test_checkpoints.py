"""Checkpoints: only what is whole counts, and only what belongs to the same run."""

import pytest

from pipeline.model.training.checkpoints import KEPT_RUNS, MANIFEST, complaint, fingerprint, newest_whole, seal, tidy


def checkpoint(folder, step, is_sealed=True):
    place = folder / f"checkpoint-{step}"
    (place / "ref").mkdir(parents=True)
    (place / "weights.bin").write_bytes(b"w" * 1000)
    (place / "ref/more.bin").write_bytes(b"m" * 10)
    if is_sealed:
        seal(place)
    return place


def cut(place):
    (place / "weights.bin").write_bytes(b"w" * 999)


def flip(place):
    (place / "ref/more.bin").write_bytes(b"m" * 9 + b"n")


def lose(place):
    (place / "ref/more.bin").unlink()


def tear(place):
    (place / MANIFEST).write_text('{"weights.bin": {"by')


def unfinish(place):
    (place / MANIFEST).unlink()


def twist(place):
    (place / MANIFEST).write_text('["weights.bin"]')


DAMAGE = {
    cut: r"is damaged \(weights.bin\)",
    flip: r"is damaged \(ref/more.bin\)",
    lose: r"is damaged \(ref/more.bin\)",
    tear: "has a manifest that cannot be read",
    twist: "has a manifest that cannot be read",
    unfinish: "was not finished",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_passed_over_with_a_word_and_the_one_before_it_is_taken(tmp_path, capsys, damage):
    older, newer = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    assert newest_whole(tmp_path) == newer
    damage(newer)
    assert newest_whole(tmp_path) == older
    said = capsys.readouterr().out
    assert said.startswith("train: checkpoint checkpoint-10 ")
    assert DAMAGE[damage].replace("\\", "") in said
    assert not newer.exists()
    damage(older)
    assert newest_whole(tmp_path) is None


def test_what_is_no_checkpoint_is_left_alone(tmp_path):
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-7").write_text("a file")
    assert newest_whole(tmp_path) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-7", "checkpoint-best"]


def test_a_file_that_came_later_does_not_break_the_seal(tmp_path):
    place = checkpoint(tmp_path, 1)
    (place / "extra").write_text("x")
    assert complaint(place) is None


def test_another_setting_or_input_is_another_run(tmp_path):
    file = tmp_path / "train.jsonl"
    file.write_text("one\n")
    first = fingerprint({"rate": 0.1}, [file])
    assert fingerprint({"rate": 0.1}, [file]) == first
    assert fingerprint({"rate": 0.2}, [file]) != first
    file.write_text("two\n")
    assert fingerprint({"rate": 0.1}, [file]) != first


def test_only_the_newest_few_other_runs_stay(tmp_path):
    import os

    for number in range(KEPT_RUNS + 3):
        (tmp_path / str(number)).mkdir()
        os.utime(tmp_path / str(number), (number, number))
    tidy(tmp_path, "0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "3", "4"]
    tidy(tmp_path / "none", "0")
