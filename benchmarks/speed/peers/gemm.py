"""The yardstick: square float32 products by NumPy's BLAS, with as many threads as it takes by default."""

import numpy as np

SIZE = 1536


class Gemm:
    def __init__(self, workload, dtype="float32", threads=None):
        rng = np.random.default_rng(0)
        self.a, self.b = rng.standard_normal((2, SIZE, SIZE), dtype)
        self.out = np.empty_like(self.a)

    def steps(self, n):
        for _ in range(n):
            np.matmul(self.a, self.b, out=self.out)

    def about(self):
        return {"numpy": np.__version__, "flops": 2 * SIZE**3}
