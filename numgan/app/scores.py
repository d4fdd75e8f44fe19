"""What `numgan evaluate` measures: samples against rows that the run never saw, and training rows in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from numgan import classifier, metrics
from numgan.app.unseen import Unseen
from numgan.data import Data
from numgan.data.catalogue import COUPLED
from numgan.data.coupled import expected_and_found
from numgan.errors import InputError

FEWEST = 6  # rows of a set: so each has the 5 neighbours that density and coverage look at
DIGITS = ("digits", "mnist")  # the data whose images the classifier knows
MEASURES = (  # the keys of evaluation.json, null where a measure does not apply
    *("parzen", "parzen_se", "parzen_sigma", "precision", "recall", "density", "coverage", "kid", "frechet"),
    *("frechet_floor", "memorisation_p", "class_histogram"),
)
Scores = dict[str, Any]


@dataclass(frozen=True)
class Sets:
    """The rows that are compared: images in [0, 1], else in units of their own.

    Where it is a set against a set, each has as many rows as the smallest, since most measures depend on that.
    """

    data: Data  # what the run was trained on
    x_g: np.ndarray  # (n, n_x) its samples
    unseen: Unseen | None

    @cached_property
    def rows(self) -> int:
        return min(len(self.x_g), len(self.data), len(self.test))

    def check(self) -> None:
        """Raises InputError where a row has fewer other rows than neighbours are asked for."""
        if len(self.data) < FEWEST:
            raise InputError(f"the run was trained on {len(self.data)} rows, expected {FEWEST} or more: give it more")
        if self.unseen is not None and len(self.test) < FEWEST:
            told = f"{self.unseen.where} holds {len(self.test)} rows to compare with, expected {FEWEST} or more"
            raise InputError(f"{told}: name more with --against, or begin a run with a larger --hold-out")

    @cached_property
    def train(self) -> np.ndarray:
        """Training rows, as many as samples or all, in random order, since they may lie in that of their classes."""
        chosen = np.random.default_rng(0).permutation(len(self.data))[: len(self.x_g)]
        return self.data.restore(self.data.x[chosen])

    @property
    def test(self) -> np.ndarray:
        """Unseen rows, or, where there are none, the training rows."""
        return self.train if self.unseen is None else self.unseen.test

    @cached_property
    def classifier(self) -> classifier.Classifier | None:
        return classifier.load() if self.data.name in DIGITS else None

    @cached_property
    def features(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(rows, d) of test rows, of samples, of training rows: the classifier's features, or the rows themselves."""
        return self._seen(self.test), self._seen(self.x_g), self._seen(self.train)

    def _seen(self, rows: np.ndarray) -> np.ndarray:
        rows = rows[: self.rows]
        return rows if self.classifier is None else self.classifier.features(rows)


def measures(sets: Sets) -> list[tuple[str, Callable[[], Scores]]]:
    """What can be measured of these sets: (its name, a function that does it)."""
    chosen: list[tuple[str, Callable[[Sets], Scores]]] = [("precision and recall", _neighbours)]
    if sets.data.range is not None and sets.unseen is not None:
        chosen.append(("Parzen log-likelihood", _parzen))
    if sets.classifier is not None:
        chosen += [("Fréchet distance", _frechet), ("classes", _classes)]
    if sets.data.centres is not None and sets.data.std is not None:
        chosen.append(("modes", _modes))
    if sets.data.name in COUPLED:
        chosen.append(("pixel agreement", _agreement))
    if sets.unseen is not None:
        chosen.append(("memorisation", _memorisation))
    return [(name, partial(measure, sets)) for name, measure in chosen]


def _neighbours(sets: Sets) -> Scores:
    f, f_g, f_train = sets.features
    of_samples, of_train = (
        metrics.precision_recall(f, rows)._asdict() | metrics.density_coverage(f, rows)._asdict()
        for rows in (f_g, f_train)
    )
    return of_samples | {"training_rows": of_train}


def _parzen(sets: Sets) -> Scores:
    assert sets.unseen is not None
    choose, score = sets.unseen.to_choose_and_to_score
    mean, se, sigma = metrics.parzen(sets.x_g, choose, score)
    return {"parzen": mean, "parzen_se": se, "parzen_sigma": sigma, "calibration": _calibration(sets, choose, score)}


def _calibration(sets: Sets, choose: np.ndarray, score: np.ndarray) -> Scores:
    """Parzen of sets that are no model."""
    made = metrics.calibration(sets.train)
    return {name: metrics.parzen(rows, choose, score)._asdict() | {"rows": len(rows)} for name, rows in made}


def _frechet(sets: Sets) -> Scores:
    f, f_g, f_train = sets.features
    of_samples, of_train = (
        {"kid": metrics.kid(f, rows), "frechet": metrics.frechet(f, rows)} for rows in (f_g, f_train)
    )
    return of_samples | {"frechet_floor": of_train["frechet"], "training_rows": of_train}


def _classes(sets: Sets) -> Scores:
    """How the classifier reads samples and test rows: the fraction of each digit."""
    assert sets.classifier is not None
    found, real = (np.bincount(sets.classifier.classify(x), minlength=10) / len(x) for x in (sets.x_g, sets.test))
    return {"class_histogram": found.tolist(), "test_rows": {"class_histogram": real.tolist()}}


def _modes(sets: Sets) -> Scores:
    centres, std = sets.data.centres, sets.data.std
    assert centres is not None and std is not None
    found, real = (metrics.mode_coverage(x, centres, std) for x in (sets.x_g, sets.train))
    return found._asdict() | {"training_rows": real._asdict()}


def _agreement(sets: Sets) -> Scores:
    """How well the two images of a sample belong together; beside it those of a training row, which nobody paired."""
    assert sets.data.image_shape is not None
    found, unpaired = (
        metrics.agreement(*expected_and_found(x, sets.data.image_shape, COUPLED[sets.data.name]))
        for x in (sets.x_g, sets.train)
    )
    of_samples, of_train = ({"agreement": of.grey, "agreement_binary": of.binary} for of in (found, unpaired))
    return of_samples | {"training_rows": of_train}


def _memorisation(sets: Sets) -> Scores:
    assert sets.unseen is not None
    x, shape = sets.data.restore(sets.data.x), sets.data.image_shape
    found = metrics.memorisation(x, sets.unseen.like_training, sets.x_g, shape)
    return {f"memorisation_{name.removesuffix('_value')}": value for name, value in found._asdict().items()}
