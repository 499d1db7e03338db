from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata

from trimtab.config.config import Config
from trimtab.config.tune import Tune
from trimtab.data.dataset.dataset import Dataset
from trimtab.errors import ConfigError, TrainingError
from trimtab.tasks.registry import task
from trimtab.train.workspace import workspace
from trimtab.tune import tuner
from trimtab.tune.oracles import oracle
from trimtab.tune.search import Outcome
from trimtab.tune.search import search as search_in


def search(config: Config, dataset: Dataset, run: Path) -> Outcome:
    with workspace(str(run), "tune") as space:
        return search_in(config, dataset, space)


def config(algorithm: str = "random", trials: int = 3, epochs: int = 2, **train: object) -> Config:
    return Config.model_validate(
        {
            "data": {"train": "unused"},
            "model": {"architecture": "mlp", "params": {"layers": 1}},
            "train": {"learning_rate": 0.01, **train},
            "tune": {"algorithm": algorithm, "trials": trials, "epochs": epochs},
        }
    )


def every_trial_is_in_the_hparams_page(run: Path) -> None:
    logs = EventMultiplexer().AddRunsFromDirectory(str(run / "tensorboard" / "tune")).Reload()
    tags = logs.PluginRunToTagToContent(metadata.PLUGIN_NAME)
    assert set(tags) == set("012"), "what the columns are is not said: candidates have others"
    for trial in "012":
        start = metadata.parse_session_start_info_plugin_data(tags[trial][metadata.SESSION_START_INFO_TAG])
        assert "trial/optimizer/learning_rate" in start.hparams
        assert start.hparams["table"].string_value == "trials"
        assert not start.group_name, "it is called as its run: trials of other runs have the same number"
        assert metadata.SESSION_END_INFO_TAG in tags[trial]
        assert len(logs.Tensors(trial, "val_accuracy")) == 1
        assert len(logs.Tensors(f"{trial}/validation", "epoch_accuracy")) == 2


def test_it_finds_the_best_of_its_trials_and_shows_all(tabular: Dataset, tmp_path: Path) -> None:
    outcome = search(config(), tabular, tmp_path)
    assert len(outcome.trials) == 3
    assert outcome.score == max(trial.score for trial in outcome.trials)
    best = next(trial for trial in outcome.trials if trial.score == outcome.score)
    assert outcome.best["model"] == {name: value for name, value in best.values.items() if "/" not in name}
    assert outcome.best["model"]["layers"] == 1, "model.params fixes a hyper-parameter by hand"
    assert 0.001 <= outcome.best["optimizer"]["learning_rate"] <= 0.1
    every_trial_is_in_the_hparams_page(tmp_path)


def test_a_seed_of_zero_is_a_seed(tabular: Dataset, tmp_path: Path) -> None:
    first, second = (search(config(trials=2, epochs=1), tabular, tmp_path / name) for name in "ab")
    assert [t.values for t in first.trials] == [t.values for t in second.trials]
    assert [t.score for t in first.trials] == [t.score for t in second.trials]


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(
    tabular: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = tuner.loop.fit

    def failing(model: object, dataset: object, settings: object, *, label: str, **rest: object) -> object:
        if label.endswith(("0", "1")):
            raise TrainingError("the loss is not a number")
        return fit(model, dataset, settings, label=label, **rest)

    monkeypatch.setattr(tuner.loop, "fit", failing)
    outcome = search(config(trials=4, epochs=1), tabular, tmp_path)
    assert [trial.score is None for trial in outcome.trials] == [True, True, False, False]
    assert outcome.trials[0].reason == "the loss is not a number"


def test_when_all_trials_fail_the_first_reason_is_told(
    tabular: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> object:
        raise TrainingError("memory ran out during training")

    monkeypatch.setattr(tuner.loop, "fit", failing)
    with pytest.raises(TrainingError, match="memory ran out during training"):
        search(config(trials=5, epochs=1), tabular, tmp_path)


def test_a_config_that_does_not_fit_the_data_ends_the_search(tabular: Dataset, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="augmentation is for images"):
        search(config(augment={"flip_horizontal": True}), tabular, tmp_path)


def test_a_damaged_record_of_a_trial_runs_it_again(
    tabular: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = search(config(trials=2, epochs=1), tabular, tmp_path)
    file = tmp_path / "checkpoints" / "tune" / "trials" / "1.trial"
    content = bytearray(file.read_bytes())
    content[-40] ^= 1
    file.write_bytes(content)
    capfd.readouterr()
    second = search(config(trials=2, epochs=1), tabular, tmp_path)
    assert [t.score for t in first.trials] == [t.score for t in second.trials]
    progress = capfd.readouterr().err
    assert "the record of trial 1 is damaged" in progress
    assert "tune trial 0 | epoch" not in progress


def test_the_optimizers_weight_decay_is_searched_for_adamw(tabular: Dataset, tmp_path: Path) -> None:
    outcome = search(config(trials=1, epochs=1, optimizer="adamw"), tabular, tmp_path)
    assert set(outcome.best["optimizer"]) == {"learning_rate", "weight_decay"}


def test_a_bayesian_search_of_few_trials_is_not_a_random_one() -> None:
    made = oracle(Tune(algorithm="bayesian", trials=10), task("classification").judging.headline, 0)
    assert made.num_initial_points == 3
