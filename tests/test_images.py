"""A folder of images: whatever lies in it, rows of one size come out, and what is left out is named."""

import os
import re
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import numgan as ng
from numgan.app import cli
from numgan.data import images, load
from numgan.errors import InputError

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)


def pixels(data):
    """The images of a data set as they were read: (n, size, size, …) in 0 … 255."""
    return np.rint(data.restore(data.x) * 255).reshape(-1, *data.image_shape).astype(int)


def one(path, size=4):
    """The image of a folder that holds this alone."""
    return pixels(load(path.parent, size=size))[0]


def plain(mode, colour, size=(6, 6)):
    return Image.new(mode, size, colour)


def halves(left, right, size=(8, 8), mode="RGB"):
    image = plain(mode, left, size)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def left_out(folder, **how):
    """A folder's data, and what the warning says of each file that was left out."""
    with pytest.warns(UserWarning) as said:
        data = load(folder, **how)
    (message,) = (str(warning.message) for warning in said)
    head, *lines = message.split("\n  ")
    assert head == f"{folder}: {len(data)} images read, {len(lines)} left out:"
    return data, dict(re.fullmatch("'(.*)': (.*)", line).groups() for line in lines)


# What becomes of an image


KINDS = {
    "grey": plain("L", 51),
    "bilevel": plain("1", 1),
    "grey with alpha": plain("LA", (51, 255)),
    "palette": plain("RGB", RED).quantize(4),
    "colour": plain("RGB", RED),
    "colour with alpha": plain("RGBA", (*RED, 255)),
    "half transparent": plain("RGBA", (255, 0, 0, 128)),
    "transparent": plain("RGBA", (255, 0, 0, 0)),
    "16 bits": Image.fromarray(np.full((6, 6), 51 * 256 + 18, np.uint16)),
}
BECOMES = {
    "grey": 51,
    "bilevel": 255,
    "grey with alpha": 51,
    "palette": RED,
    "colour": RED,
    "colour with alpha": RED,
    "half transparent": (255, 127, 127),
    "transparent": 255,
    "16 bits": 51,
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_pixels(kind, tmp_path):
    KINDS[kind].save(tmp_path / "a.png")
    assert (one(tmp_path / "a.png") == BECOMES[kind]).all()


@pytest.mark.parametrize("kind", ["bmp", "gif", "jpg", "png", "ppm", "tif", "webp"])
def test_kinds_of_files(kind, tmp_path):
    halves((200, 200, 200), (40, 40, 40), (64, 64)).save(tmp_path / f"a.{kind}")
    found = one(tmp_path / f"a.{kind}", 4)
    assert abs(found[:, [0, 3]] - [200, 40]).max() <= 1  # grey: no third axis


def test_cmyk_and_a_palette_with_a_transparent_entry(tmp_path):
    plain("CMYK", (0, 255, 255, 0)).save(tmp_path / "a.tif")
    assert (one(tmp_path / "a.tif") == RED).all()
    image = plain("P", 1)
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "a.png", transparency=1)
    assert (pixels(load(tmp_path, size=4))[0] == WHITE).all()


def test_the_square_in_the_middle_is_kept(tmp_path):
    wide = plain("RGB", RED, (30, 10))
    wide.paste(GREEN, (10, 0, 20, 10))
    wide.save(tmp_path / "a.png")
    assert (one(tmp_path / "a.png")[:, 1:3] == GREEN).all()  # into its edge the filter takes a little from outside
    wide.rotate(90, expand=True).save(tmp_path / "a.png")
    assert (one(tmp_path / "a.png")[1:3] == GREEN).all()


def test_smaller_is_the_mean_and_larger_is_smooth(tmp_path):
    board = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "a.png")
    assert abs(one(tmp_path / "a.png") - 127.5).max() <= 1
    halves(0, 255, (2, 2), "L").save(tmp_path / "a.png")
    row = one(tmp_path / "a.png", 8)[0]
    assert (np.diff(row) >= 0).all() and len(set(row)) > 2
    plain("RGB", RED, (1, 1)).save(tmp_path / "a.png")
    assert (one(tmp_path / "a.png", 8) == RED).all()


