"""Small text classifiers of random weights, as folders that save_pretrained has written."""

from pathlib import Path
from typing import Any

from tests.project import TEXT, question

LABELS = ("rude", "plain", "polite")
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "initializer_range": 0.3,
}


def tokenizer(reads: int) -> Any:
    """Byte-level, with [CLS] and [SEP] around one text or two."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made, special = Tokenizer(models.BPE()), ["[PAD]", "[CLS]", "[SEP]"]
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([TEXT + question(n)[0] for n in range(60)], trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, special.index(name)) for name in special[1:]],
    )
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=reads, **names)


def write_classifier(folder: Path, kind: str = "Bert", labels: Any = LABELS, reads: int = 256, **config: Any) -> Path:
    """A Bert, which reads both ways and knows pairs, or a Llama, whose last token says it all; scores far from each other."""
    import torch
    import transformers

    words = tokenizer(reads)
    named = {"id2label": dict(enumerate(labels)), "label2id": {label: n for n, label in enumerate(labels)}}
    settings = {
        **SMALL,
        "vocab_size": len(words),
        "max_position_embeddings": reads,
        "pad_token_id": 0,
        **named,
        **config,
    }
    transformers.set_seed(7)
    model = getattr(transformers, f"{kind}ForSequenceClassification")(
        getattr(transformers, f"{kind}Config")(**settings)
    )
    head = model.classifier if kind == "Bert" else model.score
    torch.nn.init.normal_(head.weight, std=0.5)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def plain_scores(folder: Path, label: str, texts: list[Any], max_length: int = 256) -> list[float]:
    """What the pipeline of transformers says, one text at a time, in float32; a pair is a mapping of text and text_pair."""
    import torch
    import transformers

    asked = transformers.pipeline("text-classification", str(folder), dtype=torch.float32, device="cpu")
    found = (asked(text, top_k=None, truncation=True, max_length=max_length) for text in texts)
    return [next(one["score"] for one in given if one["label"] == label) for given in found]
