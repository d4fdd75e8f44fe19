"""The whole of numgan on a device that is not there: bit for bit as on NumPy, and nothing crosses the bus in a step."""

import ast
import builtins
import itertools
import json
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import standin
from standin.manifest import bind, has, signature

import numgan as ng
from numgan.app import cli
from numgan.backend import array_module, asnumpy, backend, random_generator
from numgan.check import drawn
from numgan.check import gpu as gpucheck
from numgan.lab.health import health, observe
from numgan.run import streams
from numgan.run.record import record
from numgan.run.state import Checkpoint
from numgan.run.streams import BLOCK, Minibatches, Noise

cupy = standin.cupy
ROOT = Path(ng.__file__).parent
RING = ng.data.ring(n=600)
OPTIMIZERS = {"Adam": lambda: ng.Adam(1e-3), "SGD": lambda: ng.SGD(ng.Decay(0.05, 1.01), ng.Ramp(0.5, 0.9, 0, 20))}


def everything(xp, dtype="float32"):
    """Every layer there is; D's rows depend on each other."""
    how = {"dtype": dtype, "xp": xp}
    G = ng.Network([ng.Linear(2, 12), ng.BatchNorm(12), ng.ReLU(), ng.Linear(12, 8), ng.Tanh(), ng.Linear(8, 2)], **how)
    D = ng.Network([ng.Dropout(0.2), ng.Maxout(2, 8, 3), ng.BatchNorm(8), ng.LeakyReLU(), ng.Linear(8, 1)], 1, **how)
    return G, D


def rowwise(xp, dtype="float32"):
    """The layers a gradient penalty can go through; D sees data and samples as one batch."""
    how = {"dtype": dtype, "xp": xp}
    G = ng.Network([ng.Linear(2, 12), ng.Sigmoid(), ng.Reshape((3, 4)), ng.Reshape((12,)), ng.Linear(12, 2)], **how)
    hidden = ng.Network([ng.Maxout(2, 8, 3), ng.Dropout(0.2), ng.Linear(8, 6), ng.Tanh()], dtype=dtype, xp=xp)
    return G, ng.Network([hidden, ng.LeakyReLU(), ng.Linear(6, 1)], seed=1, **how)


def images(xp, dtype="float32"):
    """Convolutions both ways and back to rows, which a penalty can go through."""
    how = {"dtype": dtype, "xp": xp}
    up = [ng.Linear(2, 12), ng.Reshape((2, 2, 3)), ng.BatchNorm(3), ng.ReLU(), ng.ConvTranspose2d(3, 2), ng.Upsample(2)]
    down = [ng.Linear(2, 32), ng.Reshape((4, 4, 2)), ng.Conv2d(2, 3), ng.Tanh(), ng.ConvTranspose2d(3, 2, 3, 1, 0)]
    G = ng.Network([*up, ng.AvgPool2d(4), ng.Reshape((8,)), ng.Linear(8, 2)], **how)
    return G, ng.Network(
        [*down, ng.AvgPool2d(2), ng.LeakyReLU(), ng.Upsample(), ng.Reshape((32,)), ng.Linear(32, 1)], 1, **how
    )


def crowded(xp, dtype="float32"):
    """The layers that show D several rows at once, and noise on all that it sees."""
    how = {"dtype": dtype, "xp": xp}
    G = ng.Network([ng.Linear(2, 8), ng.LeakyReLU(), ng.Linear(8, 2)], **how)
    D = [ng.InstanceNoise(0.2), ng.Pack(2), ng.Linear(4, 6), ng.LeakyReLU(), ng.MinibatchStd(6), ng.Linear(7, 1)]
    return G, ng.Network(D, 1, **how)


