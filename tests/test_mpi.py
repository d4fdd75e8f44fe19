"""Several processes under a real mpiexec: the run of one, and a run that outlives each of its ranks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mpi_ranks import ALL, theta

from numgan.run.state import Checkpoint

pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install -e '.[mpi]'")
HERE = Path(__file__).parent
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
if MPIEXEC is None:
    pytest.skip("there is no mpiexec", allow_module_level=True)

pytestmark = pytest.mark.notebooks  # processes that start take a while; test_ranks asks the same of threads
PATIENCE = 30  # seconds in which a job ends once a rank is dead


def mpiexec(n, *arguments):
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    environment = os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    environment |= {"OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}  # few cores will do
    command = [MPIEXEC, "-n", str(n), sys.executable, str(HERE / "mpi_ranks.py"), *map(str, arguments)]
    out = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=out, stderr=out, text=True, start_new_session=True)


def finished(job, seconds=120):
    """(status, stdout, stderr); a job that does not end in time is killed, and fails the test."""
    try:
        out, err = job.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        pytest.fail(f"the job did not end in {seconds} s")
    return job.returncode, out, err


@pytest.mark.parametrize("n", [2, 3, 4])
def test_theta_is_that_of_one_process(n, tmp_path):
    status, _, err = finished(mpiexec(n, "same", tmp_path / "theta.npz", *ALL))
    assert status == 0, err
    with np.load(tmp_path / "theta.npz") as made:
        assert set(made) == {*ALL}
        for name in ALL:
            np.testing.assert_allclose(made[name], theta(name, None), rtol=0, atol=1e-12, err_msg=name)


def wait_for(path, job, newer_than=0.0):
    """Until the file is there, and newer."""
    for _ in range(600):
        if path.exists() and path.stat().st_mtime > newer_than:
            return
        assert job.poll() is None, job.communicate()
        time.sleep(0.05)
    pytest.fail(f"{path} was not written")


@pytest.mark.parametrize("deaths", [[(2, 1)], [(3, 1), (3, 2), (2, 0)]], ids=str)
def test_a_run_outlives_its_ranks(deaths, tmp_path):
    run, began = tmp_path / "run", time.time()
    todo = ["--data", "ring", "--steps", "100000", "--batch", "16", "--out", run]
    for n, victim in deaths:
        job = mpiexec(n, "train", tmp_path, *todo)
        wait_for(run / "checkpoint.npz", job, newer_than=began)
        os.kill(int((tmp_path / str(victim)).read_text()), signal.SIGKILL)
        status, _, err = finished(job, PATIENCE)
        assert status != 0
        assert f"--resume {run}" in err  # said before: mpiexec leaves no rank the time to speak
        assert Checkpoint(run / "checkpoint.npz").state.step % 25 == 0
        todo, began = ["--resume", run], time.time()
    step = Checkpoint(run / "checkpoint.npz").state.step
    status, out, err = finished(mpiexec(1, "train", tmp_path, "--resume", run, "--steps", step + 25))
    assert status == 0, err
    assert f"{step + 25} in all" in out


def test_ctrl_c_ends_all_after_the_same_step(tmp_path):
    run = tmp_path / "run"
    job = mpiexec(2, "train", tmp_path, "--data", "ring", "--steps", "100000", "--batch", "16", "--out", run)
    wait_for(run / "checkpoint.npz", job)
    os.kill(int((tmp_path / "1").read_text()), signal.SIGINT)  # one rank alone
    status, out, err = finished(job, PATIENCE)
    assert status == 0, err
    assert "to go on exactly here:" in out


def test_an_error_that_one_rank_meets_alone_ends_all(tmp_path):
    job = mpiexec(2, "fail", tmp_path, "--data", "ring", "--steps", "9999", "--batch", "16", "--out", tmp_path / "run")
    status, _, err = finished(job, PATIENCE)
    assert status != 0
    assert "rank 1 of 2 failed (MemoryError('as it happens'))" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--loss", "hings"], "unknown loss 'hings'"),
        (["--batch", "1"], "2 ranks share a batch of 1 rows"),
        (["--out", __file__], "cannot be made"),  # met by the first rank alone
    ],
)
def test_what_is_refused_is_said_once_and_ends_all(arguments, said, tmp_path):
    status, out, err = finished(mpiexec(2, "train", tmp_path, "--data", "ring", "--steps", "1", *arguments), PATIENCE)
    assert (status, out) == (2, "")
    assert err.count("numgan: error:") == err.count(said) == 1
