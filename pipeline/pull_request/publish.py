"""Put the accepted model where params.yaml says: a folder, an object store, or the model hub.

    python -m pipeline.pull_request.publish

Run on the main branch once the model is proved. What is published is what `models/accepted.dvc` of this commit names, as it is or
merged, in a folder of its own with a manifest that is written last: whole or not at all, and never over another version.
"""

import os
import sys
import tempfile
from pathlib import Path

from pipeline.desk import accepted, export
from pipeline.desk.accepted import FOLDER
from pipeline.desk.run import dvc
from pipeline.pull_request.promoting.objects import have
from pipeline.pull_request.promoting.places import HUB, MANIFEST, as_text, manifest_of, put, standing
from pipeline.pull_request.promoting.publishing import PublishParams, in_production
from pipeline.pull_request.prove import check_tree
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import ENVIRONMENT, Fault, load_params


def main() -> None:
    os.environ.update(ENVIRONMENT)
    try:
        said = publish(load_params(PublishParams), Path())
    except Fault as fault:
        sys.exit(f"publish: {in_terminal(str(fault))}")
    print(f"publish: {in_terminal(said)}")


def publish(params: PublishParams, root: Path) -> str:
    """What was done, in a line. Raises Fault where the model is not here, or the place does not take it."""
    if not params.to:
        return "publish.to in params.yaml names no place: nothing to do"
    found = in_production(root)
    if found is None:
        return "no model was promoted yet: nothing to do"
    pointer, record, _ = found
    version = f"{pointer.digest[:12]}-{params.form}"
    address = params.to if params.to.startswith(HUB) else f"{params.to.rstrip('/')}/{params.name}/{version}"
    if _stands(address, version, pointer.digest):
        return f"{address} has {version} already"
    hashes = Hashes(lambda read: print(f"publish: {read / 2**20:,.0f} MiB hashed", flush=True))
    have(pointer, None, root, hashes)
    accepted.bring()
    check_tree(pointer, root, hashes)
    told = {"name": params.name, "form": params.form, "model": pointer.digest, "record": record.model_dump()}
    with tempfile.TemporaryDirectory(prefix="publish-") as folder:
        source = FOLDER if params.form == "adapter" else _merged(Path(folder) / "merged")
        manifest = manifest_of(source, told)
        if address.startswith(HUB):
            from pipeline.model.hub_push import push

            message, extra = f"{params.name} {version}", {MANIFEST: as_text(manifest).encode()}
            push(address.removeprefix(HUB), source, list(manifest["files"]), extra, message, version)
        else:
            put(source, address, manifest)
    return f"{address} has {version}, {len(manifest['files'])} files and {MANIFEST}"


def _stands(address: str, version: str, model: str) -> bool:
    if address.startswith(HUB):
        from pipeline.model.hub_push import has_tag

        return has_tag(address.removeprefix(HUB), version)
    return standing(address, model)


def _merged(out: Path) -> Path:
    """The whole model, exported and proved on the validation data."""
    if not export.VALIDATION.is_file():
        dvc("pull", "--quiet", str(export.VALIDATION.parent), quiet=True)
    export.run(out, "auto", "auto", None, FOLDER)
    return out


if __name__ == "__main__":
    main()