def grown(xp, dtype="float32"):
    """Fades at every stage in 12 steps, weights rescaled, pixels normalised, a border on and off, groups of rows."""
    how = {"dtype": dtype, "xp": xp}
    image = [ng.Linear(2, 16), ng.Reshape((4, 4, 1)), ng.Pad(1, -1.0), ng.Crop(1)]
    conv = [ng.Rescale(0.3), ng.Conv2d(1, 2, 3, 1, 1), ng.PixelNorm()]
    new = ng.Network([*conv, ng.AvgPool2d(2)], **how)
    old = ng.Network([ng.AvgPool2d(2), ng.Conv2d(1, 2, 1, 1, 0)], seed=1, **how)
    D = [*image, ng.Fade((old, new), ng.Ramp(0, 1, 3, 9)), ng.MinibatchStd(2, 4), ng.Reshape((12,)), ng.Linear(12, 1)]
    G = [ng.Linear(2, 4), ng.PixelNorm(), ng.Fade((ng.Linear(4, 2), ng.Linear(4, 2)), ng.Ramp(0, 1, 2, 8))]
    return ng.Network(G, **how), ng.Network(D, 1, **how)


def styled(xp, dtype="float32"):
    """Styles of two z at three levels, with noise and blur; D blurs too."""
    how = {"dtype": dtype, "xp": xp}
    up = [ng.ConvTranspose2d(3, 2), ng.Blur(), ng.NoiseInput(2, 4, 4), ng.LeakyReLU(), ng.AdaIN(2, 4), ng.AdaIN(2, 4)]
    synthesis = ng.Synthesis([ng.Constant(3, 2, 2), ng.NoiseInput(3, 2, 2), ng.AdaIN(3, 4), *up])
    mapping = ng.Network([ng.PixelNorm(), ng.Linear(2, 4), ng.Tanh()], **how)
    G = [ng.StyleMixing(mapping, 3), ng.Truncation(4, 0.7, 2), synthesis, ng.Reshape((32,)), ng.Linear(32, 2)]
    D = [ng.Linear(2, 32), ng.Reshape((4, 4, 2)), ng.Blur(), ng.Tanh(), ng.Reshape((32,)), ng.Linear(32, 1)]
    return ng.Network(G, **how), ng.Network(D, 1, **how)


def told(xp, dtype="float32"):
    """G and D with labels, of which a ring has eight."""
    how = {"dtype": dtype, "xp": xp}
    G = ng.Conditional([ng.Label(2, 8), ng.Linear(10, 6), ng.BatchNorm(6), ng.Tanh(), ng.Linear(6, 2)], **how)
    return G, ng.Conditional([ng.Linear(2, 6), ng.Tanh(), ng.Label(6, 8), ng.Linear(14, 1)], seed=1, **how)


def run_of(pair, optimizer="Adam", **settings):
    settings = {"batch": 32, "k": 2, "seed": 3, "ema": 0.9, "threads": 1} | settings
    run = ng.Training(*pair, RING, optimizers=(OPTIMIZERS[optimizer](), OPTIMIZERS[optimizer]()), **settings)
    return drawn_as_on_a_device(run)


def drawn_as_on_a_device(run):
    """The stand-in draws NumPy's numbers; a device draws those of layers in blocks, so that both must do."""
    run._layers.in_blocks = True
    return run


def assert_same(ours, theirs):
    """Two runs, bit for bit."""
    found = theirs.state.vectors
    for name, vector in ours.state.vectors.items():
        assert (asnumpy(vector) == asnumpy(found[name])).all(), name
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        assert ours.history == theirs.history
    np.testing.assert_allclose(ours.history, theirs.history, rtol=1e-6)  # NumPy 1 takes 0-d float32 up to float64


SETTINGS = [
    *({"loss": loss, "optimizer": o, "dtype": d} for loss, o, d in itertools.product(
        ng.losses.BY_NAME.values(), OPTIMIZERS, ("float32", "float64"))),
    *({"pair": pair, "penalty": penalty} for pair in (rowwise, images)
        for penalty in (None, ng.R1(), ng.R2(), ng.WGANGP())),
    {"pair": rowwise, "loss": ng.losses.wasserstein, "clip": 0.01, "noise": "uniform"},
    {"loss": ng.losses.Minimax(smooth=0.9), "ema": None},
    *({"pair": crowded, "dtype": dtype} for dtype in ("float32", "float64")),
    {"pair": grown, "loss": ng.losses.WassersteinDrift(drift=0.1), "penalty": ng.WGANGP()},
    {"pair": styled, "penalty": ng.R1(1.0, every=3)},
    *({"pair": told, "conditional": True, "penalty": penalty} for penalty in (None, ng.R1(), ng.WGANGP())),
]  # fmt: skip


