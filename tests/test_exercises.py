"""The exercises grade themselves: full marks for the reference, none for blanks, and a cause for each usual mistake.

What a student gets, in release/, is the source without solutions and hidden tests. nbgrader makes it, and
`python tests/nbgrader_run.py` asks nbgrader itself the questions that this file asks a stand-in of twenty lines.
"""

import pytest
from notebook_tools import EXERCISES, HIDDEN, RELEASES, SOLUTION, code, grade, mark, read, reference, released, source

BY_NAME = {path.stem: read(path) for path in EXERCISES}
each_notebook = pytest.mark.parametrize("name", BY_NAME)


def full(notebook):
    return {mark(c)["grade_id"]: mark(c)["points"] for c in code(notebook) if mark(c).get("grade")}


def test_there_are_exercises():
    assert list(BY_NAME) == ["1_layers", "2_losses", "3_adam", "4_algorithm_1", "5_r1", "6_convolution"]


@each_notebook
def test_the_reference_gets_full_marks(name):
    points, said = grade(BY_NAME[name], reference)
    assert points == full(BY_NAME[name]), said


@each_notebook
def test_blanks_get_no_marks(name):
    points, said = grade(BY_NAME[name], released)
    assert not any(points.values())
    assert all("NotImplementedError" in text for text in said.values())


@each_notebook
def test_cells_are_marked_for_nbgrader(name):
    """Each solution is followed by its one graded cell; ids are unique; all other cells are locked, tests hide one."""
    marked = [cell for cell in code(BY_NAME[name]) if mark(cell)]
    assert len({mark(cell)["grade_id"] for cell in marked}) == len(marked)
    assert not mark(marked[0])["solution"] and not mark(marked[0])["grade"]
    assert all(mark(cell)["locked"] != mark(cell)["solution"] for cell in marked)
    tasks = [cell for cell in marked if mark(cell)["solution"] or mark(cell)["grade"]]
    for solution, test in zip(tasks[::2], tasks[1::2], strict=True):
        assert mark(solution)["solution"] and not mark(solution)["grade"] and not mark(solution)["locked"]
        assert mark(test)["grade"] and mark(test)["locked"] and mark(test)["points"] > 0
        assert SOLUTION.search(source(solution)) and HIDDEN.search(source(test))
    for cell in marked:
        assert mark(cell)["schema_version"] == 3 and mark(cell)["task"] is False
        assert {"grade", "grade_id", "locked", "solution"} <= mark(cell).keys()


@each_notebook
def test_exercises_carry_no_outputs(name):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code(BY_NAME[name]))


# What a student gets


@each_notebook
def test_the_release_is_the_stripped_source(name):
    """Cell for cell: solutions are blank, hidden tests are gone, and nothing else differs; nbgrader adds checksums."""
    release = read(RELEASES / f"{name}.ipynb")
    for given, kept in zip(release["cells"], BY_NAME[name]["cells"], strict=True):
        assert (given["cell_type"], given["id"]) == (kept["cell_type"], kept["id"])
        blank = mark(kept).get("solution") or mark(kept).get("grade")
        assert source(given).strip() == (released(kept) if blank else source(kept)).strip()
        assert {key: mark(given)[key] for key in mark(kept)} == mark(kept)
        assert given["metadata"].get("editable", True) is not mark(kept).get("locked", False)
    assert release["metadata"]["kernelspec"] == BY_NAME[name]["metadata"]["kernelspec"]
    assert not any(cell["outputs"] for cell in code(release))


def test_a_release_tells_no_solution():
    assert sorted(path.stem for path in RELEASES.glob("*.ipynb")) == list(BY_NAME)
    for name, notebook in BY_NAME.items():
        text = "\n".join(map(source, read(RELEASES / f"{name}.ipynb")["cells"]))
        assert "SOLUTION" not in text and "HIDDEN" not in text
        for body in (match[0] for cell in code(notebook) for match in SOLUTION.finditer(source(cell))):
            assert body.splitlines()[-2].strip() not in text, "the last line of a solution"


