"""Every figure of the example, on each copy of the data, by the programs themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripts.tutorial.data import SHARED_DATA, TOLERANCE, model_figures

from trunkline.kernel.units import size

from .conftest import Ran, run_stage


def content_size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_tables_have_the_tutorials_sizes(ran: Ran) -> None:
    training, holdout = ran.folder / "training_prod.csv", ran.folder / "holdout.csv"
    assert size(training.stat().st_size) == "41.28KiB"
    assert size(holdout.stat().st_size) == "4.586KiB"
    first = training.read_text().splitlines()
    assert first[0] == "age,sex,bmi,map,tc,ldl,hdl,tch,ltg,glu,y"
    assert len(first) == 1 + 398
    assert first[1].split(",")[0] == "0.038076"
    assert first[1].split(",")[-1] == "151.000000"
    assert len(holdout.read_text().splitlines()) == 1 + 44


def test_model(ran: Ran) -> None:
    file = ran.folder / "model" / "model.json"
    assert model_figures(file.read_text()) == pytest.approx(ran.copy.model, rel=TOLERANCE)
    assert file.stat().st_size == 207
    assert list(json.loads(file.read_text())) == ["intercept", "coefficients"]


def test_patients(ran: Ran) -> None:
    folder = ran.folder / "patients"
    assert {file.name for file in folder.iterdir()} == {f"{number}.json" for number in range(1, 45)}
    assert size(content_size(folder)) == "27.78KiB"
    text = (folder / "1.json").read_text()
    assert text.startswith('{\n  "independent_variables": [\n    {\n      "name": "age",\n')
    assert text.endswith('\n  "dependent_variable": 242\n}')
    names = [each["name"] for each in json.loads(text)["independent_variables"]]
    assert names == ["age", "sex", "bmi", "map", "tc", "ldl", "hdl", "tch", "ltg", "glu"]


def test_small_numbers_have_no_exponent(ran: Ran) -> None:
    texts = [file.read_text() for file in (ran.folder / "patients").iterdir()]
    assert any('"value": 0.0000' in text for text in texts)
    assert not any("e-" in text for text in texts)


def test_model_that_passes_quality_control(ran: Ran) -> None:
    file = ran.folder / "passed" / "model.json"
    expected = ran.copy.model | {"rmse": ran.copy.rmse}
    assert model_figures(file.read_text()) == pytest.approx(expected, rel=TOLERANCE)
    assert list(json.loads(file.read_text())) == ["rmse", "intercept", "coefficients"]
    assert file.stat().st_size == 236
    assert "passed on" in ran.said["qcontrol"]


@pytest.mark.parametrize("threshold", ["40", "46.4"])
def test_model_that_is_held_back(ran: Ran, tmp_path: Path, threshold: str) -> None:
    done = run_stage(
        "qcontrol",
        f"-inModelFile={ran.folder}/model/model.json",
        f"-inTestDir={ran.folder}/patients",
        f"-threshold={threshold}",
        f"-outDir={tmp_path}",
    )
    assert done.returncode == 0
    assert "held back" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_predictions(ran: Ran) -> None:
    sizes = {}
    for name, expected in ran.copy.predictions.items():
        text = (ran.folder / "predictions" / name).read_text()
        prediction = json.loads(text)
        assert list(prediction) == ["predicted_diabetes_progression", "independent_variables"]
        assert prediction["predicted_diabetes_progression"] == pytest.approx(expected, rel=TOLERANCE)
        sizes[name] = len(text)
    assert sizes == {"1.json": 221, "2.json": 222, "3.json": 222}


def test_example_attributes_are_those_of_the_tutorial(ran: Ran) -> None:
    sizes = {file.name: file.stat().st_size for file in (ran.folder / "test").iterdir()}
    assert sizes == {"1.json": 166, "2.json": 167, "3.json": 167}
    if ran.copy.source:
        for name in sizes:
            assert (ran.folder / "test" / name).read_bytes() == (SHARED_DATA / name).read_bytes()


def bad_input(stage: str, at: Path) -> list[str]:
    model = {"intercept": 1.0, "coefficients": [{"name": "bmi", "coefficient": 2.0}]}
    (at / "model.json").write_text(json.dumps(model))
    (at / "broken.csv").write_text("age,sex\n1,two\n")
    (at / "short.csv").write_text("age,sex\n1,2\n")
    (at / "in").mkdir()
    (at / "in" / "1.json").write_text('{"independent_variables": [{"name": "age", "value": 1}]}')
    return {
        "train": [f"-inFile={at}/none.csv", f"-outDir={at}/out"],
        "qcpre": [f"-inFile={at}/broken.csv", f"-outDir={at}/out"],
        "qcontrol": [f"-inModelFile={at}/model.json", f"-inTestDir={at}/in", "-threshold=1", "-outDir=x"],
        "infer": [f"-inModelDir={at}", f"-inVarDir={at}/in", f"-outDir={at}/out"],
    }[stage]


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("train", "none.csv: No such file or directory"),
        ("qcpre", "broken.csv is not a table of numbers"),
        ("qcontrol", "1.json has no dependent_variable"),
        ("infer", "1.json lacks bmi, which the model needs"),
    ],
)
def test_bad_input_is_one_line_on_stderr(tmp_path: Path, stage: str, reason: str) -> None:
    done = run_stage(stage, *bad_input(stage, tmp_path))
    assert done.returncode == 1
    assert reason in done.stderr
    assert done.stderr.startswith(f"{stage}: ")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_unknown_flag_is_refused() -> None:
    done = run_stage("train", "-inFile=a", "-outDir=b", "-threshhold=1")
    assert done.returncode == 2
    assert "-threshhold=1" in done.stderr