def spelled(settings):
    return ", ".join(f"{name} {getattr(value, '__name__', value)}" for name, value in settings.items())


@pytest.mark.parametrize("settings", SETTINGS, ids=spelled)
def test_a_run_is_numpys_bit_for_bit_and_a_step_moves_nothing(settings, device):
    settings = dict(settings)
    pair, dtype = settings.pop("pair", everything), settings.pop("dtype", "float32")
    ours = run_of(pair(np, dtype), **settings)
    list(ours.steps(12, every=4))
    with device.only(dtype):
        theirs = run_of(pair(cupy, dtype), **settings)
        with device.counted() as counts:
            list(theirs.steps(12, every=4))
    assert_same(ours, theirs)
    assert (ours.sample(20) == theirs.sample(20)).all()
    assert (counts.h2d, counts.d2h) == (0, 3)  # three records, each in one transfer
    # and the sort of each of two epochs, for which CuPy may wait; of labels for G, one epoch
    assert counts.syncs == 3 + 2 + ("conditional" in settings)


@pytest.mark.parametrize("pair", [rowwise, crowded, told])
def test_the_health_line_says_the_same_of_a_run_on_a_device(pair, device):
    ours, theirs = (run_of(pair(xp), conditional=pair is told) for xp in (np, cupy))
    for run in (ours, theirs):
        list(run.steps(4, every=4))
    assert observe(theirs) == observe(ours)
    assert health(theirs) == health(ours)


def test_a_step_has_no_transfer_and_no_synchronisation(device):
    run = run_of(everything(cupy))
    run._update()  # draws the first epoch
    for _ in range(5):
        with device.counted() as counts:
            run._update()
        assert (counts.transfers, counts.syncs) == (0, 0)
        assert counts.kernels > 100


def launches():
    """Of a step of `images` and of a record, in the middle of a block of noise and of an epoch."""
    model, digits = ng.models.BY_NAME["images"], ng.data.load("digits")
    run = ng.Training(*model.networks(digits, 0, cupy), digits, optimizers=model.optimizers({}, {}), ema=model.ema)
    run._update()
    with standin.device.counted() as step:
        info_d, info_g = run._update()
    with standin.device.counted() as reading:
        record(run.step, run.G, run.D, info_g, info_d)
    return step.kernels, reading.kernels


def test_launches_of_a_step_and_of_a_record(device, monkeypatch):
    step, reading = launches()
    assert step <= 75
    assert reading <= 15
    monkeypatch.setattr(ng.LeakyReLU, "dx", ng.LeakyReLU.dx.__wrapped__)  # the count would notice
    assert launches()[0] > 75


def test_a_block_of_noise_and_an_epoch_are_drawn_on_the_device(device):
    noise, minibatch = Noise("normal", 8, 3, np.dtype("float32"), 0, cupy), Minibatches(cupy.asarray(RING.x), 8, 0)
    for draw, waits in ((lambda i: noise(BLOCK * i), 0), (lambda i: minibatch(i * minibatch.per_epoch), 1)):
        for i in range(4):
            with device.counted() as counts:
                draw(i)
            assert (counts.transfers, counts.syncs) == (0, waits)  # an epoch's sort waits for itself


def test_an_update_is_one_block_on_a_device(device):
    net = ng.Network([ng.Linear(300, 300)], xp=cupy)
    for opt, kernels in ((ng.Adam(), 12), (ng.SGD(0.1, 0.9), 5)):
        opt.begin(net.theta)
        with device.counted() as counts:
            opt.step(net.theta, net.grad)
        assert counts.kernels <= kernels


