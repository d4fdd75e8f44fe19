"""`numgan evaluate`: what it measures, beside which rows, what it writes, and what it leaves out."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import numgan as ng
from numgan import classifier, metrics
from numgan.app import cli
from numgan.app.scores import MEASURES, Sets, measures
from numgan.app.scoresheet import lines
from numgan.app.unseen import Unseen, unseen
from numgan.data import Data
from numgan.errors import InputError

KEYS = {  # what others read from evaluation.json
    *("parzen", "parzen_se", "parzen_sigma", "precision", "recall", "density", "coverage", "kid", "frechet"),
    *("frechet_floor", "memorisation_p", "class_histogram"),
}
N = 400  # samples


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)


def command(*words):
    return cli.main([str(word) for word in words])


def trained(place, *words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("numgan.app.folder.Run.draw", lambda run: None)
        assert command("train", "--steps", 2, "--batch", 16, "--threads", 1, "--out", place, *words) == 0
    return place


def evaluated(run, *words):
    assert command("evaluate", run, "-n", N, *words) == 0
    return json.loads((run / "evaluation.json").read_text(encoding="utf-8"))


def measured(sets):
    """All measures of three sets at once."""
    found = {"training_rows": {}}
    for _, measure in measures(sets):
        scores = measure()
        found["training_rows"] |= scores.pop("training_rows", {})
        found |= scores
    return found


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def found(digits_run):
    return evaluated(digits_run)


def test_the_keys_and_what_they_hold(digits_run, found):
    assert set(MEASURES) == KEYS <= found.keys()
    assert all(isinstance(found[key], float) for key in KEYS - {"class_histogram"})
    assert len(found["class_histogram"]) == 10 and sum(found["class_histogram"]) == pytest.approx(1)
    about = {key: found[key] for key in ("step", "samples", "seed", "data", "compared_with", "rows_of_each_set")}
    assert about == {
        "step": 2, "samples": N, "seed": 0, "data": "digits", "compared_with": "digits, test split",
        "rows_of_each_set": N,
    }  # fmt: skip
    assert found["training_rows_in_all"] == 5000
    assert (digits_run / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_each_value_is_the_measure_s_own(digits_run, found):
    """Put together again here from the parts: samples of the checkpoint, the test digits, the classifier."""
    x_g = ng.Training.load(digits_run / "checkpoint.npz", ng.data.load("digits")).sample(N)
    data, test = (ng.data.load("digits", split=split, range=(0, 1)) for split in ("train", "test"))
    of = classifier.load()
    f, f_g = of.features(test.x[:N]), of.features(x_g)
    close = {"rel": 1e-4, "abs": 1e-9}
    pairs = metrics.precision_recall(f, f_g)._asdict() | metrics.density_coverage(f, f_g)._asdict()
    pairs |= {"kid": metrics.kid(f, f_g), "frechet": metrics.frechet(f, f_g)}
    pairs |= metrics.parzen(x_g, test.x[:1000], test.x[1000:])._asdict()
    names = {"mean": "parzen", "se": "parzen_se", "sigma": "parzen_sigma"}
    for name, value in pairs.items():
        assert found[names.get(name, name)] == pytest.approx(value, **close), name
    memorised = metrics.memorisation(data.x, test.x, x_g, (28, 28))
    assert found["memorisation_p"] == pytest.approx(memorised.p_value)
    assert found["class_histogram"] == pytest.approx((np.bincount(of.classify(x_g), minlength=10) / N).tolist())


def test_training_rows_stand_beside_as_the_floor(found):
    """They are real: nearer to the test rows than the samples of a G that has hardly begun, in every measure."""
    real = found["training_rows"]
    assert real["frechet"] == found["frechet_floor"] < found["frechet"] and real["kid"] < found["kid"]
    assert real["recall"] > 0.7 > found["recall"] and real["coverage"] > 0.8 > found["coverage"]
    scores = {name: score["mean"] for name, score in found["calibration"].items()}
    assert scores["local averages"] > scores["real training rows"] > scores["Gaussian fit, clipped"] > found["parzen"]
    assert scores["real training rows"] > scores["the mean image"]


def test_the_table(digits_run, found, capsys):
    evaluated(digits_run, "--seed", 0)
    out = capsys.readouterr().out
    assert out.startswith(f"step 2: {N} samples, seed 0, compared with digits, test split ({N} rows of each)\n")
    row = re.search(r"^recall.*?  ([\d.]+) +([\d.]+)$", out, re.MULTILINE).groups()
    assert row == (f"{found['recall']:.3f}", f"{found['training_rows']['recall']:.3f}")
    row = re.search(r"^kernel distance.* × 1000 +([\d.]+) +(-?[\d.]+)$", out, re.MULTILINE).groups()
    assert row == (f"{1000 * found['kid']:.2f}", f"{1000 * found['training_rows']['kid']:.2f}")
    assert f"Parzen: ± {found['parzen_se']:.1f} over the test rows" in out and "local averages" in out
    assert f"memorisation: p = {found['memorisation_p']:.3f}" in out and "left out" not in out
    shares = re.search(r"^samples, %(.*)$", out, re.MULTILINE).group(1).split()
    assert [float(share) for share in shares] == pytest.approx([100 * s for s in found["class_histogram"]], abs=0.051)
    assert out.endswith("evaluation.json  evaluation.png\n")


def test_the_same_again_is_the_same_and_another_seed_is_not(digits_run, found):
    assert evaluated(digits_run) == found
    assert evaluated(digits_run, "--seed", 1)["parzen"] != found["parzen"]


# Who is good, by these measures


DIGITS, TEST = ng.data.load("digits"), ng.data.load("digits", split="test", range=(0, 1))


def of_samples(x_g):
    return measured(Sets(DIGITS, x_g, Unseen("test", TEST.x)))


def test_copies_of_training_rows_are_as_good_as_real_and_are_found_out():
    x = DIGITS.restore(DIGITS.x)[np.random.default_rng(1).permutation(5000)[:1000]]
    copied = of_samples(x)
    assert copied["frechet"] < 2.5 * copied["frechet_floor"] and copied["recall"] > 0.7
    assert copied["memorisation_p"] < 0.01
    said = "\n".join(lines(shown(copied), Sets(DIGITS, x, Unseen("test", TEST.x))))
    assert "it repeats training rows, unless the others are of another source" in said


def shown(found):
    about = {"step": 1, "samples": 1, "seed": 0, "compared_with": "test", "rows_of_each_set": 1}
    return dict.fromkeys(MEASURES) | about | found


def test_one_class_alone_has_precision_and_no_recall():
    ones = DIGITS.restore(DIGITS.x[DIGITS.labels == 1])
    found = of_samples(ones)
    assert found["precision"] > 0.6 and found["recall"] < 0.35
    assert found["class_histogram"][1] > 0.97 and found["frechet"] > 10 * found["frechet_floor"]


# Data of one's own


def test_toy_data_are_drawn_anew_and_their_modes_counted(tmp_path, capsys):
    run = trained(tmp_path / "ring", "--data", "ring")
    capsys.readouterr()
    found, out = evaluated(run), capsys.readouterr().out
    assert found["compared_with"] == "ring, drawn anew"
    none = {"parzen", "parzen_se", "parzen_sigma", "kid", "frechet", "frechet_floor", "class_histogram"}
    assert {key for key in KEYS if found[key] is None} == none
    data = ng.data.load("ring")
    x_g = ng.Training.load(run / "checkpoint.npz", data).sample(N)
    measured = metrics.mode_coverage(x_g, data.centres, data.std)._asdict()
    assert {name: found[name] for name in measured} == pytest.approx(measured)
    assert found["training_rows"]["modes"] == 8 and found["training_rows"]["quality"] > 0.95
    assert 0 < found["memorisation_p"] <= 1 and "modes found" in out
    assert "left out: KID, Fréchet distance, classes" in out and "left out: Parzen (its windows are for images)" in out


@pytest.fixture
def vectors(tmp_path):
    x = np.random.default_rng(0).standard_normal((500, 3)).astype("float32")
    np.savez(tmp_path / "own.npz", x=x)
    np.savez(tmp_path / "others.npz", x=np.random.default_rng(1).standard_normal((300, 3)).astype("float32"))
    return tmp_path


def test_without_rows_that_the_run_never_saw_it_says_how_to_have_some(vectors, capsys):
    run = trained(vectors / "r", "--data", vectors / "own.npz")
    capsys.readouterr()
    found, out = evaluated(run), capsys.readouterr().out
    assert found["memorisation_p"] is None and found["compared_with"] == "training rows"
    assert isinstance(found["recall"], float) and found["training_rows"]["precision"] == 1.0
    assert "begin a run with --hold-out N, or name other rows of the same source with --against" in out
    found = evaluated(run, "--against", vectors / "others.npz")
    assert 0 < found["memorisation_p"] <= 1 and found["compared_with"].endswith("others.npz")
    assert found["rows_of_each_set"] == 300


def test_rows_that_were_held_out_are_those_it_is_compared_with(vectors):
    run = trained(vectors / "r", "--data", vectors / "own.npz", "--hold-out", 200)
    assert json.loads((run / "run.json").read_text())["hold_out"] == 200
    found = evaluated(run)
    assert found["compared_with"].endswith("own.npz, the last 200 rows") and found["training_rows_in_all"] == 300
    assert 0 < found["memorisation_p"] <= 1 and found["rows_of_each_set"] == 200
    assert command("train", "--resume", run, "--steps", 3) == 0
    (vectors / "own.npz").rename(vectors / "moved.npz")
    assert evaluated(run, "--data", vectors / "moved.npz")["step"] == 3


def test_images_of_one_s_own_have_a_parzen_score_and_a_test_split(tmp_path):
    x = np.random.default_rng(0).random((260, 6, 5)) ** 3
    np.savez(tmp_path / "own.npz", x_train=x[:150], x_test=x[150:])
    run = trained(tmp_path / "r", "--data", tmp_path / "own.npz")
    found = evaluated(run)
    assert found["compared_with"].endswith("own.npz, test split") and found["rows_of_each_set"] == 110
    assert isinstance(found["parzen"], float) and found["frechet"] is None
    assert (run / "evaluation.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_is_compared_with_another_folder(tmp_path):
    for name, seed, n in (("a", 0, 40), ("b", 1, 30)):
        (tmp_path / name).mkdir()
        for i, image in enumerate(np.random.default_rng(seed).integers(0, 255, (n, 8, 8, 3), dtype=np.uint8)):
            Image.fromarray(image).save(tmp_path / name / f"{i}.png")
    run = trained(tmp_path / "r", "--data", tmp_path / "a", "--size", 8)
    found = evaluated(run, "--against", tmp_path / "b")
    assert found["rows_of_each_set"] == 30 and isinstance(found["parzen"], float)


def test_a_run_with_labels(tmp_path):
    x = np.random.default_rng(0).random((120, 4, 4)) ** 2
    np.savez(tmp_path / "own.npz", x=x, y=np.arange(120) % 3)
    run = trained(tmp_path / "r", "--data", tmp_path / "own.npz", "--model", "cgan", "--hold-out", 30)
    assert 0 < evaluated(run)["memorisation_p"] <= 1


# Which rows a run never saw


def test_the_rows_that_choose_sigma_are_not_those_that_are_scored():
    test, held_out = np.arange(3000.0).reshape(-1, 1), -np.arange(1.0, 1501).reshape(-1, 1)
    choose, score = Unseen("here", test).to_choose_and_to_score
    assert (choose == test[:1000]).all() and (score == test[1000:]).all()
    choose, score = Unseen("here", test[:10]).to_choose_and_to_score
    assert (len(choose), len(score)) == (5, 5)
    with_others = Unseen("here", test, held_out)
    choose, score = with_others.to_choose_and_to_score
    assert (choose == held_out[:1000]).all() and (score == test).all()
    assert with_others.like_training is held_out and Unseen("here", test).like_training is test


def test_digits_that_are_held_out_of_the_digits_choose_sigma():
    found = unseen("digits", ng.data.load("digits", hold_out=50))
    assert len(found.test) == 2000 and len(found.held_out) == 50 and found.where == "digits, test split"
    assert unseen("digits", DIGITS).held_out is None
    np.testing.assert_allclose(unseen("digits", DIGITS).test, TEST.x, atol=1e-6)
    against = unseen("digits", DIGITS, "digits")
    assert against.held_out is None and len(against.test) == 2000


def test_data_from_nowhere_has_none(tmp_path):
    x = np.zeros((5, 2))
    assert unseen(str(tmp_path / "gone.npz"), Data(x)) is None
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and no more")
    assert unseen(str(tmp_path / "bad.npz"), Data(x)) is None


def test_samples_may_be_drawn_on_a_device(device, vectors):
    """The stand-in draws NumPy's numbers, so that all is as it is on the host."""
    run = trained(vectors / "r", "--data", vectors / "own.npz", "--hold-out", 200)
    assert evaluated(run, "--backend", "cupy") == evaluated(run)


