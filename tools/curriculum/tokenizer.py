"""A byte-level BPE tokenizer, trained on the curriculum's own text."""

from random import Random
from typing import Any

from tools.curriculum.documents import BOS, CHAT_TEMPLATE, END, PAD, SPECIAL, messages_of
from tools.curriculum.skills import PROBED, WIDENING
from tools.curriculum.words import Words

SAMPLE = 30_000  # questions and answers that the merges are learnt from


def corpus(words: Words, seed: int) -> list[str]:
    """Every word in a sentence's place (after a blank) and as a key (after a quote), and a sample of the skills."""
    random = Random(seed)
    skills = list({**PROBED, **WIDENING}.values())
    lines = [f'{word} {word}, "{word}" {word}.' for word in words.everything for _ in range(40)]
    lines += [f"{word} {word}" for word in words.hindi for _ in range(40)]
    lines += words.sentences * 8
    for _ in range(SAMPLE):
        item = random.choice(skills)(random, words)
        lines += [m["content"] for m in messages_of(item)] + [item.answer]
    return lines


def train_tokenizer(words: Words, seed: int, size: int) -> Any:
    """Learn `size` tokens: six special ones, 256 bytes, and merges. Digits stand alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus(words, seed), trainer)
    return tokenizer


def for_transformers(tokenizer: Any, context: int) -> Any:
    """The same tokenizer with its chat template, as `transformers` saves it."""
    from transformers import PreTrainedTokenizerFast

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped
