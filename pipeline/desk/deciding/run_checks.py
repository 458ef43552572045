"""The checks of what was measured: the prompt, the price, and the fine-tune itself."""

import math
from collections.abc import Mapping, Sequence

from pipeline.desk.deciding.check import Check, Status, counted, listed
from pipeline.desk.deciding.reports import Drop, Load, Mean, Pair, Seeds, Worth
from pipeline.desk.deciding.settings import Prices

PAYS: dict[str, Status] = {
    "fine-tune": "yes",
    "prompt": "no",
    "mixed": "not known yet",
    "cannot tell": "not known yet",
}
MILLION, THOUSAND = 1_000_000, 1_000


def short(wanted: Mapping[str, float], means: Mapping[str, Mean] | str) -> Check:
    """Whether the prompt alone falls short of a target, and not by chance. `means` in words say why they are not known."""
    claim = "The prompt has been measured, and falls short"
    if isinstance(means, str):
        return Check("short", claim, "not known yet", (means,))
    known = {name: means[name] for name in wanted if name in means}
    if not known:
        return Check("short", claim, "not known yet", ("no target is of a metric that was measured",))
    evidence = tuple(_gap(name, wanted[name], mean) for name, mean in known.items())
    if any(mean.high < wanted[name] for name, mean in known.items()):
        return Check("short", claim, "yes", evidence)
    is_reached = all(mean.low >= wanted[name] for name, mean in known.items()) and len(known) == len(wanted)
    return Check("short", claim, "no" if is_reached else "not known yet", evidence)


def _gap(name: str, wanted: float, mean: Mean) -> str:
    if mean.high < wanted:
        said = f"{(wanted - mean.mean) * 100:.1f} points short, and not by chance"
    elif mean.low >= wanted:
        said = "reaches it, and not by chance"
    else:
        said = "cannot tell: the target is within the interval; more test examples would settle it"
    return f"{name} {mean.mean:.1%} [{mean.low:.1%}, {mean.high:.1%}] of {wanted:.0%}, n = {mean.n:,}: {said}"


def cheaper(prompted: Load | None, tuned: Load | None, prices: tuple[Prices, Prices], training: float | None) -> Check:
    """Whether a request to the tuned model costs less than one to the prompted model. `prices` of the one and of the other."""
    claim = "A request to the tuned model costs less"
    loads = [load for load in (prompted, tuned) if load and load.read + load.written > 0]
    if len(loads) < 2:
        return Check("cheaper", claim, "not known yet", ("no tokens were counted of both arms yet: make run",))
    tokens = "; ".join(
        f"{name} reads {load.read:,.0f} tokens and writes {load.written:,.0f}"
        for name, load in zip(("prompted", "tuned"), loads, strict=True)
    )
    costs = [cost(load, price) for load, price in zip(loads, prices, strict=True)]
    if costs[0] is None or costs[1] is None:
        return Check(
            "cheaper",
            claim,
            "not known yet",
            (tokens, "prices are not set: checklist.prompted and .tuned in params.yaml"),
        )
    saved = costs[0] - costs[1]
    evidence = (
        tokens,
        f"a thousand requests cost {costs[0] * THOUSAND:.4g} dollars prompted and {costs[1] * THOUSAND:.4g} tuned",
        *_payback(saved, training),
    )
    return Check("cheaper", claim, "yes" if saved > 0 else "no", evidence)


def cost(load: Load, price: Prices) -> float | None:
    """US dollars of a request; None where a price is not known."""
    if price.price_in is None or price.price_out is None:
        return None
    return (load.read * price.price_in + load.written * price.price_out) / MILLION


def _payback(saved: float, training: float | None) -> tuple[str, ...]:
    if saved <= 0:
        return ("it does not pay for its training by what requests cost",)
    if training is None:
        return ("what the training costs is not set: checklist.training in params.yaml",)
    return (
        f"the training, {training:.4g} dollars, has paid for itself after {math.ceil(training / saved):,} requests",
    )


def pays(worth: Worth | str, cheaper: Status, missed: Sequence[str] = ()) -> Check:
    """Whether the tuned model is better than the prompted one, as `evaluate` says, or as good and cheaper. In words: why not known.

    `missed`: the targets that the tuned model does not reach.
    """
    claim = "The fine-tune pays against the prompt"
    if isinstance(worth, str):
        return Check("pays", claim, "not known yet", (worth,))
    evidence = [worth.because]
    if missed:
        evidence.append(f"the tuned model itself misses the target of {listed(missed)}")
    if worth.words_alone_are_better_on:
        evidence.append(
            f"a classifier over words is better on {worth.words_alone_are_better_on}: a language model may be the wrong tool"
        )
    return Check("pays", claim, cheaper if worth.word == "tie" else PAYS[worth.word], tuple(evidence))


def luck(pairs: Mapping[str, Pair], prompted: Mapping[str, Mean], seeds: Seeds | str, judged: int) -> Check:
    """Whether each gain over the prompt is there with every seed. `judged`: models that this test set has seen."""
    claim = "Its gain is more than luck"
    gains = [name for name, pair in pairs.items() if pair.verdict == "better"]
    many = f"this test set has judged {counted(judged, 'candidate')}"
    beside = (f"{many}; the best of many is partly the luckiest",) if judged > 1 else (many,) if judged else ()
    if not gains:
        return Check("luck", claim, "not known yet", ("there is no gain over the prompt that could be luck", *beside))
    if isinstance(seeds, str):
        return Check("luck", claim, "not known yet", (seeds, *beside))
    known = [name for name in gains if name in seeds.metrics and name in prompted]
    lost = [name for name in known if seeds.metrics[name].least <= prompted[name].mean]
    said = [
        f"{name} with {counted(len(seeds.seeds), 'seed')}: {seeds.metrics[name].least:.1%} to {seeds.metrics[name].most:.1%}, "
        f"prompted {prompted[name].mean:.1%}"
        for name in known
    ]
    status: Status = "no" if lost else "yes" if said else "not known yet"
    return Check("luck", claim, status, (*said, *beside))


def kept(drop: Drop | str) -> Check:
    """Whether general skills are kept. In words: why it is not known."""
    claim = "General skills are kept"
    if isinstance(drop, str):
        return Check("kept", claim, "not known yet", (drop,))
    found = {name: pair for name, pair in (("probes", drop.probes), ("texts", drop.texts)) if pair}
    if not found:
        return Check("kept", claim, "not known yet", ("the reports compare no probes and no texts",))
    evidence = tuple(
        f"{name}: {pair.verdict}, {pair.difference * 100:+.1f} points [{pair.low * 100:+.1f}, {pair.high * 100:+.1f}]"
        for name, pair in found.items()
    )
    words = {pair.verdict for pair in found.values()}
    status: Status = "no" if "worse" in words else "not known yet" if "cannot tell" in words else "yes"
    return Check("kept", claim, status, evidence)
