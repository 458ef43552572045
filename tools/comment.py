"""Write the one comment of a pull request, or bring it up to date: what the workflow `comment` runs on main, with the right to write.

    python -m tools.comment

Reads build/report/comment.md and build/plan.md, which the code of the pull request made, so they are any text at all: nothing of them
is run, an at sign in them mentions nobody, and what is longer than GitHub takes is cut. Environment: GITHUB_REPOSITORY, GITHUB_TOKEN,
HEAD_OWNER, HEAD_BRANCH and HEAD_SHA, which say of which open pull request the text is; none where its branch has moved on.
"""

from pathlib import Path
from typing import Any

from pipeline.pull_request.reporting.blocks import MARKER
from tools.github import Api, fail, setting

COMMAND = "comment"
REPORT, PLAN = Path("build/report/comment.md"), Path("build/plan.md")
LIMIT, LARGEST = 65_000, 2**20  # characters of a comment; bytes that are read
CUT = "\n\n_Cut, since a comment cannot be longer: the whole is in the artifact `report` of the workflow's run._\n"
BOT = "Bot"


def body_of(report: str, plan: str, commit: str) -> str:
    """The comment's text: the report, then the plan folded up, and whose words they are."""
    said = f"\n\n<sub>Rendered by the code of `{commit[:12]}`: of a fork, read it as the word of its author.</sub>\n"
    text = report.removeprefix(MARKER).strip()
    if plan.strip():
        text += f"\n\n<details><summary>What would run</summary>\n\n{plan.strip()}\n\n</details>"
    text = text.replace(MARKER, "").replace("@", "\uff20")
    text = cut_to(text, LIMIT - len(MARKER) - len(said), CUT)
    return f"{MARKER}\n\n{text}{said}"


def cut_to(text: str, room: int, remark: str) -> str:
    """A text that GitHub takes: where it has no room, whole lines of it and a remark."""
    return text if _size(text) <= room - len(remark) else _cut(text, room - len(remark)) + remark


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _cut(text: str, room: int) -> str:
    """Whole lines, and what they open is closed."""
    kept, fence, open_ = list[str](), "", 0
    for line in text.split("\n"):
        room -= _size(line) + 1
        if room < 64:
            break
        kept.append(line)
        run = line[: len(line) - len(line.lstrip("`"))]
        if len(run) >= 3 and (not fence or len(run) >= len(fence)):
            fence = "" if fence else run
        if not fence:
            open_ += line.count("<details>") - line.count("</details>")
    return "\n".join([*kept, fence, *["</details>"] * max(0, min(open_, 5))])


def pull_request(api: Api, owner: str, branch: str, commit: str) -> int | None:
    """The open pull request whose branch stands at that commit; none where it has moved on, and the next run tells."""
    for one in api.get("pulls", state="open", head=f"{owner}:{branch}"):
        if one["head"]["sha"] == commit:
            return int(one["number"])
    return None


def own_comment(api: Api, number: int) -> int | None:
    """The comment that was written before, by a bot and not by somebody who knows its first line."""
    page = 1
    while found := api.get(f"issues/{number}/comments", per_page="100", page=str(page)):
        for one in found:
            if one["user"]["type"] == BOT and one["body"].startswith(MARKER):
                return int(one["id"])
        page += 1
    return None


def read(path: Path) -> str:
    """The text of a file of the artifact, '' where there is none."""
    if path.is_symlink() or not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(LARGEST).decode("utf-8", "replace").replace("\0", "")


def main() -> None:
    report = read(REPORT)
    if not report.startswith(MARKER):
        fail(COMMAND, f"{REPORT} is no report", "make report writes it: look at the run of the workflow pull-request")
    owner, branch, commit = (setting(COMMAND, name) for name in ("HEAD_OWNER", "HEAD_BRANCH", "HEAD_SHA"))
    api = Api(COMMAND)
    number = pull_request(api, owner, branch, commit)
    if number is None:
        print(f"comment: no open pull request stands at {commit[:12]}; nothing to write")
        return
    body: dict[str, Any] = {"body": body_of(report, read(PLAN), commit)}
    before = own_comment(api, number)
    if before is None:
        api.send("POST", f"issues/{number}/comments", body)
    else:
        api.send("PATCH", f"issues/comments/{before}", body)
    print(f"comment: pull request {number}: {'written' if before is None else 'brought up to date'}")


if __name__ == "__main__":
    main()
