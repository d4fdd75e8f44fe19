"""One module per peer, each with one class of the same four names:

    peer = Peer(workload, dtype="float32", threads=None)    networks with the workload's weights, optimisers, data
    peer.steps(n)                     n pairs of updates: batch gathered, noise drawn, D's step, G's step
    peer.pair(x, z_d, z_g)            one pair on given arrays, by the very code that `steps` runs
    peer.parameters()                 G's and then D's W (n_in, n_out) and b, as NumPy arrays

Where steps run elsewhere than in this process, `peer.seconds(n)` runs and times them by the device's clock.

`peer.about()` adds what a reader of the results should know: versions, threads.
"""

from importlib import import_module

PEERS = {  # name: (module, class, how readers are told of it)
    "numgan": ("numgan_peer", "Numgan", "numgan"),
    "numgan_cupy": ("numgan_cupy", "NumganCupy", "numgan on a GPU"),
    "torch_eager": ("torch_eager", "Eager", "PyTorch eager"),
    "torch_best": ("torch_best", "Best", "PyTorch at its best"),
    "torch_compile": ("torch_best", "Compiled", "PyTorch compiled"),
    "jax_jit": ("jax_jit", "Jit", "JAX, jit per step"),
    "jax_loop": ("jax_jit", "Loop", "JAX, jit of a loop"),
    "textbook": ("textbook", "Textbook", "textbook NumPy"),
    "gemm": ("gemm", "Gemm", "GEMM peak"),  # no peer: the machine's own measure, in the same rotation
}
BACKENDS = {"numpy": [name for name in PEERS if name not in ("gemm", "numgan_cupy")], "cupy": ["numgan", "numgan_cupy"]}
NAMES = [name for name in PEERS if name != "gemm"]
LABELS = {name: label for name, (_, _, label) in PEERS.items()}


def load(name):
    module, cls, _ = PEERS[name]
    return getattr(import_module(f"{__name__}.{module}"), cls)
