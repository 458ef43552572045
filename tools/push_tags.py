"""Push the tags that make tag-accepted made: what the workflow `promote` ends with.

    python -m tools.push_tags

Environment: PUSH_TOKEN, a token that may push; without it, to origin as git is set up. Tags that are there already stay.
"""

from tools.github import fail
from tools.pushing import push, told

COMMAND = "push-tags"


def main() -> None:
    done = push(COMMAND, "--tags")
    if done.returncode:
        fail(COMMAND, f"git could not push the tags ({told(done)})", "give a PUSH_TOKEN that may write contents")
    print("push-tags: the tags of this clone stand at the forge")


if __name__ == "__main__":
    main()
