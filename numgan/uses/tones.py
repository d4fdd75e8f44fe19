"""Sounds as rows of numbers: tones of a scale, what can be read off their spectra, and a file to listen to."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np

from numgan.errors import InputError

RATE = 1024  # numbers a second: up to 512 Hz can be told apart
TIMES = 1024  # numbers of a sound: one second
NOTES = (220, 247, 277, 330, 370)  # Hz, to the next whole number: A3, B3, C♯4, E4, F♯4, a pentatonic scale
LOUDNESS = 0.8  # of 1, at the loudest
NEAR = 5  # Hz: an envelope spreads a tone's power over so many to each side

PLAYED = 8000  # numbers a second in a file: every player takes that


def tones(n: int, seed: int) -> np.ndarray:
    """n sounds (n, TIMES): a note of the scale each, at any phase, that sets in within 0.05 s and dies away."""
    rng = np.random.default_rng(seed)
    t, f = np.arange(TIMES) / RATE, rng.choice(NOTES, size=(n, 1))
    envelope = np.minimum(t / 0.05, 1) * (1 - t)
    return LOUDNESS * envelope * np.sin(2 * np.pi * (f * t + rng.random((n, 1))))


def chords(n: int, like: np.ndarray, seed: int) -> np.ndarray:
    """n sounds from the normal distribution with the mean and the covariance of rows `like`.

    They have the same average spectrum, but each is a mixture of all notes: what no second moment can tell.
    """
    drawn = np.random.default_rng(seed).standard_normal((n, len(like)))
    return like.mean(axis=0) + drawn @ (like - like.mean(axis=0)) / np.sqrt(len(like))


def power(x: np.ndarray, rate: int = RATE) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz (k,), and the power of each in sounds x (n, t) → (n, k)."""
    return np.fft.rfftfreq(x.shape[1], 1 / rate), np.abs(np.fft.rfft(x, axis=1)) ** 2


def loudest(x: np.ndarray, rate: int = RATE) -> np.ndarray:
    """The frequency in Hz at which each sound has the most power (n,)."""
    f, p = power(x, rate)
    return f[p.argmax(axis=1)]


def purity(x: np.ndarray, rate: int = RATE) -> np.ndarray:
    """The share of its power that each sound has within NEAR Hz of its loudest frequency (n,): of a tone nearly 1, of
    silence 0."""
    f, p = power(x, rate)
    near = abs(f - loudest(x, rate)[:, None]) <= NEAR
    return (p * near).sum(axis=1) / np.maximum(p.sum(axis=1), np.finfo(float).tiny)


def total_variation(f: np.ndarray, f_g: np.ndarray) -> float:
    """Half the sum of |p − q| over histograms of two sets of frequencies, a cell for each Hz: 0 … 1."""
    cells = round(max(f.max(), f_g.max())) + 1
    p, q = (np.bincount(some.round().astype(int), minlength=cells) / len(some) for some in (f, f_g))
    return float(abs(p - q).sum() / 2)


def resampled(x: np.ndarray, times: int) -> np.ndarray:
    """The same sounds (n, t) with more numbers (n, times): no frequency is added, so their spectra get zeros above."""
    waves = np.fft.rfft(x, axis=1)
    if times > x.shape[1] and x.shape[1] % 2 == 0:
        waves[:, -1] /= 2  # the highest of an even number stands for two, one of each sign
    return np.fft.irfft(waves, times, axis=1) * (times / x.shape[1])


def wav(file: str | Path | BinaryIO, x: np.ndarray, pause: float = 0.1) -> None:
    """Sounds x (n, t) in [−1, 1], one after another with pauses of so many seconds, as a wav file of 16 bits."""
    if x.ndim != 2 or not x.size or not np.isfinite(x).all():
        raise InputError(f"wav takes sounds, rows of finite numbers (n, t), got {x.dtype}{x.shape}")
    played = resampled(x, round(x.shape[1] * PLAYED / RATE))
    whole = np.pad(played, [(0, 0), (0, round(pause * PLAYED))]).clip(-1, 1)
    with wave.open(str(file) if isinstance(file, Path) else file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(PLAYED)
        out.writeframes((32767 * whole).round().astype("<i2").tobytes())
