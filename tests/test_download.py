"""numgan data mnist against a real server that misbehaves: each file is whole or not there, and one line says what
to do."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from interrupting import handler
from mirror import ARRAYS, FILES, PACKED, running

import numgan as ng
from numgan.app import cli
from numgan.data import download, mnist

pytest.importorskip("pooch", reason="downloads are pooch's: pip install pooch, or numgan's extra 'data'")

NAMES = list(PACKED)
ADVICE = ("try again later", "numgan data mnist --from DIR")


@pytest.fixture(scope="module")
def server():
    with running() as mirror:
        yield mirror


@pytest.fixture
def get(server, monkeypatch, tmp_path, capsys):
    """numgan data mnist with mirrors of these kinds: its status and what it printed."""
    monkeypatch.setattr(mnist, "FILES", FILES)
    monkeypatch.setenv("NUMGAN_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server.asked.clear()

    def call(*kinds):
        urls = (kind if "//" in kind else server.url(kind) for kind in kinds)
        monkeypatch.setattr(download, "MIRRORS", tuple(urls))
        return cli.main(["data", "mnist"]), *capsys.readouterr()

    return call


def inside(tmp_path):
    """The files of the cache, each of which must be whole."""
    found = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    assert found.items() <= PACKED.items()
    return list(found)


def check_one_line(err, *words):
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err, err


def test_all_four_come_from_the_first_mirror_and_are_not_asked_for_again(get, server, tmp_path):
    status, out, err = get("good", "404")
    assert (status, err) == (0, "")
    assert str(tmp_path / "cache") in out and "numgan train --data mnist" in out
    assert sorted(inside(tmp_path)) == sorted(NAMES)
    assert server.asked == [("good", name) for name in NAMES]
    assert ng.data.load("mnist").labels.tolist() == ARRAYS["y_train"].tolist()
    status, out, err = get("404")
    assert status == 0 and "was there already" in out
    assert len(server.asked) == 4


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_what_a_teacher_downloads_can_be_read_by_the_class(get, tmp_path):
    before = os.umask(0o022)
    try:
        assert get("good")[0] == 0
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "cache").iterdir()} == {"0o644"}


BAD = {
    "404": "answered 404",
    "500": "answered 500",
    "page": "sent something else",
    "damaged": "sent something else",
    "truncated": "sent something else",
    "interrupted": ("broke off", "sent something else"),  # the second with urllib3 below 2
    "reset": "could not be reached",
    "silent": "was silent for 0.2 s",
    "stalled": "or fell silent",
    "http://127.0.0.1:9/": "could not be reached",  # nobody listens
}
WAITS = ("silent", "stalled")


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind not in WAITS])
def test_where_the_first_mirror_fails_the_second_serves(kind, get, server, tmp_path):
    status, _, err = get(kind, "good")
    assert (status, err) == (0, "")
    assert sorted(inside(tmp_path)) == sorted(NAMES)
    assert [name for way, name in server.asked if way == "good"] == NAMES


@pytest.mark.parametrize("kind", BAD)
def test_where_all_fail_one_line_says_how_and_the_cache_stays_as_it_was(kind, get, server, tmp_path, monkeypatch):
    patience = download.PATIENCE
    monkeypatch.setattr(download, "PATIENCE", 0.2 if kind in WAITS else patience)
    whole = tmp_path / "cache" / NAMES[1]
    whole.parent.mkdir()
    whole.write_bytes(PACKED[NAMES[1]])
    status, out, err = get(kind, "404")
    assert (status, out) == (1, "")
    address = kind if "//" in kind else server.url(kind)
    check_one_line(err, f"numgan: error: no mirror gave {NAMES[0]} (", f"{server.url('404')} answered 404", *ADVICE)
    why = BAD[kind] if isinstance(BAD[kind], tuple) else (BAD[kind],)
    assert any(words in err.partition(address)[2].partition(";")[0] for words in why), err
    assert inside(tmp_path) == [NAMES[1]]
    monkeypatch.setattr(download, "PATIENCE", patience)
    assert get("good")[0] == 0
    assert sorted(inside(tmp_path)) == sorted(NAMES)
    assert ("good", NAMES[1]) not in server.asked


def test_a_certificate_that_is_not_valid_is_named():
    from requests.exceptions import SSLError

    assert download._why(SSLError("…")) == "has no valid certificate"


def test_without_pooch_the_other_way_is_named(get, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pooch", None)
    status, out, err = get("good")
    assert (status, out) == (2, "")
    check_one_line(err, "pip install pooch", "--from DIR")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_said_before_anything_is_asked_for(get, server, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMGAN_DATA", str(tmp_path / "file" / "below"))
    status, out, err = get("good")
    assert (status, out, server.asked) == (2, "", [])
    check_one_line(err, "nothing can be written there", "set NUMGAN_DATA to another folder")


@pytest.mark.parametrize("way", ["a mirror", "files at hand"])
def test_a_full_disk(way, get, tmp_path, capsys):
    """No file may become larger than 100 bytes: too small for images, enough for labels."""
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    (tmp_path / "hand").mkdir()
    for name, content in PACKED.items():
        (tmp_path / "hand" / name).write_bytes(content)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        if way == "a mirror":
            status, out, err = get("good")
        else:
            status = cli.main(["data", "mnist", "--from", str(tmp_path / "hand")])
            out, err = capsys.readouterr()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (status, out) == (1, "")
    check_one_line(err, str(tmp_path / "cache"), "File too large", "make room there", "NUMGAN_DATA")
    assert inside(tmp_path) == []
    assert get("good")[0] == 0


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="presses Ctrl-C from another thread")
def test_ctrl_c_in_the_middle_of_a_file(get, server, tmp_path):
    with handler(signal.default_int_handler):
        status, out, err = get("ctrl_c", "good")
    assert (status, out) == (130, "")
    check_one_line(err.strip("\n") + "\n", "stopped", "numgan data mnist")
    assert server.asked == [("ctrl_c", NAMES[0])]
    assert inside(tmp_path) == []
    assert get("good")[0] == 0


def test_two_at_once(get, server, tmp_path, monkeypatch):
    """Each file is sent to nobody before both have asked for it."""
    monkeypatch.setattr(download, "MIRRORS", (server.url("together"),))
    threads = [threading.Thread(target=download.download, args=(FILES, tmp_path / "cache")) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked == [("together", name) for name in NAMES for _ in range(2)]
    assert sorted(inside(tmp_path)) == sorted(NAMES)


PROCESS = """
import sys
from mirror import FILES
from numgan.app import cli
from numgan.data import download, mnist
mnist.FILES, download.MIRRORS = FILES, (sys.argv[1],)
sys.exit(cli.main(["data", "mnist"]))
"""


def process(url):
    here = Path(__file__).parent
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    return subprocess.Popen([sys.executable, "-c", PROCESS, url], env=env, stdout=subprocess.PIPE, text=True)


@pytest.mark.notebooks
def test_two_processes_at_once(get, server, tmp_path):
    both = [process(server.url("together")) for _ in range(2)]
    assert ["mnist is in" in each.communicate(timeout=60)[0] for each in both] == [True, True]
    assert [each.returncode for each in both] == [0, 0]
    assert sorted(inside(tmp_path)) == sorted(NAMES)


@pytest.mark.notebooks
def test_killed_in_the_middle_of_a_file(get, server, tmp_path):
    one = process(server.url("half"))
    assert server.half_sent.wait(30)
    time.sleep(0.2)
    one.kill()
    one.communicate()
    assert not [path for path in (tmp_path / "cache").iterdir() if not path.name.startswith(".")]
    assert get("good")[0] == 0
    assert not mnist.missing(tmp_path / "cache")