def halved(a):
    """By hand: each pixel of the result lies in the middle of 2 × 2, and the weight of a pixel falls in a straight line
    to 0 at a distance of 2 from there: 1/8, 3/8, 3/8, 1/8; at the border those inside are made to sum to 1."""
    n = len(a)
    weights = np.maximum(0, 1 - abs(np.arange(n)[None] + 0.5 - (2 * np.arange(n // 2)[:, None] + 1)) / 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("ip,jq,pqc->ijc", weights, weights, a)


@pytest.mark.parametrize(("w", "h"), [(8, 8), (12, 8), (8, 14)])
def test_pixels_one_by_one(w, h, tmp_path):
    """An image in which no two rows, columns or colours are alike: of 12 columns, 2 … 9 stay, of 14 rows, 3 … 10."""
    a = np.random.default_rng(w).integers(0, 256, (h, w, 3), dtype=np.uint8)
    Image.fromarray(a).save(tmp_path / "a.png")
    top, left = (h - 8) // 2, (w - 8) // 2
    found = one(tmp_path / "a.png", 4)
    inside = halved(a[top : top + 8, left : left + 8].astype(float))
    assert abs(found - inside)[1:-1, 1:-1].max() <= 1
    if w == h:
        assert abs(found - inside).max() <= 1  # elsewhere the filter's border takes a little from outside the square
        assert (one(tmp_path / "a.png", 8) == a).all()


def test_a_photo_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # taken with the camera on its side
    halves((250, 250, 250), (5, 5, 5), (64, 64)).save(tmp_path / "a.jpg", exif=exif)
    top, *_, bottom = one(tmp_path / "a.jpg", 4)
    assert (top > 240).all() and (bottom < 15).all()


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    large = coarse.resize((1200, 900), Image.Resampling.BICUBIC)
    for name in ("a.png", "b.jpg"):
        large.save(tmp_path / name, quality=95)
    png, jpeg = pixels(load(tmp_path, size=16))
    assert abs(png - jpeg).max() <= 10 and abs(png - jpeg).mean() < 2


@pytest.mark.parametrize(("sides", "decoded"), [((800, 50), (200, 13)), ((50, 800), (13, 200)), ((90, 90), (23, 23))])
def test_a_jpeg_is_decoded_no_smaller_than_four_times_the_size(sides, decoded, tmp_path, monkeypatch):
    """By a half, a quarter or an eighth: 12 pixels are needed for a size of 3."""
    seen, fit = [], images.ImageOps.fit
    monkeypatch.setattr(images.ImageOps, "fit", lambda image, *how: seen.append(image.size) or fit(image, *how))
    plain("L", 9, sides).save(tmp_path / "a.jpg")
    load(tmp_path, size=3)
    assert seen == [decoded]


def test_of_an_animation_the_first_image(tmp_path):
    plain("RGB", RED).save(tmp_path / "a.gif", save_all=True, append_images=[plain("RGB", GREEN)])
    assert (one(tmp_path / "a.gif") == RED).all()


# What becomes of a folder


def test_rows_are_in_the_order_of_their_paths(tmp_path):
    for i, name in enumerate(["b/2.png", "a/b/1.png", "a/9.png", "c.png", "B.png", "a-b.png"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        plain("L", i).save(tmp_path / name)
    data = load(tmp_path, size=3)
    assert pixels(data)[:, 0, 0].tolist() == [4, 5, 2, 1, 0, 3]
    assert (data.name, data.image_shape, data.range, data.labels) == (tmp_path.name, (3, 3), (-1, 1), None)


def test_one_image_in_colour_and_all_are(tmp_path):
    for i in range(3):
        plain("L", 10 * i).save(tmp_path / f"{i}.png")
        plain("RGB", (9, 9, 9)).save(tmp_path / f"{i}.jpg")
    assert load(tmp_path, size=4).image_shape == (4, 4)
    plain("RGB", (9, 9, 10)).save(tmp_path / "4.png")
    data = load(tmp_path, size=4, range=(0, 1))
    assert (data.image_shape, data.x.shape, data.range) == ((4, 4, 3), (7, 48), (0, 1))
    assert pixels(data)[-2:, 0, 0].tolist() == [[20] * 3, [9, 9, 10]]  # 2.png, 4.png
    assert data.x.flags.c_contiguous and not data.x.flags.writeable


def test_folders_are_classes(tmp_path):
    for name in ("cats/x.png", "apes/small/y.png", "apes/z.png", "bees/w.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        plain("L", len(name)).save(tmp_path / name)
    assert load(tmp_path, size=4).labels.tolist() == [0, 0, 1, 2]
    assert load(tmp_path / "apes", size=4).labels is None  # one folder, and an image beside it
    plain("L", 0).save(tmp_path / "top.png")
    assert load(tmp_path, size=4).labels is None


def test_classes_may_have_different_numbers_of_images(tmp_path):
    """Counted in the order of the folders' names, whatever the order on the disk."""
    for name, n in (("c", 1), ("a", 3), ("b", 2)):
        (tmp_path / name).mkdir()
        for i in range(n):
            plain("L", 10 * ord(name) % 256 + i).save(tmp_path / name / f"{i}.png")
    (tmp_path / "empty").mkdir()
    data = load(tmp_path, size=2)
    assert data.labels.tolist() == [0, 0, 0, 1, 1, 2] and data.classes == 3
    first = 10 * np.array([ord("a")] * 3 + [ord("b")] * 2 + [ord("c")]) % 256 + [0, 1, 2, 0, 1, 0]
    assert pixels(data)[:, 0, 0].tolist() == first.tolist()


def test_a_single_folder_is_no_class(tmp_path):
    (tmp_path / "all").mkdir()
    plain("L", 0).save(tmp_path / "all/a.png")
    assert load(tmp_path, size=4).labels is None


def odd_files(folder):
    """Files that cannot be read, each with what must be said of it."""
    plain("RGB", RED, (64, 64)).save(folder / "whole.png")
    whole = (folder / "whole.png").read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "whole.jpg")
    jpeg = (folder / "whole.jpg").read_bytes()
    Image.fromarray(np.ones((5, 5), np.float32)).save(folder / "floats.tif")
    Image.fromarray(np.ones((5, 5), np.int32)).save(folder / "wide.tif")
    plain("1", 0, (10000, 9000)).save(folder / "bomb.png")
    plain("1", 0, (20000, 9000)).save(folder / "larger.png")
    contents = {
        "cut.png": whole[: len(whole) - 30],
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "empty.png": b"",
        "notes.txt": b"hello",
        "head.png": whole[:20],
        "script.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n",
        "line\n.gif": b"GIF89a",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / ".DS_Store").write_bytes(b"passed over")
    (folder / ".thumbs").mkdir()
    (folder / ".thumbs/notes.txt").write_bytes(b"passed over")
    said = {"floats.tif": "mode F", "wide.tif": "mode I", "bomb.png": "pixels", "larger.png": "pixels"}
    said |= dict.fromkeys(["cut.png", "cut.jpg", "head.png"], "truncated")
    return said | dict.fromkeys(["empty.png", "notes.txt", "script.eps", r"line\n.gif"], "not one of BMP")


@pytest.mark.skipif(sys.platform == "win32", reason="a file's name has a line break, and links need a right")
def test_what_cannot_be_read_is_left_out_by_name(tmp_path):
    said = odd_files(tmp_path)
    (tmp_path / "in/runs/r").mkdir(parents=True)
    (tmp_path / "in/runs/r/checkpoint.npz").touch()
    plain("L", 0).save(tmp_path / "in/runs/r/samples.png")
    os.symlink(tmp_path, tmp_path / "in/circle")
    os.symlink(tmp_path / "none.png", tmp_path / "dead.png")
    os.symlink(tmp_path / "whole.png", tmp_path / "alive.png")
    os.mkfifo(tmp_path / "pipe.png")
    said |= {"in/runs/r": "the folder of a run", "in/circle": "a link to a folder"}
    said |= dict.fromkeys(["dead.png", "pipe.png"], "no file, or a link to none")
    data, found = left_out(tmp_path, size=8)
    assert len(data) == 3
    assert found.keys() == said.keys()
    for name, words in said.items():
        assert words.lower() in found[name].lower(), found[name]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_a_folder_that_may_not_be_entered_is_named(tmp_path, monkeypatch):
    plain("L", 0).save(tmp_path / "a.png")
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def locked(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", locked)
    assert left_out(tmp_path, size=4)[1] == {"locked": "Permission denied"}


def test_very_many_names_are_counted(tmp_path, monkeypatch):
    plain("L", 0).save(tmp_path / "a.png")
    for i in range(5):
        (tmp_path / f"{i}.txt").touch()
    monkeypatch.setattr(images, "NAMED", 2)
    with pytest.warns(UserWarning, match=r"5 left out:\n  '0.txt': .*\n  '1.txt': .*\n  and 3 more$"):
        load(tmp_path, size=4)


def test_odd_metadata_is_no_reason_to_warn(tmp_path, monkeypatch):
    plain("L", 0).save(tmp_path / "a.png")
    fit = images.ImageOps.exif_transpose

    def odd(image):
        warnings.warn("Corrupt EXIF data", stacklevel=1)
        return fit(image)

    monkeypatch.setattr(images.ImageOps, "exif_transpose", odd)
    assert len(load(tmp_path, size=4)) == 1


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], r"is an empty directory, expected images"),
        (["a.txt", "b.png"], r"none of the 2 files can be read, expected images \('a.txt': not one of BMP"),
        (["a.txt", "x.npz"], r"is a directory without images: name the file inside it, 'x.npz'$"),
    ],
)
def test_a_folder_without_images_is_refused(names, says, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path))}: {says}"):
        load(tmp_path)


def test_masks_from_0_to_1_are_not_taken_for_black_images(tmp_path):
    plain("L", 1).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"^.*: x is uint8 from 0 to 1"):
        load(tmp_path, size=4)


