"""What every stage shares: parameters and paths in, one line on failure out.

A stage is a function `main` whose arguments say what it needs: a `Params` subclass is read from its section of
`params.yaml`, a `Path` (or a `list[Path]`) and a `str` come from the command line in `dvc.yaml`.
"""

import argparse
import inspect
import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PARAMS_FILE = Path("params.yaml")
TIMES = Path(".cache/times")

# Same inputs, same bytes: sets are hashed alike in every process, and the CPU code paths are the ones that every x86-64
# machine of the last ten years has. No library of ours phones home. docs/decisions/0003-same-bytes.md has the figures.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "ATEN_CPU_CAPABILITY": "avx2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2,STRICT",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "TQDM_DISABLE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "DO_NOT_TRACK": "1",
}


class Fault(Exception):
    """Something that the user can mend, said in one line: where, what, and how to mend it."""

    def __init__(self, place: object, fault: str, remedy: str) -> None:
        super().__init__(f"{place}: {fault}; {remedy}".replace("\n", " "))


class Params(BaseModel):
    """A section of `params.yaml`: no unknown key, no missing key, no coercion, no defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    section: ClassVar[str]


class UniqueKeys(SafeLoader):  # type: ignore[misc]  # one of two classes
    """A safe loader that refuses a key that stands twice, where YAML would take the last one without a word."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "a mapping is wanted", node.start_mark)
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1 and key.value != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


P = TypeVar("P", bound=Params)


def read_yaml(path: Path) -> Any:
    """Parse a YAML file. Raises Fault with the line of a syntax error."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=UniqueKeys)  # noqa: S506  # a safe one
    except FileNotFoundError:
        raise Fault(path, "no such file", "restore it from git") from None
    except UnicodeDecodeError:
        raise Fault(path, "is not UTF-8 text", "save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else path
        raise Fault(place, f"is not YAML ({getattr(error, 'problem', error)})", "mend the line") from None
    except RecursionError:
        raise Fault(path, "is nested too deep", "mend it") from None
    except ValueError as error:  # a date that is none, a number without end
        raise Fault(
            path, f"holds a value that cannot be read ({error})", "mend the value, or put it in quotes"
        ) from None


def load_params(kind: type[P], params_file: Path = PARAMS_FILE) -> P:
    """Read and check the section of `params.yaml` that `kind` names. Raises Fault at the first wrong key."""
    everything = read_yaml(params_file)
    if not isinstance(everything, dict) or not isinstance(everything.get(kind.section), dict):
        raise Fault(params_file, f"section {kind.section} is missing", "restore it from git")
    return checked(kind, everything[kind.section], params_file, kind.section)


C = TypeVar("C", bound=BaseModel)


def checked(kind: type[C], values: Any, place: object, section: str = "") -> C:
    """Values as a checked model. Raises Fault that names the place, and the key below `section`."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _fault_of(error, place, section) from None


def _fault_of(error: ValidationError, place: object, section: str) -> Fault:
    """The first complaint of pydantic in words of ours."""
    first = error.errors(include_url=False)[0]
    path = ".".join([*([section] if section else []), *(str(part) for part in first["loc"])])
    key = f"{place}: {path}" if path else str(place)
    value = first["input"]
    if first["type"] == "missing":
        return Fault(key, "is missing", "add it")
    if first["type"] == "extra_forbidden":
        return Fault(key, "is not a known key", "mend the spelling or take it out")
    remedy = "mend the value"
    if isinstance(value, str) and first["type"] == "float_type" and _is_number(value):
        remedy = f"write it with a point, {_with_point(float(value))} (YAML reads {value} as text)"
    shown = repr(value)
    if isinstance(value, dict | list):  # what is in them is nobody's business here
        shown = "a mapping" if isinstance(value, dict) else "a list"
    shown = shown if len(shown) < 60 else shown[:57] + "..."
    return Fault(key, f"is {shown}: {first['msg'][0].lower()}{first['msg'][1:]}", remedy)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _with_point(value: float) -> str:
    """A number as YAML reads it: with a point also before an exponent."""
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}{'' if '.' in mantissa else '.0'}{e}{exponent}"


def progress(name: str, first: int = 0) -> Callable[[int, int, str], None]:
    """A function `(done, total, remark)` that prints at most one line in two seconds, and the last one always.

    `first` of them were done before it began.
    """
    began, last = time.monotonic(), [0.0]

    def show(done: int, total: int, remark: str) -> None:
        now = time.monotonic()
        if now - last[0] < 2 and done < total:
            return
        last[0] = now
        left = (now - began) / max(done - first, 1) * (total - done)
        print(
            f"{name}: {done}/{total} {remark}, {left:.0f} s left"
            if done < total
            else f"{name}: {done}/{total} {remark}",
            flush=True,
        )

    return show


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON that diffs well: sorted keys, one value a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def run(main: Callable[..., None]) -> None:
    """Run a stage from the command line: parameters and paths in, a Fault out as one line and exit 1."""
    spec = sys.modules["__main__"].__spec__
    module = spec.name if spec else "pipeline"
    name = module.rsplit(".", 1)[-1]
    if any(os.environ.get(key) != value for key, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], {**os.environ, **ENVIRONMENT})  # noqa: S606
    began = time.monotonic()
    try:
        arguments = _arguments(main, name)
        main(**arguments)
    except Fault as fault:
        sys.exit(f"{name}: {fault}")
    _note_time(name if "arm" not in arguments else f"{name}@{arguments['arm']}", time.monotonic() - began)


def _arguments(main: Callable[..., None], name: str) -> dict[str, Any]:
    hints = get_type_hints(main)
    parser = argparse.ArgumentParser(prog=name, description=inspect.getdoc(sys.modules[main.__module__]))
    for key in inspect.signature(main).parameters:
        hint = hints[key]
        if hint in (Path, str):
            parser.add_argument(f"--{key.replace('_', '-')}", type=hint, required=True)
        elif hint == list[Path]:
            parser.add_argument(f"--{key.replace('_', '-')}", type=get_args(hint)[0], nargs="+", required=True)
    given = vars(parser.parse_args())
    wanted = {key: hint for key, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Params)}
    return {**{key: load_params(kind) for key, kind in wanted.items()}, **given}


def _note_time(name: str, seconds: float) -> None:
    """Leave seconds and peak memory where `make run` collects them; they are no output of the stage."""
    TIMES.mkdir(parents=True, exist_ok=True)
    unit = 1024 if sys.platform == "darwin" else 1
    everyone = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)  # where processes are launched, these have the memory
    peak_mib = max(resource.getrusage(who).ru_maxrss for who in everyone) / unit / 1024
    noted = {"seconds": round(seconds, 1), "peak_mib": round(peak_mib)}
    torch = sys.modules.get("torch")  # it is there where the stage had use for it
    if torch and torch.cuda.is_available():
        noted["peak_gpu_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
    (TIMES / f"{name}.json").write_text(json.dumps(noted))