# What cannot be


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["no/such"], "no/such holds no run"),
        (["RUN", "-n", "5"], "-n is 5, expected 100 to 100000 samples"),
        (["RUN", "-n", "100001"], "-n is 100001, expected 100 to 100000"),
        (["RUN", "-n", "0"], "-n must be a whole number of 1 or more"),
        (["RUN", "--seed", "-1"], "--seed must be"),
        (["RUN", "--against", "ring"], r"--against ring: its rows are (2,), the run's (28, 28)"),
        (["RUN", "--against", "no.npz"], "no.npz: no such file"),
        (["RUN", "--data", "ring"], "was trained on other data ('digits')"),
        (["RUN", "--backend", "cuppy"], "unknown backend 'cuppy'"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, says, digits_run, capsys):
    before = sorted(path.name for path in digits_run.iterdir())
    assert command("evaluate", *(digits_run if word == "RUN" else word for word in words)) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and err.count("\n") == 1
    assert sorted(path.name for path in digits_run.iterdir()) == before


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_work(digits_run, capsys, monkeypatch):
    def full(dir):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numgan.run.output.tempfile.TemporaryFile", full)
    monkeypatch.setattr("numgan.app.evaluate._measured", None)
    assert command("evaluate", digits_run, "-n", N) == 2
    assert "nothing can be written there (No space left on device)" in capsys.readouterr().err


