"""A small project for the tests of the desk: every file that a command of the desk reads, and no model."""

import json
from pathlib import Path

from pipeline.data.candidates import identity

SCHEMA = {"type": "object", "properties": {"label": {"type": "string", "enum": ["red", "blue"]}}, "required": ["label"]}
PARAMS = """ingest:
  max_rejects: 0
  near_duplicates: drop
  similarity: 0.6
  personal_data: {email: redact, phone: redact, card: redact, iban: redact, aadhaar: redact, pan: redact, upi: redact,
    ip: redact, api_key: reject, private_key: reject, jwt: reject}
review: {origins: [synthetic, production]}
validate:
  min_examples: 1
  max_label_share: 1.0
  max_question_chars: 100
  max_answer_chars: 100
  max_unreviewed_share: 0.1
  denied_licences: [cc-by-nc-4.0]
  languages: [en, hi, mr]   # a remark
  required_slices:          # a remark
    red: 20
    sample: 10

synthesize:
  replies: 1
  max_overlap: 0.5
  axes: {tone: Say it in another mood.}
  teacher: {base_url: "", model: "written by hand for the sample", api_key_env: TEACHER_API_KEY, temperature: null,
    max_tokens: 400, structured_output: true, price_in: 0.0, price_out: 0.0}
split:
  salt: sample              # a remark
  test_share: 0.2
  validation_share: 0.1
train: {phases: [lora], start: models/base.json, seed: 1, replay: 0.0, turns: last, max_length: 64, too_long: stop, packing: false,
  keep: last, patience: 0, schedule: cosine, warmup_share: 0.0, weight_decay: 0.0, save_every: 10, dtype: auto, device: auto,
  attention: auto, activation_checkpointing: auto, compile: false, launch: single, threads: 1,
  adapter: {r: 1, alpha: 1, dropout: 0.0, targets: all-linear, rslora: false, dora: false},
  lora: {epochs: 1, learning_rate: 0.001, batch_size: 1, accumulate: 1},
  qlora: {epochs: 1, learning_rate: 0.01, batch_size: 1, accumulate: 1},
  full: {epochs: 1, learning_rate: 0.01, batch_size: 1, accumulate: 1},
  dpo: {epochs: 1, learning_rate: 0.01, batch_size: 1, accumulate: 1, beta: 0.1, quantise: false},
  reward: {epochs: 1, learning_rate: 0.01, batch_size: 1, accumulate: 1},
  grpo: {epochs: 1, learning_rate: 0.01, batch_size: 2, accumulate: 1, generations: 2, max_new_tokens: 4,
    temperature: 1.0, beta: 0.0, quantise: false, rewards: {format: 1.0, exact: 1.0, model: 1.0}},
  rloo: {epochs: 1, learning_rate: 0.01, batch_size: 2, accumulate: 1, generations: 2, max_new_tokens: 4,
    temperature: 1.0, beta: 0.0, quantise: false, rewards: {format: 1.0, exact: 1.0, model: 1.0}},
  api: {base_url: "", model: "", api_key_env: SAMPLE_KEY, method: supervised, epochs: 1, batch_size: null,
    learning_rate_multiplier: null, beta: 0.1, more: {}, suffix: x, price: null, max_cost: 0.0, poll_s: 1.0, wait_h: 1.0,
    served_as: "", temperature: 0.0, price_in: 0.0, price_out: 0.0}}
arms:
  base: {model: models/base.json, prompt: plain}
predict: {engine: transformers, max_new_tokens: 8, max_cost: 0.0, concurrency: 1, batch_size: 1, dtype: auto, device: auto, threads: 1,
  harness: {tasks: [], limit: null, chat: false},
  vllm: {command: "x {model} {port}", port: 0, concurrency: 1, start_s: 1.0, timeout_s: 1.0}}
classify: {device: cpu, threads: 1, classifiers: {}}
evaluate:
  margin: 0.05
  shown: 3
  prohibited: []
  targets:
    exact_label: 0.6
    format_accuracy: 0.8
rate: {arms: [tuned, base], seed: 1, dimensions: {correct: Which is right, helpful: Which helps}}
judge: {pairs: [], shows_reference: true, service: {base_url: "", model: "", api_key_env: JUDGE_API_KEY, temperature: 0.0,
    max_tokens: 400, structured_output: true, price_in: 0.0, price_out: 0.0},
  counts: {examples: 30, share: 0.5, alpha: 0.4, max_unreadable: 0.1}}
regress: {margin: 0.05, text_margin: 0.03}
gate:
  rules:
    - {rule: comparison, metric: format_accuracy, against: prompted, needs: no_worse, margin: 0.1, on_cannot_tell: fail}
    - {rule: comparison, metric: exact_label, against: prompted, needs: better, margin: 0.0, on_cannot_tell: fail}
    - {rule: target, metric: exact_label, needs: no_worse, margin: 0.1, on_cannot_tell: fail}
    - {rule: cases}
checklist:
  changes: [format, classification]
  examples: {format: 2, classification: 1, domain: 500, behaviour: 1000}
  common_share: 0.02
  max_facts_share: 0.3
  churn_days: 30
  max_churn: 0.2
  prompted: {price_in: null, price_out: null}
  tuned: {price_in: null, price_out: null}
  training: null
monitor:
  logs: logs
  shape: own
  since: 7d
  rules: {}
  escalation_field: ""
  margin: 0.02
  relative_margin: 0.1
  language_sample: 50
  slices: 10
  least: 20
  bounds: []
  drift:
    sample: 200
    reference: 1000
    least: 20
    alpha: 0.05
    looks: 1
    unlike: 0.02
    bounds: {labels: 0.1, length: 0.2, language: 0.1, vocabulary: 0.1, words: 0.05, distance: 0.1}
  canaries: {timeout_s: 5.0, token_env: ""}
feedback:
  kinds: [corrected, thumbs_down, escalated, not_done, invalid, flagged, refused, empty, cut, unlike]
  wait_days: 7
  similarity: 0.65
  caps: {days: 30, user: 3, source: 50, incident: 4, waiting: 40}
  unlike: {below: 0.0, examples: 10, requests: 10}
  asks_teacher: false
  repeats: 4
  injections: {ignore: "(?i)ignore .{0,20}instructions"}
"""
ROW = '{"prompt": "a red door", "completion": "{\\"label\\": \\"red\\"}"}\n'
DVC = """stages:
  ingest:
    deps:
      - data/raw/sources.yaml
      - data/raw/first.jsonl
      - pipeline/ingest.py   # code, no data
"""
ENTRY = "{file: first.jsonl, origin: human, answered_by: human, licence: own, rights: own}"
SOURCES = f"# a remark\nsources:\n  - {ENTRY}\n"
REPLY = (
    '{"seed": "a", "axis": "tone", "model": "m", "date": "2031-01-02", "reply": "a sample", "request": "b", '
    '"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0}\n'
)
REVIEW = '{"record": "a", "decision": "approve", "reviewer": "asha", "date": "2031-01-02", "reason": "a sample"}\n'
RATING = (
    '{"date": "2031-01-02", "time": "10:00:00.000000", "example": "a", "first": "1123456789abcdef", '
    '"second": "fedcba9876543210", "dimension": "correct", "vote": "tie", "rater": "asha sample"}\n'
)
OPINION = (
    '{"date": "2031-01-02", "request": "aa23456789abcdef", "example": "a", "dimension": "correct", "first": "1123456789abcdef", '
    '"second": "fedcba9876543210", "model": "m", "reply": "a sample", "finish": "stop", "prompt_tokens": 1, "completion_tokens": 1, '
    '"cost": 0.0}\n'
)
ASKED = [{"role": "user", "content": "a sample that failed"}]
CANDIDATE = (
    json.dumps(
        {
            "date": "2031-01-02",
            "record": identity(ASKED, ""),
            "request": "r1",
            "time": "2031-01-01T10:00:00+00:00",
            "kinds": ["thumbs_down"],
            "messages": ASKED,
            "answer": "no",
            "proposal": "",
            "said": "",
            "others": [],
            "user": "",
            "source": "logs",
            "revision": "",
            "tags": [],
            "incident": "",
            "count": 1,
            "members": [],
        }
    )
    + "\n"
)
QUESTION = '{"id": "a", "messages": [{"role": "user", "content": "x"}], "check": {"kind": "exact", "value": "x"}}\n'
FILES = {
    "params.yaml": PARAMS,
    "dvc.yaml": DVC,
    "data/raw/sources.yaml": SOURCES,
    "data/raw/first.jsonl": ROW,
    "data/feedback/one.jsonl": '{"messages": [{"role": "assistant", "content": "y"}]}\n',
    "data/ledgers/teacher/t.jsonl": REPLY,
    "data/ledgers/reviews/r.jsonl": REVIEW,
    "data/ledgers/ratings/v.jsonl": RATING,
    "data/ledgers/judge/j.jsonl": OPINION,
    "data/ledgers/candidates/c.jsonl": CANDIDATE,
    "task/answer.schema.json": json.dumps(SCHEMA),
    "task/expectations.json": (
        '{"name": "records", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "id"}}]}'
    ),
    "task/prompts/plain.yaml": "system: Name the colour of a sample.\nfew_shot: []\n",
    "task/cases/must_pass.jsonl": QUESTION,
    "task/probes/general.jsonl": QUESTION,
    "task/test_set.txt": "# frozen\n0123456789abcdef\n",
    "task/README.md": "# The task: sample\n",
    "task/judge.yaml": "about: Of a sample.\ndimensions: {correct: It is right, helpful: It helps}\n",
    "models/base.json": '{"model": "models/toy", "revision": "", "licence": "own", "files": {"config.json": "0"}}',
    "models/toy/config.json": "{}",
    "task/prompts/own.yaml": 'system: ""\nfew_shot: []\n',
    "reports/evaluation.json": "{}\n",
    "pyproject.toml": '[project]\nname = "sample"\n\n[tool.x]\nname = "kept"\n',
    "README.md": "# sample\n\nText.\n# Another heading\n",
}


def make(folder: Path) -> Path:
    """Write the project's files."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder
