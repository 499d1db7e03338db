"""The page on recipes: what they are by hand, what they can be made of from the registry."""

from trimtab.config.catalogue import Entry, Parameter, catalogue, in_words
from trimtab.config.methods import KERAS
from trimtab.registry import RUNTIMES

HEADER = """# Recipes

A recipe is a chain of steps in order. It begins with the trained Keras model; each step but the last makes
a smaller Keras model, and the last gives the files of a runtime.

```yaml
runtimes: [litert]                # or several, or auto: every runtime that is installed
recipes:
  - [{channels: {ratio: [0.25, 0.5]}}, {magnitude: 0.5}, [float16, int8, qat_int8]]
  - {prune: none, quantize: [none, int8]}
  - [int8, {runtime: openvino}]
```

- A step is a name (`channels`), a name with its main parameter (`magnitude: 0.5`), or a name with any
  parameters (`channels: {ratio: 0.25, epochs: 8}`).
- A list in the place of a step or of a parameter's value is a set of alternatives. The first recipe above
  stands for two by three chains. A chain without a quantization ends in 32-bit floats, as with `none`.
- `{runtime: …}` at the end says which runtimes the chain is for; others are for all `runtimes` of the
  config that have the quantization. One that none of them has is refused.
- `{prune: …, quantize: […]}` is the older way to write chains of one pass and one quantization each.
- The trained model in 32-bit floats, `none--none`, is always the first candidate: all others are judged
  against it.

Chains that begin alike share that part: it is made once. A candidate's id is its steps
(`channels-0.5--int8`), the runtime if it is not LiteRT, and six digits of a checksum over the whole chain
where a parameter that the steps do not show has not its default: two chains that differ in `epochs` alone
are two candidates.

## `recipes: auto`

```yaml
recipes: auto
search: {max_candidates: 8, max_epochs: 60}     # the defaults; max_minutes: 30
```

Once the model is trained, the task that trained it looks for chains, of all passes and of all
quantizations of the `runtimes`:

1. The trained model is quantized in each way that trains nothing. The best by the objective is tried with
   other values of its parameters, as long as these make it cheaper.
2. Each pass is applied without fine-tuning, at the middle of its search range, and at other strengths
   where that saves something. What it costs (bytes, latency in short turns with the baseline) is final:
   what gains nothing by the objective, or cannot keep `max_size_kb`, `max_latency_ms` or `min_speedup`,
   is left out. What it loses by then leaves out nothing.
3. The rest is fine-tuned for a few epochs, the better part of it for more, and once more, by the epochs
   that each pass declares. The middle strength of a pass comes first: where that loses too much, a stronger
   one is not fine-tuned. Each of the three rungs may take an equal share of `max_epochs`. From the
   second one on, the best is also followed by a second pass. What trains
   a model to bear its quantization is tried where something is lost without.
4. What none is better than in loss and cost is handed on, at most `max_candidates`: ordinary chains with
   ordinary ids, whose models and files are in the store already. `evaluate` and `select` take them as if
   you had written them.

All of it is guided by validation rows; the test split is not opened before `evaluate`, and the proof is
what it always is. "Better" is the larger expected gain: the logarithm of how many times less a chain
costs, times the probability that it keeps the limits. `result.json` (`search`), the report and the log
say what was tried, what it was worth, why it was left out, and why the search ended. A search that was
killed makes and measures nothing again. It needs validation rows that nobody is tested on, so it does not
go with `data.test: {folds: …}`. A retraining takes the champion's recipe, and searches only where that is
not known.

## What later steps keep

Zeros, the 2:4 pattern, shared weights and widths are traits of the model, seen in its weights, whoever made
them. A later step keeps them (zeros of a sparse model stay zeros while `channels` or `two_four` fine-tunes
it, and `qat` trains around all of them), or is refused with the order that works: where the chain shows it,
before anything is read; where only the model does, as a candidate that was not made.

## Quantization-aware training

`qat` trains the Keras model with weights and activations rounded as 8 bits round them, and gives a Keras
model again: the `int8` of any runtime, or LiteRT's `codes`, follows. It knows layers of every kind that has a
kernel, inside attention, recurrent and wrapped ones too; kernels have a range per channel where runtimes
keep one. `qat_int8` is TFMOT's, which knows fewer layers and gives LiteRT's file itself.

## Fine-tuning

Passes that train do so by the loop that trained the model: exactly resumable, with the optimizer, weight
decay, schedule, augmentation and class weights of the `train` section, and no early stopping.
`learning_rate_factor` scales its learning rate, and as large a share of the epochs is warm-up as in
`train`. With `teacher: baseline`, or `teacher: {temperature: 4, alpha: 0.7}`, the trained model's answers
are mixed into the labels. `teacher: larger.keras` takes those of a saved model, whose inputs and outputs are
those of this one, the classes in the same order; `train.teacher` has the model itself learn from one.

A model that was cut has its batch-norm statistics measured again on training examples before it is
fine-tuned, where it has any: without that its answers are next to chance. After a pass they are measured once
more, and stay where the loss on validation examples is smaller for it.

## What passes pay

DS-CNN of 32 filters on 2,700 spoken digits, 25 epochs; accuracy on 300 test rows after 2 epochs of
fine-tuning, one seed each: differences of 4 points and less say nothing. `gz x` is the float LiteRT file's
size over this one's, both after gzip.

| chain | accuracy | gz x |
|---|---|---|
| the trained model | 98.3 % | 1.00 |
| `channels: 0.4`, by norms, without new batch-norm statistics | 33.3 % | 1.89 |
| the same, with them | 84.0 % | 1.88 |
| by first-order Taylor | 86.0 % | 1.88 |
| by activations, the default | 92.7 % | 1.88 |
| `channels: {target: {macs: 0.48}}` | 93.3 % | 1.87 |
| `channels: {ratio: 0.4, rounds: 2}` | 78.7 % | 1.88 |
| `channels: 0.6`, by norms, without new statistics; with them | 10.0 %; 35.0 % | 3.36 |
| by Taylor; by activations | 40.3 %; 68.0 % | 3.36 |
| `magnitude: 0.75`, first and last layer too; these spared | 64.3 %; 78.0 % | 1.89; 1.79 |
| `block: 0.6` | 75.0 % | 1.38 |
| `two_four` | 94.0 % | 1.24 |
| `low_rank: 0.95`; `0.9` (two seeds) | 98.0 %; 88.5 % | 1.23; 1.51 |
| `cluster: 32` (two seeds) | 98.0 % | 1.35 |
| `int8`; after `qat`; `qat_int8` (two seeds) | 98.3 %; 98.3 %; 98.3 % | 2.32; 2.32; 2.26 |
| `cluster: 32`, then `int8` (two seeds) | 98.0 % | 2.35 |

With two epochs in all, cutting in parts does not pay; more were not tried. Such rows are made by:

```
python benchmarks/passes.py examples/spoken_digits.yaml --set train.epochs=25 --set model.params.filters=32 \\
  '[{"channels": {"ratio": [0.4, 0.6], "criterion": ["norms", "activations"], "epochs": 2}}, "none"]'
```

## What a chain can be made of

`trimtab methods` prints this, and `trimtab methods --json` for programs. The main parameter comes first, in
bold. What each does with each kind of layer is in [matrix.md](matrix.md).
"""


def render() -> str:
    """Returns the page."""
    entries = catalogue()
    parts = [HEADER, _rows("Passes: Keras → Keras", [one for one in entries if one.gives == KERAS])]
    parts += [
        _rows(f"Quantizations: Keras → {name}", [one for one in entries if one.gives == name])
        for name in RUNTIMES
    ]
    return "\n".join(parts)


def _rows(title: str, entries: list[Entry]) -> str:
    lines = [f"### {title}", ""]
    for entry in entries:
        needs = f" Needs {', '.join(entry.needs)}." if entry.needs else ""
        source = f" [Source]({entry.source})." if entry.source else ""
        lines += [f"**`{entry.name}`**: {entry.summary}{needs}{source}", ""]
        if entry.parameters:
            lines += ["| parameter | type | default | search | meaning |", "|---|---|---|---|---|"]
            lines += [*(_row(one) for one in entry.parameters), ""]
    return "\n".join(lines)


def _row(one: Parameter) -> str:
    name = f"**`{one.name}`**" if one.main else f"`{one.name}`"
    kind = f"{one.type} ({one.range})" if one.range else one.type
    default = "null" if one.default is None else f"`{one.default}`"
    return f"| {name} | {kind} | {default} | {in_words(one.search)} | {one.description} |"
