"""Commit what a run made (dvc.lock, the reports, a test set that was drawn) and push it to the branch: what the workflow `train` ends with.

    python -m tools.commit_results

Environment: HEAD_BRANCH, and PUSH_TOKEN, a token that may push: not that of the run, whose pushes start no checks. The commit goes
on top of the one that was trained; where the branch has moved on it is not pushed, since its results are of another commit. Without
PUSH_TOKEN it pushes to origin as git is set up.
"""

from pathlib import Path

from tools.github import fail, setting
from tools.pushing import git, push, told

COMMAND = "commit-results"
RESULTS = ("dvc.lock", "reports", "task/test_set.txt", "data/predictions/.gitignore")  # the last grows with each arm
WHO = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")


def commit() -> str | None:
    """Commit what changed of the results; the commit that they are of, none where nothing did."""
    trained = git("rev-parse", "HEAD").stdout.strip()
    git("add", "--", *(name for name in RESULTS if Path(name).exists()))
    if git("diff", "--cached", "--quiet").returncode == 0:
        return None
    name, mail = WHO
    done = git(
        "-c", f"user.name={name}", "-c", f"user.email={mail}", "commit", "--quiet", "-m", f"Results of {trained[:12]}"
    )
    if done.returncode:
        fail(COMMAND, f"git did not commit ({told(done)})", "mend it and run make commit-results again")
    return trained


def push_results(branch: str) -> None:
    """Push to the branch, on top of what was trained only."""
    done = push(COMMAND, f"HEAD:refs/heads/{branch}")
    if done.returncode == 0:
        return
    if any(word in done.stderr for word in ("non-fast-forward", "fetch first")):
        remedy = "the results are of an older commit: train the new one"
        fail(COMMAND, f"{branch} has moved on since this commit was taken", remedy)
    fail(COMMAND, f"git could not push to {branch} ({told(done)})", "give a PUSH_TOKEN that may write contents")


def main() -> None:
    branch = setting(COMMAND, "HEAD_BRANCH")
    if git("check-ref-format", "--branch", branch).returncode:
        fail(COMMAND, f"HEAD_BRANCH={branch!r} is no branch", "name the one that was trained")
    trained = commit()
    if trained is None:
        print("commit-results: the run changed nothing that git holds")
        return
    push_results(branch)
    print(f"commit-results: the results of {trained[:12]} stand on {branch}")


if __name__ == "__main__":
    main()
