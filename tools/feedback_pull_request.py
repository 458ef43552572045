"""Push the branch of `make feedback`, and open its pull request or bring that up to date: what the workflow `feedback` ends with.

    python -m tools.feedback_pull_request

The title is that of the commit, the text is build/feedback.md; an at sign in it mentions nobody, and what is longer than GitHub takes is
cut. Nothing is done where the work tree is on no branch of feedback, since nothing was found then. Environment: GITHUB_REPOSITORY and
GITHUB_TOKEN, BASE_BRANCH (main), and PUSH_TOKEN, a token that may push: not that of the run, whose pushes start no checks.
"""

import os
from pathlib import Path

from tools.comment import cut_to, read
from tools.github import Api, fail, setting
from tools.pushing import git, push, told

COMMAND = "feedback-pull-request"
PREFIX, PAGE = "feedback/", Path("build/feedback.md")
LONGEST_TITLE, LIMIT = 200, 65_000  # characters
CUT = "\n\n_Cut, since a pull request cannot say more: `make feedback` writes the whole to build/feedback.md, which the run keeps._\n"
EMPTY = "The rows stand in the commit; no page was written.\n"


def branch_here() -> str:
    """The branch of feedback that is taken out, "" where it is another one."""
    name = git("rev-parse", "--abbrev-ref", "HEAD").stdout.strip()
    return name if name.startswith(PREFIX) else ""


def push_branch(branch: str) -> None:
    """Push the branch, on top of what is there only."""
    done = push(COMMAND, f"HEAD:refs/heads/{branch}")
    if done.returncode:
        remedy = "give a PUSH_TOKEN that may write contents"
        if any(word in done.stderr for word in ("non-fast-forward", "fetch first")):
            remedy = "somebody has pushed to it since: the next run takes that in"
        fail(COMMAND, f"git could not push {branch} ({told(done)})", remedy)


def text_of(page: str) -> str:
    """The page as the text of a pull request."""
    return cut_to((page or EMPTY).replace("@", "\uff20"), LIMIT, CUT)


def open_one(api: Api, owner: str, branch: str) -> int | None:
    """The open pull request of a branch."""
    found = api.get("pulls", state="open", head=f"{owner}:{branch}")
    return int(found[0]["number"]) if found else None


def main() -> None:
    branch = branch_here()
    if not branch:
        print(f"{COMMAND}: no branch {PREFIX}... is taken out, so there is nothing to open")
        return
    title = git("log", "-1", "--format=%s").stdout.strip()[:LONGEST_TITLE].replace("@", "\uff20")
    api, owner = Api(COMMAND), setting(COMMAND, "GITHUB_REPOSITORY").partition("/")[0]
    push_branch(branch)
    number, text = open_one(api, owner, branch), text_of(read(PAGE))
    if number is None:
        base = os.environ.get("BASE_BRANCH") or "main"
        number = int(api.send("POST", "pulls", {"title": title, "head": branch, "base": base, "body": text})["number"])
        print(f"{COMMAND}: pull request {number} is open")
    else:
        api.send("PATCH", f"pulls/{number}", {"title": title, "body": text})
        print(f"{COMMAND}: pull request {number} is brought up to date")


if __name__ == "__main__":
    main()
