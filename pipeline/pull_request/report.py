"""The comment of a pull request: what a change does to the model, from files alone; nothing runs again and nothing is fetched.

    python -m pipeline.pull_request.report BASE IMAGES

Compares the work tree with the revision BASE by what git holds and what DVC's cache has, and writes build/report/comment.md, a comment
that GitHub takes whole, build/report/report.html, the same on one page that loads nothing, and build/report/plots/*.svg. IMAGES is the
address of the folder of these plots, where one is known: the comment shows them then. Exits 0 whatever it tells; make gate judges.
"""

import re
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.data.plain_text import plain
from pipeline.pull_request.reporting import (
    cost,
    curve,
    data,
    flips,
    forgetting,
    incidents,
    judging,
    measures,
    settings,
    stages,
)
from pipeline.pull_request.reporting.blocks import WHOLE, Part, comment, pictures
from pipeline.pull_request.reporting.page import page
from pipeline.pull_request.reporting.pending import Pending, pending
from pipeline.pull_request.reporting.scene import scene_of
from pipeline.pull_request.revision import Revision, is_shallow, revision_of
from pipeline.stage import Fault

OUT = Path("build/report")
TITLE = "What this change does to the model"
COMMENT, PAGE, PLOTS = "comment.md", "report.html", "plots"
ADDRESS = re.compile(r"https://[\w.~:/%?&=+-]+")


def parts_of(base: Revision, root: Path, folder: Path) -> list[Part]:
    """Every part, in the order in which a reviewer reads them. What is laid out of the base stands below `folder`."""
    if base.commit is None and is_shallow(root):
        raise Fault(root.name, "is a shallow clone without the commit before", "run git fetch --unshallow")
    scene, late = scene_of(base, root, folder), _pending(root)
    changes = settings.part(scene), data.part(scene, folder / "data"), stages.part(scene, late)
    is_same = scene.before is not None and not late and all(part is not None and part.is_quiet for part in changes)
    found = [
        judging.part(scene, late, is_same),
        measures.part(scene),
        incidents.part(scene),
        *changes[:2],
        flips.part(scene),
        forgetting.part(scene),
        cost.part(scene),
        changes[2],
        curve.part(scene),
    ]
    return [part for part in found if part]


def _pending(root: Path) -> list[Pending]:
    try:
        return pending(root)
    except Fault as fault:
        return [Pending("dvc.lock", plain(str(fault)))]


def write(parts: list[Part], out: Path, images: str) -> None:
    """Comment, page and plots, in the place of those of an earlier time."""
    shutil.rmtree(out / PLOTS, ignore_errors=True)
    (out / PLOTS).mkdir(parents=True)
    for part in parts:
        for picture in pictures(part.blocks(WHOLE)):
            (out / PLOTS / picture.name).write_text(picture.svg + "\n", encoding="utf-8")
    (out / COMMENT).write_text(comment(parts, images), encoding="utf-8")
    (out / PAGE).write_text(page(parts, TITLE), encoding="utf-8")


def main() -> None:
    began, repository = time.monotonic(), Path.cwd()
    wanted, images = (*sys.argv[1:], "", "")[:2]
    try:
        if images and not ADDRESS.fullmatch(images):
            raise Fault(f"IMAGES={images}", "is no address of a folder", "give one that begins with https://")
        base = revision_of(wanted, repository)
        with TemporaryDirectory(prefix="report-") as folder:
            parts = parts_of(base, repository, Path(folder))
            write(parts, repository / OUT, images.rstrip("/"))
    except Fault as fault:
        sys.exit(f"report: {plain(str(fault)).replace(f'{repository}/', '')}")
    print(f"report: {OUT / COMMENT}, {OUT / PAGE} and {OUT / PLOTS}/ written in {time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
