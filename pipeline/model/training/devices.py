"""Whether the device that is asked for is there and can do what is asked of it, and what is said where its memory is full."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.model.base import chosen_device
from pipeline.model.training.recipe import TrainParams
from pipeline.stage import Fault


def check_device(params: TrainParams) -> None:
    """Raises Fault where the device is not there, or does not know the attention."""
    import torch

    device = chosen_device(params.device)
    place, remedy = "params.yaml: train.device", "set it to auto"
    if device.startswith("cuda"):
        if not torch.cuda.is_available():
            raise Fault(place, f"is {params.device}, and no GPU with CUDA is to be seen", remedy)
        if int(device.partition(":")[2] or 0) >= torch.cuda.device_count():
            raise Fault(place, f"is {device}, and {torch.cuda.device_count()} GPUs are to be seen", remedy)
    if device == "mps" and not torch.backends.mps.is_available():
        raise Fault(place, "is mps, and this machine has none", remedy)
    if device == "cpu" and params.attention == "flex_attention":
        raise Fault("params.yaml: train.attention", "flex_attention does not train on a CPU", "set it to auto")


@contextmanager
def naming_full_memory() -> Iterator[None]:
    """Raises Fault where a GPU has no memory left; what was nearer and knew more has raised its own."""
    try:
        yield
    except Exception as error:
        import torch

        if not isinstance(error, torch.OutOfMemoryError):
            raise
        remedy = "lower batch_size and raise accumulate, lower max_length, set activation_checkpointing, or take qlora"
        raise Fault("params.yaml: train", "does not fit the memory of the GPU", remedy) from None
