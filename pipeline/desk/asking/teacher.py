"""What the teacher is to be asked: replies to seeds of the train side, as many as `synthesize.replies` says."""

from collections.abc import Sequence
from datetime import date

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Reply, read_replies
from pipeline.data.records import stream_keys
from pipeline.data.splitting.sides import Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.synthetic.requests import Asked, counted, missing, shortage
from pipeline.desk.asking.order import Order
from pipeline.desk.inputs import SCHEMA, TEACHER, TEST_SET
from pipeline.desk.test_set import VALIDATED
from pipeline.remote.service import Answer, Request
from pipeline.stage import load_params
from pipeline.synthesize import SynthesizeParams, train_side

PLACE = "params.yaml: synthesize.teacher"


def teacher_order() -> Order | None:
    """What is missing, and says so; None where nothing is. Raises Fault where seeds and axes cannot give as much."""
    params = load_params(SynthesizeParams)
    replies = [reply for _, reply in counted(read_replies(TEACHER))]
    if len(replies) >= params.replies:
        print(
            f"ask: {TEACHER} holds {len(replies)} replies, and synthesize.replies is {params.replies}; nothing to ask"
        )
        return None
    found = _missing(params, replies)

    def entry(number: int, request: Request, answer: Answer) -> Reply:
        return _entry(found[number], request, answer, params.teacher.model)

    requests, known = [one.request for one in found], {reply.request for reply in replies}
    order = Order(TEACHER, PLACE, params.teacher, requests, known, entry)
    print(f"ask: {order.told}", flush=True)
    if len(found) < params.replies - len(replies):
        raise shortage(TEACHER, len(replies), params.replies, found, params.teacher)
    return order


def _missing(params: SynthesizeParams, replies: Sequence[Reply]) -> list[Asked]:
    side = Sides((key for key, _ in stream_keys(VALIDATED)), TestSet.load(TEST_SET), load_params(SplitParams))
    contract = Contract.load(SCHEMA)
    return missing(train_side(VALIDATED, side), params.axes, params.teacher, contract, replies, params.replies)


def _entry(asked: Asked, request: Request, answer: Answer, model: str) -> Reply:
    return Reply(
        date=date.today().isoformat(),
        request=request.name,
        seed=asked.seed,
        axis=asked.axis,
        model=model,
        reply=answer.text,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost=answer.cost,
    )
