"""Sound: the data's spectra, what the measures say of sounds that are known, the file, and one update of the game."""

import io
import wave

import numpy as np
import pytest
from numeric import rel_error

import numgan as ng
from numgan.uses import sound, tones
from numgan.uses.sound import Sound
from numgan.uses.tones import NOTES, RATE, TIMES

SHORT = tones.tones(64, seed=0)[:, :64]  # so that a game is small
T = np.arange(TIMES) / RATE


def sine(f, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * f * T)


# --- the data, and what is measured


def test_tones_are_notes_of_the_scale_and_nothing_else():
    x = tones.tones(2000, seed=0)
    assert x.shape == (2000, TIMES) and 0.7 < abs(x).max() <= 0.8
    f = tones.loudest(x)
    assert set(f) == set(NOTES)
    assert all(0.15 < (f == note).mean() < 0.25 for note in NOTES)
    assert tones.purity(x).min() > 0.98
    assert abs(x[:, 0]).max() == 0 and abs(x[:, -1]).max() < 0.001  # no click at either end
    assert (tones.tones(9, seed=1) == tones.tones(9, seed=1)).all() and (tones.tones(9, seed=1) != x[:9]).any()


def test_phases_are_all_alike():
    """The projections on a note's sine and cosine lie on a circle, on average around 0."""
    x = tones.tones(4000, seed=2)
    phases = np.fft.rfft(x, axis=1)[np.arange(4000), tones.loudest(x).astype(int)]
    assert abs((phases / abs(phases)).mean()) < 4 / 4000**0.5


def test_the_loudest_frequency_and_the_purity_of_sounds_that_are_known():
    x = np.stack([sine(220), sine(300, 0.1) + sine(100, 0.2), sine(330) + sine(332, 0.4)])
    assert tones.loudest(x).tolist() == [220, 100, 330]
    np.testing.assert_allclose(tones.purity(x), [1, 0.8, 1])  # powers 1 and 4; 332 Hz is near to 330
    assert tones.loudest(x[:, ::2], rate=RATE / 2).tolist() == [220, 100, 330 - 2 * (330 - 256)]  # folded at 256 Hz


def test_noise_is_not_pure():
    x = np.random.default_rng(0).standard_normal((50, TIMES))
    assert tones.purity(x).max() < 0.1


def test_total_variation_of_frequencies_that_are_known():
    a, b = np.array([220.0, 220, 330, 330]), np.array([220.0, 330, 330, 330])
    assert tones.total_variation(a, a[::-1]) == 0
    assert tones.total_variation(a, b) == tones.total_variation(b, a) == 0.25
    assert tones.total_variation(a, np.array([221.0, 331])) == 1  # one Hz beside is beside


def test_chords_have_the_spectrum_of_the_data_and_none_of_its_purity():
    x = tones.tones(3000, seed=0)
    y = tones.chords(2000, x, seed=1)
    mean = [tones.power(rows)[1].mean(axis=0) for rows in (x, y)]
    at = list(NOTES)
    np.testing.assert_allclose(mean[1][at], mean[0][at], rtol=0.15)
    assert abs(y.std() / x.std() - 1) < 0.05
    assert tones.total_variation(tones.loudest(x), tones.loudest(y)) < 0.1  # the histogram alone is not enough
    # of five powers, exponentially distributed, the largest is (1 + 1/2 + … + 1/5) / 5 of the sum on average
    assert abs(tones.purity(y).mean() - 137 / 300) < 0.05


def test_scores_of_the_data_of_chords_and_of_one_note():
    data, chord = sound.scores(tones.tones(1000, seed=5)), sound.scores(tones.chords(500, sound.data()[:1000], 3))
    assert data["frequencies off"] < 0.1 and data["on a note"] == 1 and data["notes"] == 5 and data["purity"] > 0.98
    assert chord["purity"] < 0.55
    one = sound.scores(np.tile(sine(220), (10, 1)))
    assert 0.75 < one["frequencies off"] < 0.85 and one["notes"] == 1


# --- the file


def read(file):
    with wave.open(file, "rb") as found:
        assert (found.getnchannels(), found.getsampwidth(), found.getframerate()) == (1, 2, 8000)
        return np.frombuffer(found.readframes(found.getnframes()), "<i2") / 32767


@pytest.mark.parametrize("named", [str, lambda path: path])
def test_a_file_holds_the_sounds_with_pauses(named, tmp_path):
    path = tmp_path / "a.wav"
    x = np.stack([sine(220), sine(330, 0.9)])
    tones.wav(named(path), x, pause=0.25)
    found = read(str(path)).reshape(2, 10_000)
    assert (found[:, 8000:] == 0).all()
    t = np.arange(8000) / 8000
    wanted = [0.5 * np.sin(2 * np.pi * 220 * t), 0.9 * np.sin(2 * np.pi * 330 * t)]
    np.testing.assert_allclose(found[:, :8000], wanted, atol=1e-4)


