"""The policy on personal data, put to work on a record: what is masked, what makes a row no example, what was found."""

from collections import Counter
from dataclasses import dataclass

import msgspec

from pipeline.data.personal.finding import Masker, PersonalDataParams, find, mask_turns
from pipeline.data.reading.readers import Reject
from pipeline.data.records import Record, digest, record_id


@dataclass(frozen=True)
class Cleaned:
    """A record without what may not stay in it, or the reject that it is; and how often each rule found something."""

    row: Record | Reject
    found: Counter[str]


def cleaned(row: Record | Reject, policy: PersonalDataParams) -> Cleaned:
    """Mask and judge a row. A value is never part of what comes back; a row without any comes back as it is."""
    if isinstance(row, Reject):
        masker = Masker(policy)
        return Cleaned(Reject(row.place, masker.mask(row.reason)), Counter())
    masker = Masker(policy)
    messages, rejected = mask_turns(row.messages, masker), mask_turns(row.rejected, masker)
    tags = tuple(masker.mask(tag) for tag in row.tags)
    tools = tuple(masker.mask_json(list(row.tools))) if row.tools else row.tools
    if masker.rejected:
        rules = ", ".join(sorted(masker.rejected))
        return Cleaned(Reject(row.source, f"holds what ingest.personal_data rejects: {rules}"), masker.counts)
    group = _group(row)
    if (
        messages is row.messages
        and rejected is row.rejected
        and tags == row.tags
        and group == row.group
        and tools == row.tools
    ):
        return Cleaned(row, masker.counts)
    identity = record_id(messages, rejected, tools)
    changed = msgspec.structs.replace(
        row,
        id=identity,
        messages=messages,
        rejected=rejected,
        tags=tags,
        tools=tools,
        group=identity if row.group == row.id else group,
    )
    return Cleaned(changed, masker.counts)


def _group(row: Record) -> str:
    """A group that is named after personal data is called by its digest: the rows of a person still belong together."""
    return f"person-{digest(row.group)}" if row.group != row.id and find(row.group) else row.group
