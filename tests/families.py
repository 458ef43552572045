"""Small random models of the families that teams use: each with its own architecture, special tokens and chat template.

Templates are written in the manner of the family: what opens and closes a turn, whether a system turn is taken, which token ends an
answer and whether the tokenizer calls it the end of a text.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.project import TEXT, question

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 512}
GATED = {**SMALL, "intermediate_size": 64}
HEADERS = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n{{ m['content'] | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for m in messages %}{% if m['role'] == 'system' %}"
    "{% set ns.system = m['content'] + '\n\n' %}{% elif m['role'] == 'user' %}[INST] {{ ns.system }}{{ m['content'] }}[/INST]"
    "{% set ns.system = '' %}{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# The last answer has its thought before it, be it empty, earlier ones have none: a talk is rendered in another way when it goes on.
# Asked without a word on thinking, the model opens a thought of its own.
THINKING = (
    "{%- set ns = namespace(last=0) %}{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}"
    "{%- endfor %}{%- for m in messages %}{%- set content = m.content %}{{- '<|im_start|>' + m.role + '\n' }}"
    "{%- if m.role == 'assistant' %}{%- set thought = '' %}{%- if '</think>' in content %}"
    "{%- set thought = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}"
    "{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}"
    "{%- if loop.index0 > ns.last %}{{- '<think>\n' + thought.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}"
    "{%- else %}{{- content }}{%- endif %}{%- else %}{{- content }}{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"
)
# A system turn always, with the day of the asking in it
DATED = (
    "{{- bos_token }}{%- if not date_string is defined %}{%- if strftime_now is defined %}"
    "{%- set date_string = strftime_now('%d %b %Y') %}{%- else %}{%- set date_string = '26 Jul 2024' %}{%- endif %}{%- endif %}"
    "{%- if messages[0]['role'] == 'system' %}{%- set system = messages[0]['content'] | trim %}{%- set messages = messages[1:] %}"
    "{%- else %}{%- set system = '' %}{%- endif %}{{- '<|start_header_id|>system<|end_header_id|>\n\n' }}"
    "{{- 'Cutting Knowledge Date: December 2023\nToday Date: ' + date_string + '\n\n' + system + '<|eot_id|>' }}{%- for m in messages %}"
    "{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"
)
BARS = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ eos_token }}{% endif %}"
)
NAMED = (
    "{% for m in messages %}{{ {'system': 'System', 'user': 'User', 'assistant': 'Falcon'}[m['role']] }}: {{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}{% if add_generation_prompt %}Falcon:{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """`ends` are the tokens at which the model stops; the first one ends an answer, the last one is the tokenizer's own."""

    architecture: str
    config: dict[str, Any]
    template: str
    begin: str | None
    ends: tuple[str, ...]
    special: tuple[str, ...] = ()
    has_system: bool = True
    has_talks: bool = True
    packs: bool = True
    fused: tuple[str, ...] = field(default=())


FAMILIES = {
    # 32 query and 8 key heads, a third-and-a-half as wide between; frequencies stretched, head of its own
    "llama-3-8b": Family(
        "Llama",
        {
            **GATED,
            "intermediate_size": 112,
            "num_key_value_heads": 1,
            "tie_word_embeddings": False,
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 256,
            },
        },
        HEADERS,
        "<|begin_of_text|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        ("<|start_header_id|>", "<|end_header_id|>"),
    ),
    # the same with the day in its system turn, a head that is the embedding
    "llama-3.1": Family(
        "Llama",
        {**GATED, "num_key_value_heads": 2, "tie_word_embeddings": True},
        DATED,
        "<|begin_of_text|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        ("<|start_header_id|>", "<|end_header_id|>"),
    ),
    # 64 query and 8 key heads, deeper
    "llama-3-70b": Family(
        "Llama",
        {
            **GATED,
            "hidden_size": 64,
            "intermediate_size": 224,
            "num_hidden_layers": 4,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
        },
        HEADERS,
        "<|begin_of_text|>",
        ("<|eot_id|>", "<|end_of_text|>"),
        ("<|start_header_id|>", "<|end_header_id|>"),
    ),
    "mistral": Family(
        "Mistral",
        {**GATED, "num_key_value_heads": 2, "sliding_window": 24},
        INST,
        "<s>",
        ("</s>",),
        ("[INST]", "[/INST]"),
    ),
    "gemma-2": Family(
        "Gemma2",
        {**GATED, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 24, "query_pre_attn_scalar": 8},
        TURNS,
        "<bos>",
        ("<end_of_turn>", "<eos>"),
        ("<start_of_turn>",),
        has_system=False,
    ),
    "gemma-3": Family(
        "Gemma3",
        {**GATED, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 24, "query_pre_attn_scalar": 8},
        TURNS,
        "<bos>",
        ("<end_of_turn>", "<eos>"),
        ("<start_of_turn>",),
        has_system=False,
    ),
    "falcon": Family(
        "Falcon",
        {**SMALL, "multi_query": True, "parallel_attn": True, "bias": False},
        NAMED,
        None,
        ("<|endoftext|>",),
        packs=False,  # it does not take positions that begin anew for another text
        fused=("query_key_value",),
    ),
    "qwen-2.5": Family(
        "Qwen2", {**GATED, "num_key_value_heads": 2}, CHATML, None, ("<|im_end|>", "<|endoftext|>"), ("<|im_start|>",)
    ),
    "qwen-3": Family(
        "Qwen3",
        {**GATED, "num_key_value_heads": 2, "head_dim": 8},
        THINKING,
        None,
        ("<|im_end|>", "<|endoftext|>"),
        ("<|im_start|>", "<think>", "</think>"),
        has_talks=False,
    ),
    "phi-3": Family(
        "Phi3",
        {**GATED, "num_key_value_heads": 4},
        BARS,
        None,
        ("<|end|>", "<|endoftext|>"),
        ("<|system|>", "<|user|>", "<|assistant|>"),
        has_talks=False,  # the token that ends a text stands after the last answer only
        fused=("qkv_proj", "gate_up_proj"),
    ),
}


def tokenizer_of(family: Family) -> Any:
    """The family's tokenizer, with its template as it came."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special = [*filter(None, [family.begin]), *family.ends, *family.special]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT + question(n)[0] for n in range(60)], trainer)
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=family.begin,
        eos_token=family.ends[-1],
        additional_special_tokens=list(family.special),
    )
    wrapped.chat_template = family.template
    return wrapped


def write_family(family: Family, folder: Path) -> Path:
    """The model, its generation settings and its tokenizer, as the hub would have them."""
    import transformers

    wrapped = tokenizer_of(family)
    ends = wrapped.convert_tokens_to_ids(list(family.ends))
    config = getattr(transformers, f"{family.architecture}{'Text' if family.architecture == 'Gemma3' else ''}Config")(
        **family.config,
        vocab_size=len(wrapped),
        pad_token_id=ends[-1],
        eos_token_id=ends[-1],
        bos_token_id=wrapped.bos_token_id,
    )
    transformers.set_seed(5)
    model = getattr(transformers, f"{family.architecture}ForCausalLM")(config)
    model.generation_config.eos_token_id = ends
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return folder