# Parts of answers that several of the wrong ones share.
D_SEES = (
    "x_g = np.concatenate([G(z), x_old])\n    a_x, t_x = D.forward(x)\n    a_g, t_g = D.forward(x_g)\n"
    "    _, da_x, da_g = loss.discriminator(a_x, a_g)\n"
)
D_LEARNS = "    D.backward(da_x, t_x, add=False)\n    D.backward(da_g, t_g)"
G_LEARNS = (
    "x_g, tape = G.forward(z)\n    dx_g = 0\n    for D in (D1, D2):\n        a_g, t = D.forward(x_g)\n"
    "        dx_g = dx_g + D.backward(loss.generator(a_g)[1] / 2, t, params=False)\n"
    "    G.backward(dx_g, tape, add=False)"
)
Q = "s = np.where(x @ A + c > 0, 1.0, SLOPE)\n    q = (B.T * s) @ A.T + w.T\n    "
D_VALUE = (
    "def d_right(a_g, a_x, r, s):\n"
    "        real, fake = s * softplus(-a_x) + (1 - s) * softplus(a_x), r * softplus(-a_g) + (1 - r) * softplus(a_g)\n"
    "        return real.mean() + fake.mean()\n\n    return "
)
UNFOLD = (
    "m, c, h, w = x.shape\n    x = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])\n"
    "    corners = [(r, t) for r in range(0, h + 2 * p - k + 1, s) for t in range(0, w + 2 * p - k + 1, s)]\n"
    "    return np.stack([x[:, :, r : r + k, t : t + k].reshape(m, -1) for r, t in corners], axis=2)"
)
FOLD = (
    "m, c, h, w = shape\n    x = np.zeros((m, c, h + 2 * p, w + 2 * p))\n"
    "    corners = [(r, t) for r in range(0, h + 2 * p - k + 1, s) for t in range(0, w + 2 * p - k + 1, s)]\n"
    "    for j, (r, t) in enumerate(corners):\n"
    "        x[:, :, r : r + k, t : t + k] += q[:, :, j].reshape(m, c, k, k)\n"
    "    return x[:, :, p : p + h, p : p + w]"
)
CONV_DW = (
    "k, (h, w) = W.shape[2], dy.shape[2:]\n    x = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])\n"
    "    dW = np.zeros_like(W)\n    for u, v in np.ndindex(k, k):\n"
    "        seen = x[:, :, u : u + s * h : s, v : v + s * w : s]\n"
    "        dW[:, :, u, v] = np.einsum('iort,iart->oa', dy, seen)\n    return dW"
)
CONV_DX = (
    "(m, c, h, w), k, (h_, w_) = shape, W.shape[2], dy.shape[2:]\n"
    "    dx = np.zeros((m, c, h + 2 * p, w + 2 * p))\n    for r, t in np.ndindex(h_, w_):\n"
    "        patch = np.einsum('oauv,io->iauv', W, dy[:, :, r, t])\n"
    "        dx[:, :, s * r : s * r + k, s * t : s * t + k] += patch\n    return dx[:, :, p : p + h, p : p + w]"
)
LABELLED_G = (
    "x_g, tape_g = G.forward(np.concatenate([hot, z], axis=1))\n"
    "    a, tape_d = D.forward(np.concatenate([hot, x_g], axis=1))\n"
    "    dx = D.backward(loss.generator(a)[1], tape_d, params=False)\n"
    "    G.backward(dx[:, hot.shape[1] :], tape_g, add=False)"
)

