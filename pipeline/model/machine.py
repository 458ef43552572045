"""The machine's share in the result: threads and the seeds of every random source."""

from pipeline.stage import Fault

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as malloc.h calls them


def steady(threads: int, seed: int) -> None:
    """Fix what could change the result from run to run: number of threads (0 leaves it to torch) and seeds."""
    import logging
    import warnings

    # bitsandbytes, which PEFT imports, misses a kernel from the hub that it can do without.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    # Checkpoints are told apart by their numbers; whether a file system keeps times well does not matter.
    logging.getLogger("transformers.trainer_utils").setLevel(logging.ERROR)
    import torch
    from transformers import set_seed

    # TRL 1.16 asks transformers 5.23 by a name that it has given up; both are pinned.
    warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*", category=FutureWarning)
    _keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    set_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling fresh memory costs a third of a run on a CPU, and no operation of ours reads what it did not write.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010  # torch types it not


def _keep_freed_memory() -> None:
    """Have glibc keep what is freed, instead of asking the system for the same pages at every step: a tenth of a step on a CPU."""
    import ctypes
    import sys

    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallopt"):
        for setting, size in ((_MMAP_THRESHOLD, 1 << 25), (_TRIM_THRESHOLD, (1 << 31) - 1)):
            ctypes.CDLL(None).mallopt(setting, size)


def check_devices() -> None:
    """Raises Fault where several GPUs are visible to one process, with which the trainers would not begin."""
    import os

    import torch

    if torch.cuda.device_count() > 1 and "RANK" not in os.environ:
        fault = f"{torch.cuda.device_count()} GPUs are visible, and train.launch is single"
        raise Fault(
            "params.yaml: train.launch", fault, "set it to ddp, or make one visible with CUDA_VISIBLE_DEVICES=0"
        )