def test_threads_step_aside(device):
    wide = [ng.Network([ng.Linear(700, 1000), ng.ReLU(), ng.Linear(1000, n)], xp=cupy) for n in (700, 1)]
    run = ng.Training(*wide, np.zeros((300, 700), "float32"), batch=128, threads=4)
    assert run._team.threads == 1


# The books.


@pytest.mark.parametrize(
    ("act", "h2d", "d2h", "syncs"),
    [
        (lambda a: cupy.asarray(np.ones(3)), 1, 0, 0),
        (lambda a: cupy.array([1.0, 2.0]), 1, 0, 0),
        (lambda a: cupy.asarray(a), 0, 0, 0),
        (lambda a: cupy.array(a), 0, 0, 0),
        (lambda a: cupy.asnumpy(a), 0, 1, 1),
        (lambda a: a.get(), 0, 1, 1),
        (lambda a: float(a[0]), 0, 1, 1),
        (lambda a: int(a[0]), 0, 1, 1),
        (lambda a: a[0].item(), 0, 1, 1),
        (lambda a: a.tolist(), 0, 1, 1),
        (lambda a: bool(a[0] > 1), 0, 1, 1),
        (lambda a: str(a), 0, 1, 1),
        (lambda a: f"{a[0]:.3f}", 0, 1, 1),
        (lambda a: max(a[0], a[1]), 0, 1, 1),
        (lambda a: list(map(float, a)), 0, 4, 4),
        (lambda a: a[[0, 1]], 1, 0, 0),
        (lambda a: a[np.array([0, 1])], 1, 0, 0),
        (lambda a: a[a > 1], 0, 0, 1),
        (lambda a: a.__setitem__(a > 1, 0), 1, 0, 1),
        (lambda a: a.__setitem__([0, 1], 0), 2, 0, 0),
        (lambda a: a.__setitem__(..., 0), 0, 0, 0),
        (lambda a: cupy.nonzero(a), 0, 0, 1),
        (lambda a: cupy.argsort(a), 0, 0, 1),
        (lambda a: a[1:3] * 2 + a.sum(), 0, 0, 0),
        (lambda a: len(a) + a.size, 0, 0, 0),
    ],
)
def test_what_crosses_the_bus_is_counted(act, h2d, d2h, syncs, device):
    a = cupy.arange(4.0)
    with device.counted() as counts:
        act(a)
    assert (counts.h2d, counts.d2h, counts.syncs) == (h2d, d2h, syncs)


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (lambda a: np.asarray(a), "Implicit conversion to a NumPy array is not allowed"),
        (lambda a: np.exp(a), "np.exp"),
        (lambda a: np.concatenate([a, a]), "np.concatenate met"),
        (lambda a: np.float64(2) * a, "np.multiply"),
        (lambda a: np.ones(4) + a, "np.add"),
        (lambda a: a + np.ones(4), "Unsupported type <class 'numpy.ndarray'>"),
        (lambda a: a * [1, 2, 3, 4], "Unsupported type <class 'list'>"),
        (lambda a: cupy.maximum(a, np.zeros(4)), "Unsupported type"),
        (lambda a: cupy.stack([a, np.zeros(4)]), "Unsupported type"),
        (lambda a: a.__setitem__(..., np.zeros(4)), "non-scalar numpy.ndarray"),
        (lambda a: a.__setitem__(slice(2), [1.0, 2.0]), "Unsupported type"),
        (lambda a: a.__setitem__(cupy.zeros(2, dtype="int64"), cupy.ones(2)), "occurs twice"),
        (lambda a: a * cupy.ones(4, dtype="float32"), "float64 creeps in"),
        (lambda a: cupy.ones(4, dtype="float32") * np.float64(2), "float64 creeps in"),
        (lambda a: cupy.ones(4, dtype="float32") * cupy.arange(4), "float64 creeps in"),
        (lambda a: cupy.exp(a, where=a > 0), "unexpected keyword argument 'where'"),
        (lambda a: a.sum(initial=0), "unexpected keyword argument 'initial'"),
        (lambda a: cupy.random.default_rng(0).normal(), "no attribute 'normal'"),
        (lambda a: cupy.random.default_rng(0).permutation(4), "no attribute 'permutation'"),
        (lambda a: cupy.errstate(all="ignore"), "no attribute 'errstate'"),
        (lambda a: a.setflags(write=False), "no attribute 'setflags'"),
        (lambda a: cupy.add.at(a, ..., 1), "in no fixed order"),
        (lambda a: cupy.lib.stride_tricks.as_strided(a, (2, 4), (8, 8)), "beyond the memory of its array"),
        (lambda a: cupy.lib.stride_tricks.as_strided(a[1:], (4,), (8,)), "reaches 32 bytes far, beyond"),
        (lambda a: cupy.lib.stride_tricks.as_strided(a, (2,), (-8,)), "beyond the memory"),
        (lambda a: cupy.lib.stride_tricks.sliding_window_view(a, 2), "write one"),
        (lambda a: cupy.histogram(a), "write one"),
        (lambda a: a.tobytes(), "write one"),
    ],
)
def test_what_a_device_would_not_do_is_refused(act, says, device):
    with pytest.raises((TypeError, ValueError, AttributeError, NotImplementedError), match=says):
        act(cupy.arange(4.0))


