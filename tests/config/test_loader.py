from pathlib import Path

import pytest
import yaml

from trimtab.config.loader import load
from trimtab.errors import ConfigError

MINIMAL = "data:\n  train: rows.csv\n  label: y\nmodel:\n  architecture: mlp\n"


def write(directory: Path, text: str) -> Path:
    file = directory / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def failure(directory: Path, text: str, *overrides: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(write(directory, text), overrides)
    assert caught.value.exit_code == 2
    return caught.value


def test_everything_but_data_and_model_has_a_default(tmp_path):
    config = load(write(tmp_path, MINIMAL))
    assert next(iter(config.candidates())) == "none--none"
    assert config.tune is None
    assert config.budget.confidence == 0.95


def test_relative_paths_are_relative_to_the_file(tmp_path):
    config = load(write(tmp_path, MINIMAL + "deploy:\n  target: out/model\n"))
    assert config.data.train == str(tmp_path / "rows.csv")
    assert config.deploy.target == str(tmp_path / "out/model")
    assert (
        load(write(tmp_path, MINIMAL.replace("rows.csv", "sklearn://digits"))).data.train
        == "sklearn://digits"
    )


def test_teachers_are_files_beside_the_config_however_they_are_given(tmp_path):
    recipes = "recipes:\n- [{channels: {ratio: 0.5, teacher: [big.keras, baseline]}}, none]\n"
    recipes += "- [{magnitude: {teacher: {model: big.keras, alpha: 0.7}}}, {qat_int8: {teacher: gs://b/big.keras}}]\n"
    config = load(write(tmp_path, MINIMAL + recipes + "train:\n  teacher: {model: big.keras}\n"))
    steps = [step for each in config.candidates().values() for step in each.steps]
    found = [step.params.teacher.model for step in steps if getattr(step.params, "teacher", None)]
    assert sorted(found) == sorted(["baseline", *[str(tmp_path / "big.keras")] * 2, "gs://b/big.keras"])
    assert config.train.teacher.model == str(tmp_path / "big.keras")
    refused = failure(tmp_path, MINIMAL + "train:\n  teacher: baseline\n")
    assert "the baseline is what is trained here" in refused.message


@pytest.mark.parametrize(
    ("text", "line", "field", "words"),
    [
        (MINIMAL + "train:\n  epohcs: 3\n", 7, "train.epohcs", "did you mean epochs?"),
        (MINIMAL + "trian: {}\n", 6, "trian", "did you mean train?"),
        (MINIMAL.replace("mlp", "mpl"), 5, "model.architecture", "did you mean mlp?"),
        (MINIMAL + "train: {epochs: -1}\n", 6, "train.epochs", "greater than or equal to 0; got -1"),
        (MINIMAL + "train: {epochs: many}\n", 6, "train.epochs", "valid integer"),
        (MINIMAL + "recipes:\n- prune: {method: chanels}\n", 7, "recipes.0.prune", "did you mean channels?"),
        (MINIMAL + "recipes:\n- - channels\n  - in8\n", 8, "recipes.0.1", "did you mean int8?"),
        (
            MINIMAL + "recipes:\n- - channels:\n      ratoi: 0.5\n",
            8,
            "recipes.0.0.channels.ratoi",
            "did you mean ratio?",
        ),
        (
            MINIMAL + "recipes:\n- [int8]\n- - magnitude\n  - channels:\n      ratio: [0.5, 2]\n",
            10,
            "recipes.1.1.channels.ratio.1",
            "less than 1; got 2",
        ),
        (MINIMAL + "runtimes: [litert, litret]\n", 6, "runtimes.1", "did you mean litert?"),
        (
            MINIMAL + "recipes:\n- prune:\n    method: channels\n    ratoi: 0.5\n",
            9,
            "recipes.0.prune.ratoi",
            "did you mean ratio?",
        ),
        (
            MINIMAL + "recipes:\n- quantize: [none, int7]\n",
            7,
            "recipes.0.quantize.1",
            "did you mean int8?",
        ),
        (
            MINIMAL + "recipes:\n- prune:\n    method: channels\n    sparsity: 0.5\n",
            9,
            "recipes.0.prune.sparsity",
            "belongs to magnitude, block, not to channels; expected one of",
        ),
        (
            MINIMAL + "recipes:\n- - magnitude:\n      ratio: 0.5\n",
            8,
            "recipes.0.0.magnitude.ratio",
            "belongs to channels, not to magnitude; expected one of",
        ),
        (MINIMAL + "  classes: [no, on]\n", 6, "model.classes.0", "YAML takes no for true or false; put it"),
        ("data:\n  train: x\n", 1, "model", "is required"),
        (MINIMAL + "train: {epochs: yes}\n", 6, "train.epochs", "should be a valid number; got True"),
        (MINIMAL + "budget: {max_size_kb: .inf}\n", 6, "budget.max_size_kb", "finite number"),
        (
            MINIMAL.replace("rows.csv", "''"),
            2,
            "data.train",
            "expected a path or a URI (gs://, s3://, minio://); got ''",
        ),
        (MINIMAL.replace("rows.csv", "http://x/y.csv"), 2, "data.train", "got 'http://x/y.csv'"),
        (MINIMAL + "deploy: {target: 'ftp://x/y'}\n", 6, "deploy.target", "got 'ftp://x/y'"),
        (MINIMAL + "max_size_kb: 9\n", 6, "max_size_kb", "did you mean budget.max_size_kb?"),
        (MINIMAL + "budget: {label: y}\n", 6, "budget.label", "did you mean data.label?"),
        (MINIMAL + "train: {lr: 0.1}\n", 6, "train.lr", "did you mean learning_rate?"),
        (MINIMAL + "lr: 0.1\n", 6, "lr", "did you mean train.learning_rate?"),
        (MINIMAL + "quantization: int8\n", 6, "quantization", "did you mean recipes?"),
        (MINIMAL + "  target: y\n", 6, "model.target", "did you mean deploy.target?"),
        (MINIMAL + "  whatever: y\n", 6, "model.whatever", "unknown field; expected one of architecture"),
        (MINIMAL.replace("mlp", "MLP"), 5, "model.architecture", "did you mean mlp?"),
        (MINIMAL + "train: {loss: mse}\n", 6, "train.loss", "got 'mse'; did you mean squared?"),
        (MINIMAL + "runtimes: tensorrt\n", 6, "runtimes", "onnxruntime; got 'tensorrt'"),
        (MINIMAL + "recipes: int8\n", 6, "recipes", "expected a list, such as [int8]; got 'int8'"),
        (MINIMAL + "recipes: []\n", 6, "recipes", "expected at least 1; got []"),
        (MINIMAL + "budget: {max_accuracy_drop: 2}\n", 6, "budget.max_accuracy_drop", "2; 2 % is 0.02"),
        (MINIMAL + "budget: {max_accuracy_drop: 0.5 %}\n", 6, "budget.max_accuracy_drop", "0.5 % is 0.005"),
        (MINIMAL + "budget: {seed: 3}\n", 6, "budget.seed", "did you mean seed?"),
        (
            MINIMAL + "proof: estimate\n",
            6,
            "proof",
            "expected a mapping with reuse; got 'estimate'; did you mean budget.proof?",
        ),
        (MINIMAL + "  builder: a:b\n", 4, "model", "exactly one of architecture, preset, builder, archive"),
    ],
)
def test_an_error_names_line_field_expectation_and_the_nearest_key(tmp_path, text, line, field, words):
    error = failure(tmp_path, text)
    assert (error.path, error.line, error.field) == (str(tmp_path / "config.yaml"), line, field)
    assert words in error.message


def test_keys_are_the_text_that_they_are(tmp_path):
    text = MINIMAL + "train: {class_weight: {yes: 1, no: 3, 1: 2, 2.0: 5, null: 4, 1:30: 6}}\n"
    weights = load(write(tmp_path, text)).train.class_weight
    assert weights == {"yes": 1, "no": 3, "1": 2, "2.0": 5, "null": 4, "1:30": 6}


def test_numbers_to_the_base_of_sixty_are_text(tmp_path):
    config = load(write(tmp_path, MINIMAL.replace("rows.csv", "rows.csv\n  drop: [1:30, 10:00:30.5]")))
    assert config.data.drop == ["1:30", "10:00:30.5"]


def test_all_problems_are_told_at_once(tmp_path):
    error = failure(tmp_path, MINIMAL + "train:\n  epohcs: 3\n  batchsize: 8\n")
    assert "epohcs" in error.describe()
    assert "config.yaml:8: train.batchsize: unknown field; did you mean batch_size?" in error.describe()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a mapping"),
        ("- 1\n", "expected a mapping"),
        ("data: [\n", "not valid YAML"),
        ("data: 1\ndata: 2\n", "given twice"),
        ("a: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
        (
            "data: {train: x, label: y}\nmodel: {architecture: mlp}\nname: ../up\n",
            "name: expected at most 63 lower-case letters",
        ),
    ],
)
def test_unusable_files(tmp_path, text, words):
    assert words in failure(tmp_path, text).describe()


