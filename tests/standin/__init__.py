"""A strict stand-in for CuPy over NumPy: what a GPU would do silently wrong, slowly or not at all, it says at once.

`standin.install(monkeypatch)` puts it in the place of the module cupy, and production code runs on it unmodified.

- It offers only the names and keywords that the real CuPy has, from a manifest that `record.py` recorded.
- Host arrays and lists do not mix with device arrays, and NumPy's functions refuse them. (Real CuPy lets `np.exp(dev)`
  pass; here it raises, since it means `np.` where `xp.` was meant.)
- Implicit conversion raises, with CuPy's message. Reductions and single entries are 0-d device arrays.
- float32 and float64 never mix in one operation; in a run declared float32 (`device.only`), neither does float64 come
  from a default dtype.
- New memory holds NaN until it is written. Assignment to an index that occurs twice raises.
- A fused formula (`cupy.fuse`) is written down once and is one kernel; what CuPy's fusion cannot do, it refuses.
- Streams of random numbers depend on how many states a generator has, and that, unless said, on the model of GPU.
- Transfers, synchronisations and kernels are counted (`device.counted`).

What it cannot know: speed, streams, and whether a kernel of the real CuPy computes what its name says.
"""

from standin.device import Counts, Device, device
from standin.module import MANIFEST, cupy, install

__all__ = ["MANIFEST", "Counts", "Device", "cupy", "device", "install"]
