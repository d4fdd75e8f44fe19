"""numgan on a GPU, timed by the device's own clock: events before and after the steps, in the stream they run in."""

from benchmarks.speed.peers.numgan_peer import Numgan
from numgan.backend import backend

cupy = backend("cupy")  # one clear line where there is no GPU to use


class NumganCupy(Numgan):
    xp = cupy

    def seconds(self, n):
        start, stop = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        self.steps(n)
        stop.record()
        stop.synchronize()
        return cupy.cuda.get_elapsed_time(start, stop) / 1e3

    def about(self):
        device = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)["name"].decode()
        return super().about() | {"threads": 1, "cupy": cupy.__version__, "device": device}
