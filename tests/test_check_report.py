"""What a person reads: the table, its HTML and its remarks, letter by letter, from functions whose slopes are known."""

from html.parser import HTMLParser

import numpy as np
import pytest

from numgan.check import Comparison, Report, gradcheck
from numgan.check.report import joined
from numgan.losses import Loss


def made_by_hand():
    rows = [
        Comparison("x", (2, 3), "direction", np.array(1.5), np.array(-0.25), 2e-9, "ok"),
        Comparison("W", (3,), "[2]", np.array([1, 2, -4.5]), np.array([1, 2, 9.0]), 1.5, "sign <flipped>", worst=2),
        Comparison("b", (1, 4), "-", np.zeros(0), np.zeros(0), np.inf, "missing"),
    ]
    return Report("f & g", rows, "W: sign <flipped>: −dW\nb: missing", ["a note", "another"])


def test_a_table_letter_by_letter():
    assert str(made_by_hand()).splitlines() == [
        "f & g: WRONG, largest relative error inf",
        "tensor  shape   at         analytic       numeric        rel. error  verdict",
        "x       (2, 3)  direction  +1.500000e+00  -2.500000e-01  2.0e-09     ok",
        "W       (3,)    [2]        -4.500000e+00  +9.000000e+00  1.5e+00     sign <flipped>",
        "b       (1, 4)  -          -              -              inf         missing",
        "W: sign <flipped>: −dW",
        "b: missing",
        "a note",
        "another",
    ]


