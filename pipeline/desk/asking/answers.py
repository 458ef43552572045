"""What the teacher is to be asked for failures of production that nobody corrected: an answer each, which a reviewer then checks."""

from datetime import date

from pydantic import ConfigDict

from pipeline.data.answer_requests import missing
from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate, identity, read_candidates
from pipeline.data.ledgers import read_reviews
from pipeline.data.personal.finding import Masker, PersonalDataParams
from pipeline.data.prompts import load_prompt
from pipeline.desk.asking.order import Order
from pipeline.desk.asking.teacher import PLACE
from pipeline.desk.inputs import PROMPTS, PROPOSED, REVIEWS, SCHEMA
from pipeline.ingest import IngestParams
from pipeline.remote.service import Answer, Request
from pipeline.stage import Params, load_params
from pipeline.synthesize import SynthesizeParams

ENGINEERED = PROMPTS / "engineered.yaml"


class AskingParams(Params):
    """What is read of section `feedback`: whether the teacher is asked for answers to candidates that have none."""

    model_config = ConfigDict(extra="ignore")
    section = "feedback"
    asks_teacher: bool


def answers_order() -> Order | None:
    """What is missing, and says so; None where nothing is, or the teacher is not to be asked."""
    if not load_params(AskingParams).asks_teacher:
        return None
    decided = {review.record for _, review in read_reviews(REVIEWS)}
    waiting = [one for _, one in read_candidates(PROPOSED).values() if one.record not in decided]
    contract, service = Contract.load(SCHEMA), load_params(SynthesizeParams).teacher
    found = missing(waiting, load_prompt(ENGINEERED), service, contract)
    if not found:
        print(f"ask: {PROPOSED} has no candidate without an answer for which the teacher was not asked; nothing to ask")
        return None
    policy = load_params(IngestParams).personal_data

    def entry(number: int, request: Request, answer: Answer) -> Candidate:
        return answered(found[number].candidate, request.name, answer.text, contract, policy)

    order = Order(PROPOSED, PLACE, service, [one.request for one in found], (), entry)
    print(f"ask: {order.told}", flush=True)
    return order


def answered(
    candidate: Candidate, request: str, reply: str, contract: Contract, policy: PersonalDataParams
) -> Candidate:
    """The candidate with the reply as its proposal, masked; one that meets no contract or holds a secret stands for the reviewer alone."""
    masker = Masker(policy)
    text = masker.mask(reply.strip())
    is_usable = bool(text) and contract.complaint(text) is None and not masker.rejected
    proposal = text if is_usable else ""
    said = " ".join(filter(None, [candidate.said, "(the answer is the teacher's)" if is_usable else ""]))
    return Candidate.model_validate(
        {
            **candidate.model_dump(),
            "date": date.today().isoformat(),
            "proposal": proposal,
            "record": identity(candidate.messages, proposal),
            "said": said,
            "others": [*candidate.others, *([text] if text and not is_usable and not masker.rejected else [])],
            "asked": [*candidate.asked, request],
        }
    )
