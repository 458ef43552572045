"""Whether the models that this tree names can still be had: pinned, under a licence that is said, and not ended by a service.

    python -m pipeline.pull_request.lifecycle

Exits 1 where one is over or can move, 0 with warnings. It asks no service: the days stand in params.yaml.
"""

import sys
from datetime import date

from pipeline.pull_request.promoting.lifecycle import LifecycleParams, named, remarks, told
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault, load_params


def main() -> None:
    try:
        found = named()
        said = remarks(found, load_params(LifecycleParams), date.today())
    except Fault as fault:
        sys.exit(f"lifecycle: {in_terminal(str(fault))}")
    for line in told(found):
        print(f"lifecycle: {in_terminal(line)}")
    for remark in said:
        print(f"lifecycle: {'over' if remark.is_over else 'warning'}: {in_terminal(remark.said)}")
    sys.exit(1 if any(remark.is_over for remark in said) else 0)


if __name__ == "__main__":
    main()