def test_float64_must_be_asked_for_in_a_float32_run(device):
    with device.only("float32"):
        cupy.zeros(3, dtype="float64"), cupy.random.default_rng(0).random(3, dtype="float64")
        for make in (lambda: cupy.zeros(3), lambda: cupy.random.default_rng(0).random(3), lambda: cupy.asarray([0.5])):
            with pytest.raises(TypeError, match="float64 creeps into a float32 run"):
                make()


def test_reductions_and_entries_are_0d_device_arrays_and_entries_are_views(device):
    a = cupy.arange(4.0)
    for found in (a.sum(), a.mean(), a[0], cupy.maximum(a[0], 1), a @ a):
        assert isinstance(found, cupy.ndarray)
        assert found.shape == ()
    entry = a[0]
    entry += 7
    assert float(a[0]) == 7


def test_windows_of_an_array_are_a_view_of_it(device):
    a = cupy.arange(5.0)
    with device.counted() as counts:
        pairs = cupy.lib.stride_tricks.as_strided(a[1:], shape=(3, 2), strides=(8, 8))
    assert (counts.kernels, pairs.shape) == (0, (3, 2))
    pairs[0, 1] = 7
    assert a.tolist() == [0, 1, 7, 3, 4]
    assert pairs.tolist() == [[1, 7], [7, 3], [3, 4]]


def test_new_memory_is_poisoned(device):
    assert cupy.isnan(cupy.empty(3)).all()
    assert cupy.isnan(cupy.empty_like(cupy.zeros(3))).all()
    assert cupy.empty(3, dtype="int64").max() < -(10**9)


def test_float32_meets_python_numbers_and_stays(device):
    a = cupy.ones(3, dtype="float32")
    assert {(a * 2.0).dtype, (1 - a).dtype, (a.mean() / 2).dtype, (a**2).dtype} == {np.dtype("float32")}


# Names.


def names_used():
    """Every `xp.name…` and `array_module(…).name` in numgan, with the keywords of the call."""
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        keywords = {id(call.func): [keyword.arg for keyword in call.keywords] for call in calls}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (name := dotted(node)):
                yield name, keywords.get(id(node), [])


def dotted(node):
    """`xp.random.default_rng` as "random.default_rng"; "" for what does not begin at an array module."""
    if isinstance(node.value, ast.Attribute):
        return (before := dotted(node.value)) and f"{before}.{node.attr}"
    is_name = isinstance(node.value, ast.Name) and node.value.id in ("xp", "cupy")
    is_call = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "array_module"
    return node.attr if is_name or is_call else ""


