"""Commit what a run made (dvc.lock, the reports, a test set that was drawn) and push it to the branch: what the workflow `train` ends with.

    python -m tools.commit_results

Environment: HEAD_BRANCH, and PUSH_TOKEN, a token that may push: not that of the run, whose pushes start no checks. The commit goes
on top of the one that was trained; where the branch has moved on it is not pushed, since its results are of another commit. Without
PUSH_TOKEN it pushes to origin as git is set up.
"""

import os
import subprocess
from pathlib import Path

from tools.github import fail, setting

COMMAND = "commit-results"
RESULTS = ("dvc.lock", "reports", "task/test_set.txt")
WHO = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")
HELPER = '!f() { echo username=x-access-token; echo "password=$PUSH_TOKEN"; }; f'


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git; what it says is returned, and what it says of a fault too."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


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
        fail(COMMAND, f"git did not commit ({done.stderr.strip()[-200:]})", "mend it and run make commit-results again")
    return trained


def push(branch: str) -> None:
    """Push to the branch, on top of what was trained only."""
    where, helper = "origin", list[str]()
    if os.environ.get("PUSH_TOKEN"):
        where = (
            f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{setting(COMMAND, 'GITHUB_REPOSITORY')}.git"
        )
        helper = ["-c", "credential.helper=", "-c", f"credential.helper={HELPER}"]
    done = git(*helper, "push", "--quiet", where, f"HEAD:refs/heads/{branch}")
    if done.returncode == 0:
        return
    if any(word in done.stderr for word in ("non-fast-forward", "fetch first")):
        fail(
            COMMAND,
            f"{branch} has moved on since this commit was taken",
            "the results are of an older commit: train the new one",
        )
    fail(
        COMMAND,
        f"git could not push to {branch} ({done.stderr.strip()[-200:]})",
        "give a PUSH_TOKEN that may write contents",
    )


def main() -> None:
    branch = setting(COMMAND, "HEAD_BRANCH")
    if git("check-ref-format", "--branch", branch).returncode:
        fail(COMMAND, f"HEAD_BRANCH={branch!r} is no branch", "name the one that was trained")
    trained = commit()
    if trained is None:
        print("commit-results: the run changed nothing that git holds")
        return
    push(branch)
    print(f"commit-results: the results of {trained[:12]} stand on {branch}")


if __name__ == "__main__":
    main()
