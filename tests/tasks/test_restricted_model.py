"""ml/lm at L4: a model is written in a few operations, and cannot compute in any other way."""

import hashlib

import numpy as np
import pytest

from tasks.suite.ml.lm.environment import ops, text
from tasks.task import load_task
from tasks.world import World

TEXT = np.arange(24).reshape(2, 12) % 3
CONTEXTS = np.array([[0, 1, 2, 0, 1, 2, 0, 1], [2, 2, 2, 2, 2, 2, 2, 2]])


def drawn() -> World:
    return load_task("ml/lm").draw(hashlib.sha256(b"world 0").digest(), "L4", "plain")


def answering(line: str) -> str:
    return f"def answer(text, contexts):\n    return {line}\n"


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import numpy", "line 1: Import is not allowed"),
        ("from ops import np", "line 1: ImportFrom is not allowed"),
        (answering("text.values"), "line 2: Attribute is not allowed"),
        (answering("f'{text}'"), "line 2: JoinedStr is not allowed"),
        (answering("lambda x: x"), "line 2: Lambda is not allowed"),
        (answering("[take][0](text, text)"), "line 2: only a function is called, by its name"),
        (answering("__builtins__"), "line 2: __builtins__ is not allowed"),
        ("class Tensor:\n    pass", "line 1: ClassDef is not allowed"),
        ("try:\n    pass\nexcept:\n    pass", "line 1: Try is not allowed"),
    ],
)
def test_a_program_of_another_form_is_refused_with_its_line(program: str, why: str) -> None:
    with pytest.raises(ops.Refused) as caught:
        ops.load(program)
    assert str(caught.value) == why


@pytest.mark.parametrize(
    "name", ["open", "eval", "exec", "getattr", "float", "int", "max", "print", "type", "np"]
)
def test_names_that_are_no_operations_are_unknown(name: str) -> None:
    with pytest.raises(NameError):
        ops.answer(answering(f"{name}(text)"), TEXT, CONTEXTS)


@pytest.mark.parametrize(
    "line",
    [
        "1 if text else 0", "[x for x in text]", "text / 2", "2 / text", "text ** 2", "2 ** text", "text // 2",
        "text[0]", "len(text)", "range(text)", "sum(text)", "text < 2", "not text", "tensor([text])",
        "zeros(column(text, 0))", "take(contexts, column(text, 0) * 0.5)", "take([1, 2], column(text, 0))",
        "text + 'a'", "text @ 2",
    ],
)  # fmt: skip
def test_no_number_comes_out_of_a_tensor_and_nothing_divides_or_compares_one(line: str) -> None:
    with pytest.raises((TypeError, ops.Refused)):
        ops.answer(answering(line), TEXT, CONTEXTS)


def test_the_operations_compute_what_they_say() -> None:
    def found(line: str) -> list[object]:
        return list(ops.answer(answering(line), TEXT, CONTEXTS).tolist())

    assert found("windows(text, 11)") == [[0, 1, 2] * 3 + [0, 1], [1, 2, 0] * 3 + [1, 2]] * 2
    assert found("column(contexts, 7) * 3 + 1") == [4, 7]
    assert found("put(column(contexts, 7), tensor([[1, 2], [3, 4]]), 3)") == [[0, 0], [1, 2], [3, 4]]
    assert found("put(column(contexts, 6) * 0, tensor([[1, 2], [3, 4]]), 1)") == [[4, 6]]
    assert found("take(tensor([[5, 6], [7, 8]]), 2 - column(contexts, 7))") == [[7, 8], [5, 6]]
    assert found("one_hot(column(contexts, 7), 3)") == [[0, 1, 0], [0, 0, 1]]
    assert found("total(relu(-tensor([[1, -2], [-3, 4]])), 1)") == [[2], [3]]
    assert found("transposed(part(tensor([[1, 2], [3, 4]]), 1, 2)) @ tensor([[10, 1]])") == [[30, 3], [40, 4]]
    assert found("sum([zeros(2), 1 - tensor([1, 2])])") == [0, -1]
    assert sorted(map(str, found("shuffled(3, size(text, 1))"))) == sorted(map(str, range(12)))
    assert np.array(found("normal(1, 2000)")).std() == pytest.approx(1, abs=0.05)


def test_the_model_that_lies_there_knows_how_frequent_each_symbol_is_as_the_start_does() -> None:
    world = drawn()
    program = next(f.content.decode() for f in world.files if f.path == "work/submission/lm.py")
    lesson = world.hidden.fresh[0]
    found = ops.answer(program, lesson.text, lesson.contexts)
    start = text.answer(world.hidden.start, lesson.text, lesson.contexts)
    assert found.shape == lesson.right.shape
    assert found.sum(axis=1) == pytest.approx(np.ones(len(found)))
    assert text.divergence(lesson.right, found) == pytest.approx(
        text.divergence(lesson.right, start), abs=1e-3
    )


def test_the_operations_lie_beside_the_model_and_the_tool_that_sets_lags_does_not() -> None:
    paths = {file.path for file in drawn().files}
    assert {"task/ops.py", "work/look.py", "task/describe.md"} <= paths
    assert "work/use.py" not in paths
    below = load_task("ml/lm").draw(hashlib.sha256(b"world 0").digest(), "L0", "plain")
    assert "task/ops.py" not in {file.path for file in below.files}
