"""A crew of threads in place of the processes of MPI: each has a communicator, with the methods that `Ranks` uses.

Whoever comes last to a call lets all go on. An error in one of them ends the others' waiting, as mpiexec ends a job.
"""

import threading

from numgan.backend import array_module, asnumpy


class Comm:
    """Rank `rank` of as many as share `desk`."""

    def __init__(self, rank, desk):
        self.rank, self.size, self._desk = rank, desk.size, desk

    def allgather(self, thing):
        return self._desk.exchange(self.rank, thing)

    def Sendrecv(self, sent, dest, *, recvbuf, source):
        assert sent.flags.c_contiguous and recvbuf.flags.c_contiguous
        laid = self.allgather((dest, asnumpy(sent).copy()))
        to, theirs = laid[source]
        assert (to, theirs.shape) == (self.rank, recvbuf.shape)
        recvbuf[...] = array_module(recvbuf).asarray(theirs)


class Desk:
    """Where things are laid down and taken up by all."""

    def __init__(self, size):
        self.size, self._barrier, self._things = size, threading.Barrier(size, timeout=20), [None] * size

    def exchange(self, rank, thing):
        self._things[rank] = thing
        self._barrier.wait()
        found = list(self._things)
        self._barrier.wait()
        return found

    def leave(self):
        self._barrier.abort()


def crew(size, job):
    """[job(comm) of each rank]; the first rank's error that is no broken barrier, where there is one."""
    desk, results, errors = Desk(size), [None] * size, [None] * size

    def work(rank):
        try:
            results[rank] = job(Comm(rank, desk))
        except BaseException as error:
            errors[rank] = error
            desk.leave()

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    met = [error for error in errors if error and not isinstance(error, threading.BrokenBarrierError)]
    if met:
        raise met[0]
    return results