@pytest.mark.parametrize(
    ("what", "how", "says"),
    [
        ("folder", {"size": 0}, "size must be a whole number of 1 or more, got 0"),
        ("folder", {"size": 32.0}, "size must be a whole number"),
        ("folder", {"size": 1025}, "size is 1025, expected 1024 pixels or fewer"),
        ("folder", {"split": "test"}, "is a folder of images; name the folder of those to test with"),
        ("digits", {"size": 32}, "size is 32, but 'digits' is no folder of images"),
        ("x.npy", {"size": 32}, "size is 32, but '.*x.npy' is no folder of images"),
        ("photos", {"size": 32}, "no data called '.*photos'.* or a folder of images"),
    ],
)
def test_what_cannot_be_asked_of_a_folder(what, how, says, tmp_path):
    plain("L", 0).save(tmp_path / "a.png")
    np.save(tmp_path / "x.npy", np.ones((3, 2)))
    with pytest.raises(InputError, match=says):
        load({"folder": tmp_path, "digits": "digits"}.get(what, tmp_path / what), **how)


def test_the_size_is_64_unless_asked_otherwise(tmp_path):
    plain("L", 0).save(tmp_path / "a.png")
    assert ng.data.load(tmp_path).image_shape == (64, 64)
    assert ng.data.load(tmp_path, size=1024).image_shape == (1024, 1024)
    assert ng.data.load(tmp_path, size=1).x.tolist() == [[-1]]


