"""What the curve of a phase says, on curves written down by hand."""

import pytest

from pipeline.model.training.curve import Check, best, checks, has_lost_patience, last_logged, logged_at, overfit


def curve(*pairs):
    """A log with a validation every ten steps: training loss, validation loss."""
    log = []
    for number, (trained, loss) in enumerate(pairs, 1):
        log += [{"step": 10 * number, "loss": trained}, {"step": 10 * number, "eval_loss": loss}]
    return log


def test_a_validation_has_the_mean_training_loss_since_the_one_before():
    log = [
        {"step": 2, "loss": 5.0},
        {"step": 8, "loss": 1.0},
        {"step": 8, "eval_loss": 3.0},
        {"step": 12, "loss": 0.5},
        {"step": 12, "eval_loss": 4.0},
        {"step": 12, "kept_step": 8},
    ]
    assert checks(log) == [Check(8, 3.0, 2.0), Check(12, 4.0, 0.5)]
    assert best(checks(log)) == Check(8, 3.0, 2.0)
    assert best([]) is None
    assert (last_logged(log, "eval_loss"), logged_at(log, "eval_loss", 8), last_logged(log, "x")) == (4.0, 3.0, None)


@pytest.mark.parametrize(
    ("losses", "patience", "is_lost"),
    [
        ([3, 2, 1], 1, False),
        ([3, 2, 2], 1, True),
        ([3, 2, 2.5], 2, False),
        ([3, 2, 2.5, 2.4], 2, True),
        ([3, 2, 2.5, 1.9], 2, False),
        ([3, 4, 5, 6], 0, False),
        ([], 1, False),
    ],
)
def test_patience_is_lost_after_so_many_validations_that_were_no_better(losses, patience, is_lost):
    assert has_lost_patience(curve(*((1, loss) for loss in losses)), patience) is is_lost


def test_overfitting_is_where_validation_rises_while_training_falls():
    found = overfit(curve((3.0, 2.0), (2.0, 1.0), (1.0, 1.03)))
    assert found == {"best_step": 20, "best_validation_loss": 1.0, "last_step": 30, "last_validation_loss": 1.03}
    assert overfit(curve((3.0, 2.0), (2.0, 1.0), (1.0, 1.01))) is None  # noise
    assert overfit(curve((3.0, 2.0), (2.0, 1.0), (2.5, 1.5))) is None  # training rises as well: that is no overfitting
    assert overfit(curve((3.0, 2.0), (2.0, 1.0))) is None
    assert overfit([{"step": 1, "loss": 2.0}]) is None