def test_no_file_is_written_where_the_picture_fails(digits_run, found, monkeypatch):
    def interrupted(found, sets):
        raise KeyboardInterrupt

    monkeypatch.setattr("numgan.app.scoresheet.picture", interrupted)
    before = (digits_run / "evaluation.json").read_bytes()
    assert command("evaluate", digits_run, "-n", N, "--seed", 4) == 130
    assert (digits_run / "evaluation.json").read_bytes() == before


def test_training_rows_are_no_rows_that_the_run_never_saw(vectors, capsys):
    run = trained(vectors / "r", "--data", vectors / "own.npz")
    assert command("evaluate", run, "-n", N, "--against", vectors / "own.npz") == 2
    assert f"500 of the 500 rows of --against {vectors / 'own.npz'} are training rows" in capsys.readouterr().err
    run = trained(vectors / "h", "--data", vectors / "own.npz", "--hold-out", 200)  # where others are held out, too
    capsys.readouterr()
    assert command("evaluate", run, "-n", N, "--against", vectors / "own.npz") == 2
    assert "300 of the 500 rows of --against" in capsys.readouterr().err


@pytest.mark.parametrize(("more", "says"), [
    (["--hold-out", 5], "own.npz, the last 5 rows holds 5 rows to compare with, expected 6 or more"),
    (["--hold-out", 498, "--batch", 2], "the run was trained on 2 rows, expected 6 or more"),
])  # fmt: skip
def test_too_few_rows_are_said_by_their_name(more, says, vectors, capsys):
    run = trained(vectors / "r", "--data", vectors / "own.npz", *more)
    assert command("evaluate", run, "-n", N) == 2
    assert says in capsys.readouterr().err