def test_the_first_thousand_names_are_listed():
    said = images._list({f"{i:04}.txt": "no" for i in range(1002)})
    assert said.count("\n") == 1001 and said.endswith("\n  '0999.txt': no\n  and 2 more")
    assert "more" not in images._list({f"{i:04}.txt": "no" for i in range(1000)})


def test_a_folder_is_called_by_its_own_name(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    plain("L", 200).save(tmp_path / "mine" / "a.png")
    monkeypatch.chdir(tmp_path / "mine")
    assert load(".", size=2, range=(0, 4)).name == "mine" and load("../mine", size=2).name == "mine"
    np.testing.assert_allclose(load(".", size=2, range=(0, 4)).x, [[4 * 200 / 255] * 4], rtol=1e-6)


# Training on it


def test_a_folder_of_300_odd_images_trains_and_reports(tmp_path, capsys, monkeypatch):
    """By the command line: refused files are named, the run resumes, samples are in colour."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("numgan.app.folder.Run.draw", lambda run: None)  # other tests look at a run's pictures
    folder, rng = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    modes = ["L", "RGB", "RGBA", "P", "LA", "1", "CMYK"]
    for i in range(290):
        sides = (1, 1) if i % 50 == 0 else rng.integers(1, 90, 2)
        noise = Image.fromarray(rng.integers(0, 256, (*sides, 3), dtype=np.uint8)).convert(modes[i % 7])
        noise.save(folder / f"{i:03}.{'tif' if noise.mode == 'CMYK' else 'png'}")
    plain("RGB", RED, (3000, 2500)).save(folder / "huge.jpg")
    for i in range(9):
        (folder / f"broken{i}.png").write_bytes((folder / "001.png").read_bytes()[: 8 + 9 * i])
    settings = ["--size", "8", "--batch", "16", "--model", "dcgan", "--out", "run"]
    assert cli.main(["train", "--data", "photos", "--steps", "2", *settings]) == 0
    out, err = capsys.readouterr()
    assert "trained dcgan on photos: 291 rows of 8×8×3" in out
    assert err.startswith("numgan: photos: 291 images read, 9 left out:\n  'broken0.png': ")
    assert err.count("\n") == 10
    monkeypatch.chdir(folder)
    assert cli.main(["train", "--resume", "../run", "--steps", "3"]) == 0
    assert "9 left out" in capsys.readouterr().err
    assert cli.main(["train", "--resume", "../run", "--size", "16"]) == 2
    assert "--size cannot be changed" in capsys.readouterr().err
    for name in ("x.npz", "x.png"):
        assert cli.main(["sample", "../run", "-n", "4", "--out", f"../{name}"]) == 0
    with np.load("../x.npz") as file:
        assert file["x"].shape == (4, 8 * 8 * 3)
    with Image.open("../x.png") as picture:
        assert np.ptp(np.asarray(picture.convert("RGB")).astype(int), axis=2).max() > 5  # it is in colour
    (folder / "000.png").unlink()
    capsys.readouterr()
    assert cli.main(["train", "--resume", "../run", "--steps", "4"]) == 2
    assert "was trained on other data ('photos')" in capsys.readouterr().err


def test_a_progress_bar_where_there_is_a_terminal(tmp_path, monkeypatch, capsys):
    plain("L", 0).save(tmp_path / "a.png")
    load(tmp_path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True)
    load(tmp_path)
    err = capsys.readouterr().err
    assert "reading images: " in err and not err.endswith("\n")  # it goes when it is done


# Rare kinds


@pytest.mark.parametrize(("mode", "order"), [("I;16", "<u2"), ("I;16B", ">u2")])
def test_both_orders_of_bytes_in_16_bits(mode, order, tmp_path):
    """Their upper byte is what remains; here it grows from left to right, and the lower one is always 200."""
    grey = np.arange(0, 256, 32)
    pixels_16 = np.broadcast_to(grey * 256 + 200, (8, 8)).astype(order)
    Image.frombytes(mode, (8, 8), pixels_16.tobytes()).save(tmp_path / "a.tif")
    with Image.open(tmp_path / "a.tif") as written:
        assert written.mode == mode
    assert (one(tmp_path / "a.tif", 8) == grey).all()


def test_pixels_without_a_known_white_are_named_by_their_kind(tmp_path):
    plain("L", 9).save(tmp_path / "a.png")
    plain("LAB", (9, 9, 9)).save(tmp_path / "lab.tif")
    why = "its pixels are of Pillow's mode LAB: save it with 8 or 16 bits"
    assert left_out(tmp_path, size=4)[1] == {"lab.tif": why}


def test_one_channel_that_differs_is_colour(tmp_path):
    for other in ((90, 9, 9), (9, 90, 9), (9, 9, 90)):
        plain("RGB", other).save(tmp_path / "a.png")
        assert one(tmp_path / "a.png", 2)[0, 0].tolist() == [*other]


def test_a_file_is_known_by_what_it_holds_not_by_its_name(tmp_path):
    for i, name in enumerate(("PHOTO.PNG", "photo", "photo.txt", "photo.jpg")):
        plain("L", 50 * i + 50).save(tmp_path / name, format="PNG")
    assert pixels(load(tmp_path, size=2))[:, 0, 0].tolist() == [50, 100, 200, 150]


def test_classes_are_of_the_images_that_were_read(tmp_path):
    """Files that cannot be read lie beside the classes, in one of them, and are all there is in a third."""
    for name, n in (("ants", 1), ("bees", 2), ("cats", 0)):
        (tmp_path / name).mkdir()
        for i in range(n):
            plain("L", 60 * n + i).save(tmp_path / name / f"{i}.png")
    for name in ("notes.txt", "ants/0.txt", "bees/1b.txt", "cats/x.png"):
        (tmp_path / name).touch()
    data, found = left_out(tmp_path, size=2)
    assert found.keys() == {"notes.txt", "ants/0.txt", "bees/1b.txt", "cats/x.png"}
    assert data.labels.tolist() == [0, 1, 1] and pixels(data)[:, 0, 0].tolist() == [60, 120, 121]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right")
def test_nothing_below_the_folder_of_a_run_is_looked_at(tmp_path):
    (tmp_path / "run/films/one").mkdir(parents=True)
    (tmp_path / "run/checkpoint.npz").touch()
    os.symlink(tmp_path, tmp_path / "run/circle")
    for name in ("a.png", "run/samples.png", "run/films/b.png", "run/films/one/c.png"):
        plain("L", 9).save(tmp_path / name)
    (tmp_path / "run/films/notes.txt").touch()
    data, found = left_out(tmp_path, size=2)
    assert len(data) == 1 and found == {"run": "the folder of a run"}
    with pytest.raises(InputError, match=r"none of the 1 files can be read, .* \('\.': the folder of a run\)"):
        load(tmp_path / "run")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right")
def test_a_folder_is_called_by_its_own_name_however_it_is_reached(tmp_path, monkeypatch):
    (tmp_path / "mine/sub").mkdir(parents=True)
    plain("L", 9).save(tmp_path / "mine/a.png")
    os.symlink(tmp_path / "mine", tmp_path / "link")
    monkeypatch.chdir(tmp_path / "mine/sub")
    (tmp_path / "mine/sub/b.txt").touch()
    for name in ("..", "../../link", "../sub/..", f"{tmp_path}/mine/", tmp_path / "mine"):
        data, found = left_out(name, size=2)
        assert data.name == "mine" and found.keys() == {"sub/b.txt"}
    asked = []
    monkeypatch.setattr(images, "read", lambda *given: asked.append(given))
    load(os.path.abspath(os.sep))
    assert asked == [(os.path.abspath(os.sep), (-1.0, 1.0), None, "images")]  # the root has no name


def test_what_was_left_out_is_said_of_the_line_that_asked(tmp_path):
    plain("L", 9).save(tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    with pytest.warns(UserWarning) as said:
        load(tmp_path)
    assert [warning.filename for warning in said] == [__file__]


def test_a_folder_of_arrays_says_which_file_is_meant(tmp_path):
    for names, first in ((["b.npy"], "b.npy"), (["b.npy", "c.npz"], "b.npy"), (["a.npz", "0.txt"], "a.npz")):
        for path in tmp_path.iterdir():
            path.unlink()
        for name in names:
            (tmp_path / name).touch()
        with pytest.raises(InputError, match=f"without images: name the file inside it, '{first}'$"):
            load(tmp_path)


def test_an_error_without_words_is_called_by_its_kind():
    assert images._reason(KeyError()) == "KeyError" and images._reason(ValueError(" a\n  b ")) == "a b"
    assert images._reason(OSError("odd")) == "odd" and images._reason(OSError(5, "I/O error")) == "I/O error"


def test_an_image_of_16_bits_is_turned_upright_before_it_is_brought_to_8(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row of the file is the right-hand column of the picture
    pixels = np.array([[0, 64, 128], [160, 192, 255]], dtype=np.uint16) << 8
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    data = load(tmp_path, range=(0.0, 1.0), size=2)
    x = data.x.reshape(2, 2)  # 3 × 2 when it is upright: its middle is cut out
    assert (x[:, 0] > x[:, 1]).all() and x[1].mean() > x[0].mean()