def test_a_missing_file_and_one_that_is_no_text(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="expected UTF-8"):
        load(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: 2020-13-45\n", "2020-13-45 is no timestamp; put text between quotes"),
        ("name: !!bool x\n", "x is no bool"),
        ("name: !!timestamp x\n", "x is no timestamp"),
        (f"train: {{epochs: {'9' * 5000}}}\n", "is no int"),
        ("name: " + "[" * 5000, "nested more than 50 deep"),
        ("name: " + "{a: " * 5000, "nested more than 50 deep"),
        ("name: \x01\n", "not valid YAML: unacceptable character #x0001"),
        ("? [a]\n: 1\n", "unhashable key"),
    ],
)
def test_what_pyyaml_itself_fails_at_is_told_with_its_place(tmp_path, text, words):
    assert words in failure(tmp_path, text).message


def test_a_file_of_very_many_keys_is_refused_at_once(tmp_path):
    text = "".join(f"k{n}: 1\n" for n in range(90_000))
    error = failure(tmp_path, text)
    assert "more than 20,000 values" in error.message
    assert error.line == 20_000


def test_aliases_cannot_multiply_into_a_bomb(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert "aliases" in failure(tmp_path, "\n".join(lines)).describe()


def test_overrides_replace_any_field(tmp_path):
    text = MINIMAL + "recipes:\n- prune: {method: channels, ratio: 0.5}\n"
    config = load(
        write(tmp_path, text),
        ["train.epochs=3", "recipes.0.prune.ratio=0.25", "budget.max_size_kb=12.5", "tune={trials: 2}"],
    )
    assert config.train.epochs == 3
    assert list(config.branches()) == ["none", "channels-0.25"]
    assert config.budget.max_size_kb == 12.5
    assert config.tune.trials == 2


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.epochs", "expected field.path=value"),
        ("train.epochs=-1", "greater than or equal to 0"),
        ("train.epoch=3", "did you mean epochs?"),
        ("train..epochs=3", "expected field.path=value"),
        ("train.²=3", "unknown field"),
        ("name=2020-13-45", "2020-13-45 is no timestamp"),
        ("name=" + "[" * 5000, "nested more than 50 deep"),
        ("train.epochs=" + "9" * 5000, "is no int"),
        ("name.x=1", "there is no"),
        ("recipes.7.prune=none", "there is no"),
    ],
)
def test_a_bad_override_is_named_as_such(tmp_path, override, words):
    error = failure(tmp_path, MINIMAL + "name: x\nrecipes: [{prune: none}]\n", override)
    assert error.path == "--set"
    assert words in error.message


def test_a_recipe_listed_twice_is_refused(tmp_path):
    error = failure(tmp_path, MINIMAL + "recipes: [{prune: none, quantize: [none, int8]}, [int8]]\n")
    assert "listed twice" in error.describe()


def test_every_example_is_valid_and_names_its_schema(root):
    examples = sorted((root / "examples").glob("*.yaml"))
    assert examples
    for example in examples:
        assert example.read_text().startswith(
            "# yaml-language-server: $schema=../schemas/config.schema.json\n"
        )
        load(example)
        assert yaml.safe_load(example.read_text())["name"] == example.stem


def test_a_folder_whose_name_is_no_text_is_told(tmp_path):
    folder = tmp_path / "d\udcff"  # as Python has bytes that are no UTF-8
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"is not UTF-8 text: .*d\\udcff/rows\.csv"):
        load(write(folder, MINIMAL))