def test_resampling_passes_through_every_number_and_adds_no_frequency():
    x = np.random.default_rng(0).standard_normal((3, 16))
    p = abs(np.fft.rfft(x, axis=1))
    p[:, -1] = 0  # the one at half the rate belongs to both sides
    x = np.fft.irfft(np.fft.rfft(x, axis=1) * (p > 0), 16, axis=1)
    y = tones.resampled(x, 64)
    np.testing.assert_allclose(y[:, ::4], x, atol=1e-12)
    assert abs(np.fft.rfft(y, axis=1)[:, 8:]).max() < 1e-12


def test_what_is_too_loud_is_clipped_and_not_wrapped_around():
    file = io.BytesIO()
    tones.wav(file, np.stack([sine(220, 3.0)]))
    file.seek(0)
    found = read(file)
    assert found.max() == 1 and found.min() == -1 and abs(np.diff(found)).max() < 1


@pytest.mark.parametrize("x", [np.zeros(8), np.zeros((0, 8)), np.full((2, 8), np.nan)])
def test_what_is_no_sound_is_refused(x):
    with pytest.raises(ng.InputError, match="wav takes sounds"):
        tones.wav(io.BytesIO(), x)


# --- the game


def doubled(game):
    """The same in float64, so that differences can be taken."""
    for name, net in list(game.nets.items()):
        game.nets[name] = net.copy(dtype="float64")
    return game


def game(**how):
    made = Sound(SHORT, threads=1, maps=4, **how)
    made.follow = lambda name: None  # gradients stay where they are, to be looked at
    return doubled(made)


def losses(G, D, x, z):
    """L_D and L_G of the nonsaturating game, written out."""
    softplus = lambda a: np.logaddexp(a, 0)  # noqa: E731
    a_x, a_g = D(x), D(G(z))
    return softplus(-a_x).mean() + softplus(a_g).mean(), softplus(-a_g).mean()


def slopes(f, theta, places):
    """∂f/∂θ at some places."""
    found = []
    for i in places:
        values = []
        for step in (1e-6, -1e-6):
            theta[i] += step
            values.append(f())
            theta[i] -= step
        found.append((values[0] - values[1]) / 2e-6)
    return np.array(found)


@pytest.mark.parametrize("gamma", [0.0, 10.0])
def test_an_update_descends_the_losses_of_the_game(gamma):
    one = game(gamma=gamma)
    G, D = one.nets["G"], one.nets["D"]
    rng = np.random.default_rng(0)
    for net in (G, D):
        net.theta += 0.05 * rng.standard_normal(net.size)  # biases off 0
    values = one.update()
    x, z_d, z_g = (a.astype("float64") for a in (one.x(0), one.z(0), one.z(1)))

    def of_d():
        """L_D and R1, its inner gradient by D's own backward pass."""
        a, tape = D.forward(x)
        g = D.copy().backward(np.ones_like(a), tape, params=False)
        return losses(G, D, x, z_d)[0] + sound.EVERY * gamma / 2 * (g**2).sum() / len(x)

    for net, f in ((D, of_d), (G, lambda: losses(G, D, x, z_g)[1])):
        places = rng.choice(net.size, 40, replace=False)
        assert rel_error(net.grad[places], slopes(f, net.theta, places)) < 1e-6
    assert np.isclose(values["D"], losses(G, D, x, z_d)[0]) and np.isclose(values["G"], losses(G, D, x, z_g)[1])
    assert ("R1" in values) == (gamma > 0)


def test_r1_comes_every_fourth_step_and_not_at_all_without_it():
    def steps_with(gamma):
        made = Sound(SHORT, gamma=gamma, threads=1, maps=4)
        return ["R1" in values for values in made.steps(6)]

    assert steps_with(10.0) == [True, False, False, False, True, False]
    assert not any(steps_with(0.0))


def test_a_game_repeats_and_both_players_move():
    runs = [Sound(SHORT, seed=seed, threads=1, maps=4) for seed in (0, 0, 1)]
    before = [net.theta.copy() for net in runs[0].nets.values()]
    for run in runs:
        list(run.steps(3))
    a, b, c = (run.sounds(5, seed=0) for run in runs)
    assert a.shape == (5, 64) and (a == b).all() and (a != c).any()
    assert all((net.theta != old).any() for net, old in zip(runs[0].nets.values(), before, strict=True))


def test_g_makes_a_second_that_d_takes():
    G, D = sound.generator(TIMES, 0, maps=4), sound.discriminator(TIMES, 1, maps=4)
    x = G(np.zeros((2, sound.N_Z), dtype="float32"))
    assert x.shape == (2, TIMES) and D(x).shape == (2, 1)


class Known:
    """A game that has been won."""

    def sounds(self, n, seed):
        return tones.tones(n, seed + 7)


def test_what_the_use_makes_of_games():
    use = sound.SOUND
    assert use.measure(Known())["purity"] > 0.98
    figure = use.picture({"a game": Known()})
    assert [ax.get_ylabel() for ax in figure.axes[::4]] == ["data", "a game", "normal distribution"]
    (made,) = use.files.values()
    assert len(read(io.BytesIO(made({"a game": Known()})))) == 15 * 8800
    assert {name: measure()["purity"] > 0.9 for name, measure in use.references.items()} == {
        "normal distribution": False,
        "other data": True,
    }