def test_every_name_and_keyword_used_is_cupys():
    used = [(name, keywords) for name, keywords in names_used() if not name.startswith("__")]
    assert len(used) > 50
    for name, keywords in used:
        assert has(name), f"cupy.{name}"
        parameters = signature(name).parameters if keywords and standin.MANIFEST["names"][name] else {}
        for keyword in keywords if parameters and "kwargs" not in parameters else []:
            assert keyword in parameters, f"cupy.{name}({keyword}=)"


def test_the_manifest_is_of_cupy_14():
    assert standin.MANIFEST["version"].startswith("14.")
    assert bind("sum", 1, axis=0) == {"a": 1, "axis": 0}


def test_the_manifest_is_fresh():
    """Runs wherever CuPy is installed, GPU or not; `python tests/standin/record.py` records it anew."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        real = pytest.importorskip("cupy", reason="cupy is not installed: nothing to compare the manifest with")
    from standin.record import recorded

    if real.__version__ != standin.MANIFEST["version"]:
        pytest.skip(f"cupy {real.__version__} is installed, the manifest is of {standin.MANIFEST['version']}")
    assert json.loads(json.dumps(recorded())) == standin.MANIFEST


# Between backends.


@pytest.mark.parametrize(("first", "second"), [(np, cupy), (cupy, np), (cupy, cupy)])
def test_a_checkpoint_goes_on_on_another_device(first, second, tmp_path, device):
    straight, run = run_of(everything(np)), run_of(everything(first))
    list(straight.steps(8, every=4))
    list(run.steps(4, every=4))
    run.save(tmp_path / "c.npz")
    again = drawn_as_on_a_device(ng.Training.load(tmp_path / "c.npz", RING, xp=second))
    assert array_module(again.G.theta) is second
    list(again.steps(4, every=4))
    assert (straight.sample(5) == again.sample(5)).all()
    straight.save(tmp_path / "s.npz")
    again.save(tmp_path / "d.npz")
    assert_same(straight, again)  # the stand-in draws NumPy's numbers; a real GPU goes on with its own
    for xp in (np, second):
        assert (Checkpoint(tmp_path / "d.npz").sample(5, xp=xp) == again.sample(5)).all()


def test_the_command_line_trains_resumes_and_samples_on_a_device(tmp_path, device, capsys, monkeypatch):
    common = ["train", "--data", "ring", "--batch", "32"]
    assert cli.main([*common, "--backend", "cupy", "--steps", "25", "--out", str(tmp_path / "a")]) == 0
    assert json.loads((tmp_path / "a" / "run.json").read_text())["backend"] == "cupy"
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)  # once is enough
    with device.counted() as counts:
        assert cli.main(["train", "--resume", str(tmp_path / "a"), "--steps", "50"]) == 0
    assert counts.kernels > 1000  # it goes on where it was
    with device.counted() as counts:
        assert cli.main(["train", "--resume", str(tmp_path / "a"), "--steps", "60", "--backend", "numpy"]) == 0
    assert counts.kernels == 0
    assert cli.main(["sample", str(tmp_path / "a"), "--backend", "cupy", "--out", str(tmp_path / "x.npz")]) == 0
    assert cli.main([*common, "--backend", "cuda"]) == 2
    assert "unknown backend 'cuda': choose from numpy, cupy" in capsys.readouterr().err


# Usable, or not, and why.


def without(problem, monkeypatch):
    """A machine with this problem."""
    module = types.SimpleNamespace(cuda=types.SimpleNamespace(is_available=lambda: problem != "no GPU"), ones=fail)
    monkeypatch.setitem(sys.modules, "cupy", None if problem == "not installed" else module)
    if problem == "broken":
        monkeypatch.delitem(sys.modules, "cupy")
        monkeypatch.setattr(builtins, "__import__", broken_import)


def fail(*args, **how):
    raise RuntimeError("CuPy failed to load libnvrtc.so.12")


real_import = builtins.__import__


def broken_import(name, *args, **how):
    if name == "cupy":
        raise ImportError("\n=====\nFailed to import CuPy.\n\nOriginal error:\n  ImportError: libcuda.so.1\n=====\n")
    return real_import(name, *args, **how)


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        ("not installed", "backend 'cupy' is not installed"),
        ("broken", r"installed but cannot be imported \(ImportError: libcuda.so.1\)"),
        ("no GPU", "installed but finds no usable GPU"),
        ("no compiler", r"finds a GPU but cannot compute on it \(CuPy failed to load libnvrtc.so.12\)"),
    ],
)
@pytest.mark.parametrize("command", [["gpucheck"], ["train", "--backend", "cupy"]])
def test_an_unusable_gpu_is_told_in_one_line(command, problem, says, monkeypatch, capsys):
    without(problem, monkeypatch)
    with pytest.raises(ng.InputError, match=says):
        backend("cupy")
    assert cli.main(command) == 2
    assert capsys.readouterr().err.count("\n") == 1


# The check for a GPU, checked without one.


@pytest.mark.parametrize("case", gpucheck.CASES, ids=str)
def test_the_parity_check_is_exact_on_the_standin(case, device):
    assert case.error(cupy) == 0


@pytest.mark.parametrize("case", gpucheck.CASES[::3], ids=str)
def test_the_parity_check_forgives_another_rounding(case, device):
    for seed in range(2):
        with device.other_rounding(seed, ulps=2):
            assert 0 < case.error(cupy) < gpucheck.TOLERANCE[case.dtype] / 2


@pytest.mark.parametrize("case", gpucheck.CASES[1::3], ids=str)
def test_the_parity_check_notices_a_wrong_kernel(case, device, monkeypatch):
    """A tanh in half precision."""
    monkeypatch.setitem(cupy.__dict__, "tanh", lambda x, tanh=cupy.tanh: tanh(x).astype("float16").astype(x.dtype))
    assert case.error(cupy) > gpucheck.TOLERANCE[case.dtype]


def test_gpucheck_reports_and_its_status_says_so(device, capsys, monkeypatch):
    monkeypatch.setattr(gpucheck, "CASES", gpucheck.CASES[:2])
    monkeypatch.setattr(gpucheck, "TIMED", {"images": 2})
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # a BLAS with threads may stall on a busy machine
    monkeypatch.delenv("CUPY_TF32", raising=False)
    assert cli.main(["gpucheck"]) == 0
    out = capsys.readouterr().out
    assert "stand-in, no GPU" in out
    assert "CUPY_TF32" not in out
    assert out.count("relative error 0.0e+00") == 2
    assert "an epoch's order is a permutation" in out
    assert "ms a step" in out
    monkeypatch.setitem(cupy.__dict__, "tanh", lambda x: x)
    monkeypatch.setenv("CUPY_TF32", "1")
    assert cli.main(["gpucheck"]) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "CUPY_TF32 is set" in out


COUNT = itertools.count()


def changed(change):
    """Generators whose numbers are changed before anyone sees them."""

    def make(xp, *key):
        rng = random_generator(xp, *key)
        return types.SimpleNamespace(
            random=lambda *args, **how: change(rng.random(*args, **how)),
            standard_normal=lambda *args, **how: change(rng.standard_normal(*args, **how)),
            integers=lambda *args, **how: change(rng.integers(*args, **how)),
        )

    return make


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a * 1.1,
        lambda a: a + 0.1,
        lambda a: a * (1 + 1e-4 * next(COUNT)),  # never the same again
        lambda a: a * 0 + 0.5,  # always the same
    ],
)
def test_wrong_numbers_are_noticed(change, device, monkeypatch):
    assert all(isinstance(text, str) and ok is True for text, ok in drawn.drawn(cupy))
    for room in (drawn, streams):
        monkeypatch.setattr(room, "random_generator", changed(change))
    assert not all(ok for _, ok in drawn.drawn(cupy))


def test_a_wrong_sort_is_noticed(device, monkeypatch):
    for order in (lambda a: cupy.arange(len(a)), lambda a: cupy.zeros(len(a), dtype="int64")):
        with monkeypatch.context() as inside:
            inside.setitem(cupy.__dict__, "argsort", order)
            assert sum(not ok for _, ok in drawn.drawn(cupy)) >= 1
