"""The exercises grade themselves: full marks for the reference, none for blanks, and a cause for each usual mistake."""

import pytest
from notebook_tools import EXERCISES, HIDDEN, SOLUTION, code, grade, mark, read, reference, released, source

BY_NAME = {path.stem: read(path) for path in EXERCISES}
each_notebook = pytest.mark.parametrize("name", BY_NAME)


def full(notebook):
    return {mark(c)["grade_id"]: mark(c)["points"] for c in code(notebook) if mark(c).get("grade")}


def test_there_are_exercises():
    assert list(BY_NAME) == ["1_layers", "2_losses", "3_adam", "4_algorithm_1", "5_r1"]


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
    """Each solution is followed by its one graded cell; ids are unique; graded cells are locked and hide a test."""
    marked = [cell for cell in code(BY_NAME[name]) if mark(cell)]
    assert len({mark(cell)["grade_id"] for cell in marked}) == len(marked)
    assert not mark(marked[0])["solution"] and mark(marked[0])["locked"]
    for solution, test in zip(marked[1::2], marked[2::2], strict=True):
        assert mark(solution)["solution"] and not mark(solution)["grade"] and not mark(solution)["locked"]
        assert mark(test)["grade"] and mark(test)["locked"] and mark(test)["points"] > 0
        assert SOLUTION.search(source(solution)) and HIDDEN.search(source(test))
    for cell in marked:
        assert mark(cell)["schema_version"] == 3 and mark(cell)["task"] is False
        assert {"grade", "grade_id", "locked", "solution"} <= mark(cell).keys()


@each_notebook
def test_exercises_carry_no_outputs(name):
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code(BY_NAME[name]))


