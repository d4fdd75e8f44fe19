"""`numgan gradcheck` and `numgan gpucheck`: is every gradient right, and does a GPU compute what NumPy computes?"""

from __future__ import annotations

import argparse


def gradcheck(options: argparse.Namespace) -> int:
    from numgan.check.survey import survey

    wrong = 0
    print(f"{'what':<60} {'relative error':>14}")
    for name, report in survey():
        print(f"{name:<60} {report.rel_error:14.1e} {'' if report.ok else 'WRONG'}")
        if not report.ok:
            wrong += 1
            print(report)
    print("every gradient agrees with central differences" if not wrong else f"{wrong} wrong")
    return 1 if wrong else 0


def gpucheck(options: argparse.Namespace) -> int:
    from numgan.backend import backend
    from numgan.check.gpu import report

    good = True
    for line, ok in report(backend("cupy")):
        print(line, flush=True)
        good = good and ok
    print("the GPU computes what NumPy computes" if good else "WRONG: please open an issue with these lines")
    return 0 if good else 1
