"""What requests would cost, in words."""

from collections.abc import Sequence

from pipeline.remote.service import Request, Service, dollars, price


def offer(requests: Sequence[Request], service: Service) -> str:
    """How many requests, and what they cost at most."""
    count = f"{len(requests)} request{'' if len(requests) == 1 else 's'}"
    return f"{count}, at most ${dollars(price(service, requests))}"