def test_a_set_of_training_rows_is_not_shown_beside_itself(vectors, capsys):
    run = trained(vectors / "r", "--data", vectors / "own.npz")
    capsys.readouterr()
    evaluated(run)
    out = capsys.readouterr().out
    assert re.search(r"^recall.*  [\d.]+$", out, re.MULTILINE) and "training rows\n" not in out
    assert "all distances: between the rows as they are" in out


def test_the_table_says_what_stands_beside_what(digits_run, tmp_path, capsys):
    found, out = evaluated(digits_run), capsys.readouterr().out
    assert f"excess {found['memorisation_excess']:.2f} beside 2000 rows not trained on; up to 0.25 is allowed" in out
    assert "by features of a classifier that learned MNIST's training images" in out
    assert found["calibration"]["real training rows"]["rows"] == N and "stand beside" not in out
    np.savez(tmp_path / "own.npz", x=np.random.default_rng(0).random((290, 6, 5)) ** 3)
    run = trained(tmp_path / "r", "--data", tmp_path / "own.npz", "--hold-out", 90)
    found, out = evaluated(run), capsys.readouterr().out
    assert found["calibration"]["real training rows"]["rows"] == 200
    assert f"more windows score higher: {N} samples stand beside 200 training rows" in out


def test_sets_of_rows_are_alike_in_number_and_the_training_rows_at_random():
    rows = np.arange(50, dtype="float32").reshape(-1, 1)
    sets = Sets(Data(rows), rows[:30] + 100, Unseen("here", rows[:20] + 200))
    assert sets.rows == 20 and [len(part) for part in sets.features] == [20, 20, 20]
    assert len(np.unique(sets.train)) == 30 and set(sets.train.ravel()) <= set(range(50))
    assert not (np.diff(sets.train.ravel()) > 0).all()  # their order may be that of classes
    with pytest.raises(InputError, match="k is 3, but there are only 2 rows"):
        measured(Sets(Data(rows), rows[:2] + 100, Unseen("here", rows + 200)))