# Notebook, the cell that is wrong, its body, and what the student is told.
MISTAKES = [
    ("1_layers", "linear_dW", "return dy.T @ x", "transposed"),
    ("1_layers", "linear_dW", "return x.T @ dy / len(x)", "averaged over the batch"),
    ("1_layers", "linear_dW", "return -x.T @ dy", "sign flipped"),
    ("1_layers", "linear_dW", "return x[:, :, None] * dy[:, None, :]", "not summed over the batch"),
    ("1_layers", "linear_dW", "return x[:1].T @ dy[:1]", "not summed over the batch"),
    ("1_layers", "linear_db", "return dy.mean(axis=0)", "averaged over the batch"),
    ("1_layers", "linear_db", "return dy", "not summed over the batch"),
    ("1_layers", "linear_db", "return np.zeros(dy.shape[1])", "bias gradient missing"),
    ("1_layers", "linear_db", "return dy.sum(axis=1)", "wrong shape"),
    ("1_layers", "linear_dx", "return dy @ W", "transposed"),
    ("1_layers", "linear_dx", "dy *= 2\n    return dy @ W.T / 2", "input modified in place"),
    ("1_layers", "leaky_relu_dx", "return dy * (x > 0)", "that is ReLU"),
    ("1_layers", "leaky_relu_dx", "return np.where(x > 0, 1.0, slope)", "dy left out"),
    ("1_layers", "leaky_relu_dx", "return dy", "activation's derivative forgotten"),
    ("1_layers", "batchnorm_dgamma", "return dy.sum(axis=0)", "gradient of another argument"),
    ("1_layers", "batchnorm_dgamma", "return (dy * x_hat).mean(axis=0)", "averaged over the batch"),
    ("1_layers", "batchnorm_dx", "return dy * gamma * s", "batch statistics held constant"),
    ("1_layers", "batchnorm_dx", "d = dy * gamma\n    return (d - d.mean(0)) * s", "batch statistics held constant"),
    ("2_losses", "d_value", "return -softplus(-a_x).mean() - softplus(a_g).mean()", "sign flipped"),
    ("2_losses", "d_value", "return (softplus(-a_x).mean() + softplus(a_g).mean()) / 2", "a mean over both batches"),
    ("2_losses", "d_value", "return -np.log(sigmoid(a_x)).mean() - np.log(1 - sigmoid(a_g)).mean()", "overflow"),
    ("2_losses", "d_value", "return softplus(-a_x) + softplus(a_g)", "a loss is one number"),
    ("2_losses", "d_da_x", "return sigmoid(a_x) - 1", "off by a constant factor: dtheta is m = 6"),
    ("2_losses", "d_da_x", "return (1 - sigmoid(a_x)) / len(a_x)", "sign flipped"),
    ("2_losses", "d_da_g", "return -sigmoid(a_g) / len(a_g)", "sign flipped"),
    ("2_losses", "d_da_g", "return sigmoid(a_g) / len(a_g) / 2", "off by a constant factor: dtheta is ½"),
    ("2_losses", "g_minimax", "return sigmoid(a_g) / len(a_g)", "sign flipped"),
    ("2_losses", "g_nonsaturating", "return -sigmoid(a_g) / len(a_g)", "which saturates"),
    ("2_losses", "g_nonsaturating", "return (sigmoid(a_g) - 1).ravel() / len(a_g)", "the derivative has shape"),
    ("2_losses", "trap_ascends", "return softplus(a_g).mean(), sigmoid(a_g) / len(a_g)", "ascends log(1 − D(G(z)))"),
    ("2_losses", "trap_ascends", "return softplus(a_g).mean(), -sigmoid(a_g) / len(a_g)", "the printed sign"),
    ("3_adam", "adam_moments", "return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g", "not of g²"),
    ("3_adam", "adam_moments", "return beta1 * m + g, beta2 * v + g**2", "the factor 1 − β is missing"),
    ("3_adam", "adam_moments", "m *= beta1\n    m += (1 - beta1) * g\n    return m, v", "modified in place"),
    ("3_adam", "trap_bias_correction", "return moment / (1 - beta)", "the power of t is missing"),
    ("3_adam", "trap_bias_correction", "return moment", "no correction at all"),
    ("3_adam", "trap_bias_correction", "return moment / (1 - beta ** (t + 1))", "t counts from 1"),
    ("3_adam", "adam_update", "return theta - lr * m_hat / np.sqrt(v_hat + eps)", "inside the root"),
    ("3_adam", "adam_update", "return theta + lr * m_hat / (np.sqrt(v_hat) + eps)", "this climbs"),
    ("3_adam", "adam_update", "return theta - lr * m_hat / (v_hat + eps)", "the root is missing"),
    (
        "4_algorithm_1",
        "d_step",
        "a, tape = D.forward(x)\n    _, da_x, _ = loss.discriminator(a, a)\n    D.backward(da_x, tape, add=False)",
        "the samples' half is missing",
    ),
    (
        "4_algorithm_1",
        "d_step",
        "a_x, t_x = D.forward(x)\n    a_g, t_g = D.forward(G(z))\n    _, da_x, da_g = loss.discriminator(a_x, a_g)\n"
        "    D.backward(da_x, t_x, add=False)\n    D.backward(da_g, t_g, add=False)",
        "the data's half is missing",
    ),
    (
        "4_algorithm_1",
        "d_step",
        "a_x, t_x = D.forward(x)\n    a_g, t_g = D.forward(G(z))\n    _, da_x, da_g = loss.discriminator(a_x, a_g)\n"
        "    D.backward(da_x, t_x)\n    D.backward(da_g, t_g)",
        "accumulation doubled",
    ),
    (
        "4_algorithm_1",
        "d_step",
        "x_g, t_G = G.forward(z)\n    a_x, t_x = D.forward(x)\n    a_g, t_g = D.forward(x_g)\n"
        "    _, da_x, da_g = loss.discriminator(a_x, a_g)\n    D.backward(da_x, t_x, add=False)\n"
        "    G.backward(D.backward(da_g, t_g), t_G)",
        "G.grad was written in D's step",
    ),
    (
        "4_algorithm_1",
        "g_step",
        "x_g, t_G = G.forward(z)\n    a_g, t_D = D.forward(x_g)\n    _, da_g = loss.generator(a_g)\n"
        "    G.backward(D.backward(da_g, t_D), t_G, add=False)",
        "D.grad was written in G's step",
    ),
    (
        "4_algorithm_1",
        "g_step",
        "x_g, t_G = G.forward(z)\n    a_g, t_D = D.forward(x_g)\n    _, da_g = ng.losses.minimax.generator(a_g)\n"
        "    G.backward(D.backward(da_g, t_D, params=False), t_G, add=False)",
        "minimax's log(1 − D(G(z)))",
    ),
    (
        "4_algorithm_1",
        "g_step",
        "x_g, t_G = G.forward(z)\n    a_g, t_D = D.forward(x_g)\n    _, da_g = loss.generator(a_g)\n"
        "    G.backward(-D.backward(da_g, t_D, params=False), t_G, add=False)",
        "sign flipped",
    ),
    ("5_r1", "input_gradient", "return np.repeat((W1 @ W2).T, len(x), axis=0)", "slope is forgotten"),
    ("5_r1", "input_gradient", "return (np.where(x @ W1 > 0, 1, SLOPE) * W2.T) @ W1.T", "the bias is forgotten"),
    (
        "5_r1",
        "r1_dW1",
        "d = W2.T * np.where(x @ W1 + b1 > 0, 1.0, SLOPE)\n    return (gamma * (d @ W1.T)).T @ d",
        "off by a constant factor: dtheta is 5 times",
    ),
    (
        "5_r1",
        "r1_dW1",
        "d = W2.T * np.where(x @ W1 + b1 > 0, 1.0, SLOPE)\n    return 2 * gamma / len(x) * (d @ W1.T).T @ d",
        "off by a constant factor: dtheta is 2",
    ),
    (
        "5_r1",
        "r1_dW2",
        "s = np.where(x @ W1 + b1 > 0, 1.0, SLOPE)\n    v = gamma / len(x) * ((W2.T * s) @ W1.T)\n"
        "    return (v @ W1).sum(axis=0)[:, None]",
        "v passes the LeakyReLU too",
    ),
]


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