class Texts(HTMLParser):
    """The texts of a page in their order, each with the tag around it."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.found = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.tags.pop() == tag

    def handle_data(self, data):
        self.found.append((self.tags[-1], data))


def test_its_html_says_the_same_in_the_same_order():
    lines = str(made_by_hand()).splitlines()
    heads = ["tensor", "shape", "at", "analytic", "numeric", "rel. error", "verdict"]
    cells = [cell for c in made_by_hand().comparisons for cell in c.cells]
    assert cells[7:14] == ["W", "(3,)", "[2]", "-4.500000e+00", "+9.000000e+00", "1.5e+00", "sign <flipped>"]
    page = Texts(made_by_hand()._repr_html_())
    rows = [("div", lines[0]), *(("th", head) for head in heads), *(("td", cell) for cell in cells)]
    assert page.found == rows + [("div", line) for line in lines[5:]]
    assert page.tags == []


def test_reports_that_are_joined():
    first = Report("one", made_by_hand().comparisons[:1], notes=["1"])
    last = Report("three", made_by_hand().comparisons[1:2], "third", ["3", "4"])
    report = joined([first, made_by_hand(), last])
    assert [c.name for c in report.comparisons] == ["x", "x", "W", "b", "W"]
    assert report.title == "one"
    assert report.diagnosis == "W: sign <flipped>: −dW\nb: missing\nthird"
    assert report.notes == ["1", "a note", "another", "3", "4"]
    assert not report.ok
    assert (joined([first, first]).ok, first.rel_error, last.rel_error, report.rel_error) == (True, 2e-9, 1.5, np.inf)
    assert Report("nothing", []).rel_error == 0
    assert str(Report("nothing", [])).startswith("nothing: ok, largest relative error 0.0e+00\ntensor  shape")


def test_the_text_of_a_check_whose_slopes_are_known():
    """f = 3 a + b₀ b₁² at a = 2, b = (5, −3): ∂f/∂a = 3, ∂f/∂b = (9, −30)."""

    def paraboloid(t):
        return 3 * t[0] + t[1] * t[2] ** 2

    arguments = {"value": paraboloid, "at": np.array([2.0, 5.0, -3.0]), "parts": {"a": slice(1), "b": slice(1, 3)}}
    report = gradcheck(grad=lambda t: np.array([3, 9, 24.0]), entries=True, **arguments)
    a_error = report.comparisons[0].rel_error
    assert a_error < 1e-9
    assert str(report).splitlines() == [
        "paraboloid: WRONG, largest relative error 1.8e+00",
        "tensor  shape  at   analytic       numeric        rel. error  verdict",
        f"a       (1,)   [0]  +3.000000e+00  +3.000000e+00  {a_error:.1e}     ok",
        "b       (2,)   [1]  +2.400000e+01  -3.000000e+01  1.8e+00     no known mistake explains it",
        "b: no known mistake explains it: 1 of 2 entries are wrong, at [1]. db[1] is 24, central differences give -30",
    ]
    report = gradcheck(grad=lambda t: np.array([-3, 4.5, -15.0]), entries=True, **arguments)
    assert [c.shown for c in report.comparisons] == [
        ("-3.000000e+00", "+3.000000e+00"),
        ("-1.500000e+01", "-3.000000e+01"),
    ]
    assert [c.rel_error for c in report.comparisons] == pytest.approx([2, 0.5])
    assert report.diagnosis.splitlines() == [
        "a: sign flipped: −da is correct. da[0] is -3, central differences give 3",
        "b: off by a constant factor: db is 1/m = 1/2 times the correct one. "
        "db[1] is -15, central differences give -30",
    ]


class Tilted(Loss):
    """L_D = Σ a_x² − 3 Σ a_g with a wrong sign in a_g; L_G = Σ a_g² with a missing 2."""

    def discriminator(self, a_x, a_g):
        return (a_x**2).sum() - 3 * a_g.sum(), 2 * a_x, 3 * np.ones_like(a_g)

    def generator(self, a_g):
        return (a_g**2).sum(), a_g

    def __repr__(self):
        return "Tilted()"


def test_both_players_mistakes_stand_in_one_report():
    x = np.array([[1.0], [-2.0], [0.5]]), np.array([[0.25], [4.0]])
    report = gradcheck(Tilted(), x)
    assert [c.verdict for c in report.comparisons] == ["ok", "sign flipped", "off by a constant factor"]
    assert [c.shape for c in report.comparisons] == [(3, 1), (2, 1), (2, 1)]
    first, second = report.diagnosis.splitlines()
    assert first.startswith("D: a_g: sign flipped: −dD: a_g is correct. ")
    assert first.endswith("is 3, central differences give -3")
    assert second.startswith("G: a_g: off by a constant factor: ")
    assert second.endswith("[1, 0] is 4, central differences give 8")
    assert report.head == "Tilted(): WRONG, largest relative error 2.0e+00"


# Remarks on kinks, on few digits, on zeros


def bent(t):
    """Slopes −2 and 5 at 0 in t₀, 7 and −1 in t₁, 3 in t₂."""
    return np.maximum(5 * t[0], -2 * t[0]) + np.minimum(7 * t[1], -t[1]) + 3 * t[2]


def check_bent(*dtheta):
    return gradcheck(
        value=bent,
        grad=lambda t: np.where(t == 0, dtheta, [5 if t[0] > 0 else -2, -1 if t[1] > 0 else 7, 3]),
        at=np.array([0, 0, 1.0]),
    )


def test_a_sentence_on_a_kink_gives_the_value_and_both_slopes():
    for given, where, slopes in [((9, 0, 3), 0, "-2 and 5"), ((0, -4, 3), 1, "-1 and 7"), ((0, 7.5, 3), 1, "-1 and 7")]:
        report = check_bent(*given)
        assert report.diagnosis == (
            f"theta: correct everywhere but at kinks: dtheta[{where}] is {given[where]:g}, "
            f"the one-sided derivatives are {slopes}"
        )
        assert [c.verdict for c in report.comparisons] == ["wrong at kinks"]
        assert report.notes == [
            f"theta lies on or near a kink at [{where}], where there is no derivative: compared at a point nearby"
        ]


def test_a_kink_is_noted_even_where_the_gradient_is_the_mean_of_both_slopes():
    """|x| at 0, where sign 0 = 0 agrees with the central difference; x and W each have their own place."""
    x, W = np.array([[1.0, 2.0, -3.0], [4.0, 0.0, 5.0]]), np.array([0.5, 0.0])
    report = gradcheck(
        forward=lambda x: np.abs(x) + np.abs(W).sum(),
        backward=lambda dy, x: (dy * np.sign(x), {"W": dy.sum() * np.sign(W)}),
        x=x,
        params={"W": W},
    )
    assert report.ok
    assert report.notes == [
        f"{what} lies on or near a kink at {where}, where there is no derivative: compared at a point nearby"
        for what, where in (("x", "[1, 1]"), ("W", "[1]"))
    ]
    assert gradcheck(forward=np.abs, backward=lambda dy, x: dy * np.sign(x), x=x[:1]).notes == []


@pytest.mark.parametrize(
    ("given", "ok"),
    [((-2.006, 0, 3), True), ((-2.008, 0, 3), False), ((5.006, 0, 3), True), ((5.008, 0, 3), False),
     ((0, 7.006, 3), True), ((0, 7.008, 3), False), ((0, -1.006, 3), True), ((0, -1.008, 3), False)],
)  # fmt: skip
def test_at_a_kink_a_thousandth_of_the_largest_slope_is_let_pass(given, ok):
    """Of 7, in each of the entries."""
    assert check_bent(*given).ok == ok


def test_a_mistake_beside_a_kink_is_diagnosed_nearby():
    report = gradcheck(
        value=bent,
        grad=lambda t: np.array([5 if t[0] > 0 else -2, -1 if t[1] > 0 else 7, -3]),
        at=np.array([0, 0, 1.0]),
    )
    assert report.diagnosis.startswith("theta: no known mistake explains it: 1 of 3 entries are wrong, at [2]. ")
    assert report.diagnosis.endswith("dtheta[2] is -3, central differences give 3")
    assert report.notes == [
        "theta lies on or near a kink at [0], where there is no derivative: compared at a point nearby"
    ]


def test_a_point_nearby_is_a_hundredth_away():
    """|t₀| + t₁² at (0, 5): the slope 2 t₁ tells where it is compared; the rms of t is 5/√2."""
    moved = []
    for seed in range(30):
        report = gradcheck(
            value=lambda t: abs(t[0]) + t[1] ** 2,
            grad=lambda t: np.array([np.sign(t[0]), 2 * t[1]]),
            at=np.array([0.0, 5.0]),
            entries=True,
            seed=seed,
        )
        assert report.ok
        moved.append(report.comparisons[0].numeric[1] / 2 - 5)
    assert 0.007 < np.std(moved) / (5 / np.sqrt(2)) < 0.014


def test_few_significant_digits_are_a_remark_and_no_mistake():
    def shifted(x):
        return (np.sin(x) + 1e8) - 1e8

    x = np.array([[0.3, -0.4], [1.1, 0.7]])
    report = gradcheck(forward=shifted, backward=lambda dy, x: dy * np.cos(x), x=x)
    assert report.ok
    assert report.notes == ["x: y has few significant digits here; equal within the rounding error of the differences"]
    assert report.rel_error > 1e-6
    assert not gradcheck(forward=shifted, backward=lambda dy, x: 1.01 * dy * np.cos(x), x=x).ok


def test_zeros_are_a_remark_only_where_all_are_zero():
    note = "every gradient is 0 up to rounding here, so the comparison says little: try another x"

    def check(W):
        def backward(dy, x):
            return 0 * x, {"W": dy * 2 * W}

        return gradcheck(forward=lambda x: W**2, backward=backward, x=np.ones((2, 3)), params={"W": W})

    report = check(np.zeros((2, 3)))
    assert (report.ok, report.notes) == (True, [note])
    report = gradcheck(forward=np.sign, backward=lambda dy, x: 0 * dy, x=np.array([[1.0, -2, 3]]))
    assert (report.ok, report.notes) == (True, [note])
    report = check(np.array([[0.5, 2.0, 1.0], [1.0, -1.0, 3.0]]))
    assert (report.ok, report.notes) == (True, [])
