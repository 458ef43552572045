"""What the judge is to be asked: which of two arms' answers is better, of those that stand in the predictions now."""

from datetime import date

from pipeline.data.judging.asked import Asked
from pipeline.data.judging.replay import bench
from pipeline.data.judging.rubric import PLACE, JudgeParams
from pipeline.data.ledgers import Opinion, read_opinions
from pipeline.data.predictions import check_complete, read_arms
from pipeline.data.ratings import RateParams
from pipeline.data.records import read_records
from pipeline.desk.asking.order import Order
from pipeline.desk.inputs import JUDGE, RUBRIC
from pipeline.desk.rate import PREDICTIONS, TEST
from pipeline.remote.service import Answer, Request
from pipeline.stage import Fault, load_params


def judge_order() -> Order | None:
    """What is missing, and says so; None where nothing is, or no pair is named. Raises Fault where there are no answers to judge."""
    params, rate = load_params(JudgeParams), load_params(RateParams)
    if not params.pairs:
        return None
    if not (PREDICTIONS.is_dir() and TEST.is_file()):
        raise Fault(PREDICTIONS, "has no answers yet that could be judged", "run make run first")
    arms, records = read_arms(PREDICTIONS), read_records(TEST)
    params.check_arms(arms)
    judged = {name: arms[name] for pair in params.pairs for name in pair}
    check_complete(judged, "test", [record.id for record in records], PREDICTIONS)
    opinions = read_opinions(JUDGE)
    asked = bench(params, RUBRIC, rate.dimensions, judged, records)
    found = asked.missing(opinions)
    if not found:
        print(f"ask: {JUDGE} holds the {len(asked.wanted)} replies that judge.pairs asks for; nothing to ask")
        return None

    def entry(number: int, request: Request, answer: Answer) -> Opinion:
        return _entry(found[number], request, answer, params.service.model)

    requests = [one.request for one in found]
    order = Order(JUDGE, f"{PLACE}.service", params.service, requests, opinions.keys(), entry)
    print(f"ask: {order.told}", flush=True)
    return order


def _entry(asked: Asked, request: Request, answer: Answer, model: str) -> Opinion:
    return Opinion(
        date=date.today().isoformat(),
        request=request.name,
        example=asked.example,
        dimension=asked.dimension,
        first=asked.first,
        second=asked.second,
        model=model,
        reply=answer.text,
        finish=answer.finish,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost=answer.cost,
    )