# Notebook, the cell that is wrong, its body, and what the student is told.
MISTAKES = [
    ("1_layers", "linear_dV", "return g * x.T @ dy", "transposed"),
    ("1_layers", "linear_dV", "return dy.T @ x", "the gain is missing"),
    ("1_layers", "linear_dV", "return g * dy.T @ x / len(x)", "averaged over the batch"),
    ("1_layers", "linear_dV", "return -g * dy.T @ x", "sign flipped"),
    ("1_layers", "linear_dV", "return g * dy[:1].T @ x[:1]", "not summed over the batch"),
    ("1_layers", "linear_dV", "g * dy.T @ x", "nothing is returned"),
    ("1_layers", "linear_dg", "return x @ V.T", "wrong shape"),
    ("1_layers", "linear_dg", "return (x @ V.T).sum()", "dy is missing"),
    ("1_layers", "linear_dg", "return dy.sum()", "x and V are missing"),
    ("1_layers", "linear_dg", "return (dy * (x @ V.T)).mean()", "averaged over all entries"),
    ("1_layers", "linear_dg", "return (dy * (x @ V.T)).sum() / len(x)", "averaged over the batch"),
    ("1_layers", "linear_dx", "return dy @ V", "the gain is missing"),
    ("1_layers", "linear_dx", "return g * dy @ V.T", "transposed"),
    ("1_layers", "linear_dx", "dy *= g\n    return dy @ V", "input modified in place"),
    ("1_layers", "softplus_dx", "return 1 / (1 + np.exp(-x))", "dy is left out"),
    ("1_layers", "softplus_dx", "return dy / (1 + np.exp(x))", "that is σ(−x)"),
    ("1_layers", "softplus_dx", "return dy * np.logaddexp(x, 0)", "that is f itself"),
    ("1_layers", "softplus_dx", "s = 1 / (1 + np.exp(-x))\n    return dy * s * (1 - s)", "of the sigmoid"),
    ("1_layers", "elu_dx", "return dy * np.where(x > 0, 1, np.exp(x))", "α is missing"),
    ("1_layers", "elu_dx", "return dy * (x > 0)", "that is ReLU"),
    ("1_layers", "elu_dx", "return dy", "the activation's derivative is forgotten"),
    ("1_layers", "elu_dx", "return dy * np.where(x > 0, 1, alpha)", "that is LeakyReLU"),
    ("1_layers", "silu_dx", "return dy / (1 + np.exp(-x))", "x σ′(x) is missing"),
    ("1_layers", "silu_dx", "s = 1 / (1 + np.exp(-x))\n    return dy * x * s * (1 - s)", "σ(x) is missing"),
    ("1_layers", "silu_dx", "s = 1 / (1 + np.exp(-x))\n    return dy * s * (1 - s)", "derivative of the sigmoid"),
    ("1_layers", "layernorm_dgamma", "return dy.sum(axis=0)", "that is the gradient of β"),
    ("1_layers", "layernorm_dgamma", "return x_hat.sum(axis=0)", "dy is missing"),
    ("1_layers", "layernorm_dgamma", "return (dy * x_hat).mean(axis=0)", "averaged over the batch"),
    ("1_layers", "layernorm_dgamma", "return (dy * x_hat).sum(axis=1)", "wrong axis"),
    ("1_layers", "layernorm_dx", "return dy * gamma * s", "row statistics held constant"),
    (
        "1_layers",
        "layernorm_dx",
        "d = dy * gamma\n    return s * (d - d.mean(axis=1, keepdims=True))",
        "the variance is held constant",
    ),
    (
        "1_layers",
        "layernorm_dx",
        "d = dy * gamma\n    return s * (d - d.mean(axis=0) - x_hat * (d * x_hat).mean(axis=0))",
        "that is batch normalisation",
    ),
    (
        "1_layers",
        "layernorm_dx",
        "d = dy\n    m = lambda a: a.mean(axis=1, keepdims=True)\n    return s * (d - m(d) - x_hat * m(d * x_hat))",
        "γ is missing",
    ),
    (
        "2_losses",
        "d_value",
        "V = -softplus(-a_x).mean() - softplus(a_g).mean()\n    return -V",
        "the labels are not smoothed",
    ),
    ("2_losses", "d_value", D_VALUE + "-d_right(a_g, a_x, r, s)", "sign flipped"),
    ("2_losses", "d_value", D_VALUE + "d_right(a_g, a_x, r, s) / 2", "a mean over both batches"),
    ("2_losses", "d_value", D_VALUE + "d_right(a_x, a_g, r, s)", "r and s have changed places"),
    ("2_losses", "d_value", D_VALUE + "d_right(a_g, a_x, s, r)", "r and s have changed places"),
    (
        "2_losses",
        "d_value",
        "x, g = sigmoid(a_x), sigmoid(a_g)\n    return -(s * np.log(x) + (1 - s) * np.log(1 - x)).mean() - ("
        "r * np.log(g) + (1 - r) * np.log(1 - g)).mean()",
        "overflow",
    ),
    ("2_losses", "d_value", "return softplus(-a_x) + softplus(a_g)", "a loss is one number"),
    ("2_losses", "d_da_real", "return sigmoid(a_x) - s", "m times too large"),
    ("2_losses", "d_da_real", "return (s - sigmoid(a_x)) / len(a_x)", "sign flipped"),
    ("2_losses", "d_da_real", "return (sigmoid(a_x) - 1) / len(a_x)", "s is ignored"),
    ("2_losses", "d_da_real", "return ((1 - s) / sigmoid(-a_x) - s / sigmoid(a_x)) / len(a_x)", "derivative in D"),
    ("2_losses", "d_da_real", "return (sigmoid(a_x) - s) / len(a_x) ** 2", "taken twice"),
    ("2_losses", "d_da_fake", "return sigmoid(a_g) / len(a_g)", "r is ignored"),
    ("2_losses", "d_da_fake", "return ((1 - r) / sigmoid(-a_g) - r / sigmoid(a_g)) / len(a_g)", "derivative in D"),
    ("2_losses", "d_da_fake", "return (sigmoid(a_g) - (1 - r)) / len(a_g)", "r stands where 1 − r should"),
    ("2_losses", "d_da_fake", "return (sigmoid(a_g) - r) / len(a_g) / 2", "half of what it should be"),
    ("2_losses", "g_least_squares", "return 2 * (a_g - c) / len(a_g)", "twice too large"),
    ("2_losses", "g_least_squares", "return (c - a_g) / len(a_g)", "sign flipped"),
    ("2_losses", "g_least_squares", "return a_g / len(a_g)", "c is ignored"),
    ("2_losses", "g_least_squares", "return (a_g - c) ** 2 / 2 / len(a_g)", "not its derivative"),
    ("2_losses", "g_least_squares", "return ((a_g - c) / len(a_g)).ravel()", "wrong shape"),
    ("2_losses", "g_both", "return -sigmoid(a_g) / len(a_g)", "log(1 − D(G(z))) alone"),
    ("2_losses", "g_both", "return (sigmoid(a_g) - 1) / len(a_g)", "−log D(G(z)) alone"),
    ("2_losses", "g_both", "return (2 * sigmoid(a_g) - 1) / len(a_g)", "a sign is wrong in one of the two terms"),
    ("2_losses", "g_both", "return -1 / len(a_g)", "wrong shape"),
    ("2_losses", "g_both", "return (-1 / sigmoid(-a_g) - 1 / sigmoid(a_g)) / len(a_g)", "derivative in D"),
    ("2_losses", "trap_climbs", "return -softplus(-a_g).mean()", "two things are to be returned"),
    (
        "2_losses",
        "trap_climbs",
        "return softplus(-a_g).mean(), (sigmoid(a_g) - 1) / len(a_g)",
        "away from D's approval",
    ),
    ("2_losses", "trap_climbs", "return softplus(-a_g).mean(), (1 - sigmoid(a_g)) / len(a_g)", "the loss's sign"),
    ("2_losses", "trap_climbs", "return softplus(a_g).mean(), sigmoid(a_g) / len(a_g)", "which saturates"),
    ("3_adam", "adamax_moments", "return beta1 * m + (1 - beta1) * g, np.maximum(beta2 * u, g)", "absolute value"),
    ("3_adam", "adamax_moments", "return beta1 * m + (1 - beta1) * g, np.maximum(u, np.abs(g))", "does not fade"),
    (
        "3_adam",
        "adamax_moments",
        "return beta1 * m + g, np.maximum(beta2 * u, np.abs(g))",
        "the factor 1 − β is missing",
    ),
    (
        "3_adam",
        "adamax_moments",
        "return beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2",
        "that is Adam's v",
    ),
    (
        "3_adam",
        "adamax_moments",
        "m *= beta1\n    m += (1 - beta1) * g\n    return m, np.maximum(beta2 * u, np.abs(g))",
        "modified in place",
    ),
    ("3_adam", "trap_bias_correction", "return lr / (1 - beta1)", "the power of t is missing"),
    ("3_adam", "trap_bias_correction", "return lr", "no correction at all"),
    ("3_adam", "trap_bias_correction", "return 1 / (1 - beta1**t)", "η is missing"),
    ("3_adam", "trap_bias_correction", "lr / (1 - beta1**t)", "nothing is returned"),
    ("3_adam", "adamax_moments", "m = beta1 * m + (1 - beta1) * g", "nothing is returned"),
    ("3_adam", "adamax_moments", "return beta1 * m + (1 - beta1) * g", "two things are to be returned"),
    ("3_adam", "trap_bias_correction", "return lr / (1 - beta1 ** (t + 1))", "t counts from 1"),
    ("3_adam", "trap_bias_correction", "return lr * (1 - beta1**t)", "multiplied where it should be divided"),
    ("3_adam", "adamax_update", "return theta + step * m / u - lr * w * theta", "this climbs"),
    ("3_adam", "adamax_update", "return theta - step * m / u", "the decay is missing"),
    ("3_adam", "adamax_update", "return theta - step * m / u - step * w * theta", "not corrected for bias"),
    ("3_adam", "adamax_update", "return theta - step * (m + w * theta) / u", "coupled"),
    ("3_adam", "adamax_update", "return theta - step * m / np.sqrt(u) - lr * w * theta", "a root too many"),
    (
        "4_algorithm_1",
        "d_step",
        "a, tape = D.forward(x)\n    _, da_x, _ = loss.discriminator(a, a)\n    D.backward(da_x, tape, add=False)",
        "the samples' half is missing",
    ),
    (
        "4_algorithm_1",
        "d_step",
        D_SEES + "    D.backward(da_x, t_x, add=False)\n    D.backward(da_g, t_g, add=False)",
        "the data's half is missing",
    ),
    (
        "4_algorithm_1",
        "d_step",
        D_SEES + "    D.backward(da_x, t_x)\n    D.backward(da_g, t_g)",
        "accumulation doubled",
    ),
    (
        "4_algorithm_1",
        "d_step",
        D_SEES.replace("np.concatenate([G(z), x_old])", "G(z)") + D_LEARNS,
        "the old samples are missing",
    ),
    ("4_algorithm_1", "d_step", D_SEES.replace("[G(z), x_old]", "[x_old]") + D_LEARNS, "the new samples are missing"),
    (
        "4_algorithm_1",
        "d_step",
        "loss_of = lambda rows: loss.discriminator(D(x), D(rows))\n    D.grad[...] = 0\n"
        "    D.backward(loss_of(x_old)[1], D.forward(x)[1])\n"
        "    for rows in (G(z), x_old):\n        D.backward(loss_of(rows)[2], D.forward(rows)[1])",
        "new and old rows must count the same",
    ),
    (
        "4_algorithm_1",
        "d_step",
        D_SEES.replace("D.forward(x)", "D.forward(np.concatenate([x, x_old]))").replace(
            "np.concatenate([G(z), x_old])", "G(z)"
        )
        + D_LEARNS,
        "the old samples were taken for data",
    ),
    ("4_algorithm_1", "d_step", D_SEES + D_LEARNS + "\n    G.grad[...] = 0", "G.grad was written in D's step"),
    ("4_algorithm_1", "d_step", "pass", "nothing was written"),
    ("4_algorithm_1", "g_step", "x_g, tape = G.forward(z)", "nothing was written"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace(", params=False", ""), "D.grad was written in G's step"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("loss.generator", "ng.losses.minimax.generator"), "minimax's"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("/ 2", "* -0.5"), "sign flipped"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("/ 2", ""), "a sum over the discriminators"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("(D1, D2)", "(D1,)"), "D2 is missing"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("dx_g + ", ""), "D1 is missing"),
    ("4_algorithm_1", "g_step", G_LEARNS.replace("add=False", "add=True"), "accumulation doubled"),
    ("5_r1", "input_gradient", "return np.repeat((A @ B + w).T, len(x), axis=0)", "is forgotten"),
    ("5_r1", "input_gradient", "return (np.where(x @ A > 0, 1, SLOPE) * B.T) @ A.T + w.T", "the bias is forgotten"),
    ("5_r1", "input_gradient", "return (np.where(x @ A + c > 0, 1, SLOPE) * B.T) @ A.T", "skip connection is missing"),
    ("5_r1", "r1_dw", "return gamma * w", "q depends on the hidden layer too"),
    ("5_r1", "r1_dw", Q + "return gamma * (q - w.T).mean(axis=0)[:, None]", "the skip connection is missing in q"),
    ("5_r1", "r1_dw", Q + "return gamma * q.sum(axis=0)[:, None]", "m times too large"),
    ("5_r1", "r1_dw", Q + "return gamma * q.mean(axis=0)", "wrong shape"),
    ("5_r1", "r1_dw", Q + "return gamma * q.mean(axis=0)[:, None] / len(x)", "taken twice"),
    ("5_r1", "r1_dA", Q + "return (gamma * q).T @ (B.T * s)", "m times too large"),
    ("5_r1", "r1_dA", Q + "return 2 * gamma / len(x) * q.T @ (B.T * s)", "twice too large"),
    ("5_r1", "r1_dA", Q + "return gamma / len(x) * (q - w.T).T @ (B.T * s)", "skip connection is missing in v"),
    ("5_r1", "r1_dB", Q + "return gamma / len(x) * (q @ A).sum(axis=0)[:, None]", "v passes the LeakyReLU too"),
    ("5_r1", "r1_dB", Q + "return gamma / len(x) * (((q - w.T) @ A) * s).sum(axis=0)[:, None]", "is missing in v"),
    ("5_r1", "r1_dB", Q + "return ((q @ A) * s).mean(axis=0)[:, None]", "γ is missing"),
    ("6_convolution", "unfold", UNFOLD.replace("+ 1, s)", "+ 1)"), "wrong shape"),
    ("6_convolution", "unfold", UNFOLD.replace("axis=2", "axis=1"), "transposed: a patch is a column"),
    ("6_convolution", "unfold", UNFOLD.replace("(p, p)", "(0, 0)").replace("2 * p", "0"), "the padding is missing"),
    (
        "6_convolution",
        "unfold",
        UNFOLD.replace("[x[:, :, r : r + k, t : t + k]", "[x[:, :, r // s : r // s + k, t // s : t // s + k]"),
        "stride ignored: windows are s apart",
    ),
    (
        "6_convolution",
        "unfold",
        UNFOLD.replace("x[:, :, r", "x.transpose(0, 2, 3, 1)[:, r").replace("t + k].", "t + k, :]."),
        "the channel must count slowest",
    ),
    (
        "6_convolution",
        "unfold",
        UNFOLD.replace("for r, t in corners", "for r, t in sorted(corners, key=lambda c: c[::-1])"),
        "here column by column",
    ),
    ("6_convolution", "fold", FOLD.replace("+=", "="), "overlapping patches overwritten"),
    ("6_convolution", "fold", FOLD.replace("x[:, :, p : p + h, p : p + w]", "x"), "crop it"),
    ("6_convolution", "fold", FOLD.replace("x[:, :, p : p + h, p : p + w]", "x[:, :, :h, :w]"), "padding off by one"),
    (
        "6_convolution",
        "fold",
        FOLD.replace("r : r + k, t : t + k", "r // s : r // s + k, t // s : t // s + k"),
        "stride ignored",
    ),
    (
        "6_convolution",
        "fold",
        FOLD.replace("    for j,", "    seen = 0 * x\n    for j,").replace(
            "    return", "        seen[:, :, r : r + k, t : t + k] += 1\n    x /= np.maximum(seen, 1)\n    return"
        ),
        "the adjoint adds, it does not average",
    ),
    ("6_convolution", "conv_dW", CONV_DW.replace("return dW", "return dW[:, :, ::-1, ::-1]"), "kernel flipped"),
    ("6_convolution", "conv_dW", CONV_DW.replace("return dW", "return dW / len(x)"), "averaged over the batch"),
    (
        "6_convolution",
        "conv_dW",
        CONV_DW.replace("u : u + s * h : s, v : v + s * w : s", "u : u + h, v : v + w"),
        "stride ignored",
    ),
    (
        "6_convolution",
        "conv_dW",
        CONV_DW.replace("return dW", "return dW.transpose(0, 2, 3, 1).reshape(dW.shape)"),
        "channels and pixels swapped",
    ),
    ("6_convolution", "conv_dW", CONV_DW.replace("return dW", "return dW.swapaxes(0, 1)"), "axes swapped"),
    ("6_convolution", "conv_dx", CONV_DX.replace(", W, dy", ", W[:, :, ::-1, ::-1], dy"), "kernel flipped"),
    ("6_convolution", "conv_dx", CONV_DX.replace("+=", "="), "overlapping patches overwritten"),
    (
        "6_convolution",
        "conv_dx",
        CONV_DX.replace("s * r : s * r + k, s * t : s * t + k", "r : r + k, t : t + k"),
        "stride ignored",
    ),
    ("6_convolution", "conv_dx", CONV_DX.replace("[:, :, p : p + h, p : p + w]", ""), "padding not cropped"),
    ("6_convolution", "conv_dx", CONV_DX.replace("[:, :, p : p + h, p : p + w]", "[:, :, :h, :w]"), "padding off by"),
    ("6_convolution", "labelled", "return np.column_stack([height * labels, rows])", "make it one-hot"),
    ("6_convolution", "labelled", "return np.hstack([rows, height * np.eye(K)[labels]])", "after the row"),
    ("6_convolution", "labelled", "return np.hstack([np.eye(K)[labels], rows])", "the height is missing"),
    ("6_convolution", "labelled", "return height * np.hstack([np.eye(K)[labels], rows])", "rows too are multiplied"),
    ("6_convolution", "labelled", "return np.hstack([height * np.eye(K)[labels - 1], rows])", "count from 0"),
    ("6_convolution", "labelled_g_step", LABELLED_G.replace("hot.shape[1] :", ": -hot.shape[1]"), "are the label's"),
    ("6_convolution", "labelled_g_step", LABELLED_G.replace(", params=False", ""), "D.grad was written in G's step"),
    (
        "6_convolution",
        "labelled_g_step",
        LABELLED_G.replace("loss.generator(a)[1]", "-loss.generator(a)[1]"),
        "found out",
    ),
    ("6_convolution", "labelled_g_step", LABELLED_G.replace("[hot, x_g]", "[0 * hot, x_g]"), "D is not told the label"),
    ("6_convolution", "labelled_g_step", LABELLED_G.replace("[hot, z]", "[0 * hot, z]"), "G is not told the label"),
    ("6_convolution", "labelled_g_step", LABELLED_G.replace(", add=False", ""), "accumulation doubled"),
]


def test_there_are_enough_mistakes():
    assert len(MISTAKES) >= 60


@pytest.mark.parametrize(("name", "wrong", "body", "cause"), MISTAKES, ids=[f"{m[1]}-{m[3][:24]}" for m in MISTAKES])
def test_a_mistake_costs_its_own_points_and_is_named(name, wrong, body, cause):
    notebook = BY_NAME[name]

    def answers(cell):
        text = source(cell)
        return SOLUTION.sub(lambda match: match[1] + body, text) if mark(cell)["grade_id"] == wrong else text

    points, said = grade(notebook, answers)
    lost = {grade_id for grade_id, most in full(notebook).items() if points[grade_id] < most}
    assert lost == {f"test_{wrong}"}, said
    assert cause in said[f"test_{wrong}"]


def test_every_solution_has_a_typical_mistake():
    solutions = {mark(c)["grade_id"] for nb in BY_NAME.values() for c in code(nb) if mark(c).get("solution")}
    assert solutions == {wrong for _, wrong, _, _ in MISTAKES}
