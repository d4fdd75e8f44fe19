"""A mirror of a small MNIST on the loopback, which may misbehave in every way that a server and a line can."""

import contextlib
import gzip
import hashlib
import signal
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from numgan.data import idx, mnist

SHAPES = {"x_train": (12, 4, 5), "y_train": (12,), "x_test": (5, 4, 5), "y_test": (5,)}


def arrays(seed=0):
    rng = np.random.default_rng(seed)
    return {key: rng.integers(0, 256 if key[0] == "x" else 10, shape, np.uint8) for key, shape in SHAPES.items()}


ARRAYS = arrays()
PLAIN = {mnist.FILES[key].name: idx.header(x.shape) + x.tobytes() for key, x in ARRAYS.items()}
PACKED = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in PLAIN.items()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


FILES = {  # in place of mnist.FILES
    key: replace(
        file, shape=SHAPES[key], sha256=sha256(PLAIN[file.name]), sha256_gz=sha256(PACKED[f"{file.name}.gz"])
    )
    for key, file in mnist.FILES.items()
}


class Mirror(ThreadingHTTPServer):
    """mirror.url("KIND") is an address whose files are served in the way KIND of Handler."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []  # (kind, name), in order
        self.together = threading.Barrier(2, timeout=20)
        self.half_sent = threading.Event()
        self.go_on = threading.Event()

    def url(self, kind):
        return f"http://127.0.0.1:{self.server_address[1]}/{kind}/"

    def handle_error(self, request, client_address):
        """Who has gone away does not matter."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, name = self.path.strip("/").split("/")
        self.server.asked.append((kind, name))
        getattr(self, f"serve_{kind}", self.serve_error)(PACKED[name])

    def send(self, content, length=True):
        self.send_response(200)
        if length:
            self.send_header("Content-Length", str(length if length > 1 else len(content)))
        self.end_headers()
        self.wfile.write(content)

    def serve_good(self, content):
        self.send(content)

    def serve_error(self, content):
        self.send_error(int(self.path.split("/")[1]))

    def serve_page(self, content):
        """The page on which a hotel asks for a name, with status 200."""
        self.send(b"<html>please log in</html>")

    def serve_interrupted(self, content):
        self.send(content[: len(content) // 2], length=len(content))

    def serve_truncated(self, content):
        """No length, so that only the content shows what is missing."""
        self.send(content[:-9], length=False)

    def serve_damaged(self, content):
        self.send(content[:30] + bytes([content[30] ^ 1]) + content[31:])

    def serve_reset(self, content):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True

    def serve_silent(self, content):
        self.server.go_on.wait(20)

    def serve_stalled(self, content):
        self.send(content[:20], length=len(content))
        self.server.go_on.wait(20)

    def serve_ctrl_c(self, content):
        """Half of the file; then Ctrl-C is pressed here, and the rest never comes."""
        self.send(content[:20], length=len(content))
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        self.server.go_on.wait(20)

    def serve_half(self, content):
        """Half of the file, and the rest once the test says so."""
        self.send(content[:20], length=len(content))
        self.server.half_sent.set()
        self.server.go_on.wait(20)
        self.wfile.write(content[20:])

    def serve_together(self, content):
        """Nothing until two have asked."""
        self.server.together.wait()
        self.send(content)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running():
    with Mirror() as mirror:
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield mirror
        mirror.go_on.set()
        mirror.shutdown()
        thread.join()
