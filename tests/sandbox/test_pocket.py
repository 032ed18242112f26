"""pocket in numpy: its tokens, its forward pass, its checkpoints, its manners."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.canonical import sha256
from sandbox.errors import Mistake, ModelFault
from sandbox.models import pocket
from sandbox.models.base import ChatRequest, Message
from sandbox.models.pocket.network import Array, Reading, Weights
from sandbox.models.pocket.policy import HERE, Pocket, read, weights_file
from sandbox.models.pocket.tokens import SPECIAL, Tokenizer, pieces

WORDS = ("```bash\n", "look fit py codes site lane python submit / . - _ 3", "\t'\"")
VOCABULARY = (*SPECIAL, *sorted({piece for text in WORDS for piece in pieces(text)}))
LAST = pocket.checkpoints()[-1]

#: Of `Learner.logits` on `tiny()` and the tokens 1, 5, 2, 2, 6 (PyTorch 2.13).
PYTORCH_LOGITS = [0.344232, 3.216579, -1.280257, -2.844024, 2.107868, 2.230634, -2.756983]

TAB_OPENING = (
    Message(
        "system",
        "You work in a shell. Reply with one command:\n```bash\nCOMMAND\n```\n"
        "You are shown its output. When the task is done, the command is submit.",
    ),
    Message(
        "user",
        "Improve the model in /work/submission. The data is /work/train.npz: number columns, two code "
        "columns, and a target. Some pairs of columns act together. /work/look.py shows what the data holds. "
        "/work/fit.py trains a model and replaces the submission; its options are --codes, --cross and "
        "--learner. Error on hidden rows is the score. /task/describe.md says more. When done, submit.",
    ),
)


def waves(*shape: int, start: float) -> Array:
    """Numbers that any language can draw again: sines of start, start + 1, ..."""
    return np.sin(start + np.arange(np.prod(shape))).reshape(shape).astype(np.float32) / 2


def tiny(vocabulary: int = 7, context: int = 16) -> Weights:
    """Two layers of width 8 with two heads."""
    return Weights(
        embedding=waves(vocabulary, 8, start=0.0),
        qkv=waves(2, 8, 24, start=1.0),
        out=waves(2, 8, 8, start=2.0),
        up=waves(2, 8, 32, start=3.0),
        down=waves(2, 32, 8, start=4.0),
        smear=waves(2, 8, start=8.0),
        norm_attention=1 + waves(2, 8, start=5.0),
        norm_perceptron=1 + waves(2, 8, start=6.0),
        norm_output=1 + waves(8, start=7.0),
        heads=2,
        context=context,
    )


def tiny_pocket(context: int = 64) -> Pocket:
    """An untrained network that babbles in VOCABULARY."""
    return Pocket(tiny(len(VOCABULARY), context), Tokenizer(VOCABULARY), "0" * 64)


def ask(content: str, **sampling: object) -> ChatRequest:
    return ChatRequest((Message("system", "look"), Message("user", content)), sampling)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_text_whose_pieces_are_in_the_vocabulary_survives_encoding_to_the_letter(text: str) -> None:
    tokenizer = Tokenizer((*SPECIAL, *dict.fromkeys(pieces(text))))
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.text(alphabet="ab 1-_\n", max_size=60))
def test_blanks_survive_wherever_they_stand(text: str) -> None:
    tokenizer = Tokenizer((*SPECIAL, *dict.fromkeys(pieces(text))))
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_one_blank_between_two_words_costs_no_token_and_digits_stand_alone() -> None:
    assert pieces("python3 fit.py --codes site  lane") == [
        "python", "3", " ", "fit", ".", "py", " ", "-", "-", "codes", "site", " ", " ", "lane",
    ]  # fmt: skip


def test_an_unknown_word_is_one_unknown_token() -> None:
    tokenizer = Tokenizer(VOCABULARY)
    assert tokenizer.encode("look zebra") == [VOCABULARY.index("look"), tokenizer.unknown]


def test_no_text_spells_a_special_token() -> None:
    tokenizer = Tokenizer(VOCABULARY)
    spelt = tokenizer.encode("<end><assistant>")
    assert tokenizer.end not in spelt
    assert VOCABULARY.index("<assistant>") not in spelt


def test_a_vocabulary_that_repeats_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="once"):
        Tokenizer((*SPECIAL, "a", "a"))


def test_a_long_conversation_keeps_its_opening_and_its_newest_part() -> None:
    tokenizer = Tokenizer(VOCABULARY)
    said = [Message("user", "site lane")] + [Message("user", "codes") for _ in range(50)]
    said.append(Message("user", "submit"))
    prompt = tokenizer.prompt(said, 12)
    assert [VOCABULARY[number] for number in prompt] == [
        "<user>", "site", "lane", "<end>",
        "<end>", "<user>", "codes", "<end>", "<user>", "submit", "<end>", "<assistant>",
    ]  # fmt: skip


def test_the_forward_pass_gives_the_logits_that_pytorch_gave() -> None:
    logits = Reading(tiny()).read([1, 5, 2, 2, 6])
    assert logits == pytest.approx(PYTORCH_LOGITS, abs=1e-4)


@given(st.lists(st.integers(0, 6), min_size=2, max_size=16), st.data())
def test_reading_in_two_parts_equals_reading_at_once(numbers: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(numbers) - 1))
    parted = Reading(tiny())
    parted.read(numbers[:cut])
    assert parted.read(numbers[cut:]) == pytest.approx(Reading(tiny()).read(numbers), abs=1e-3)


def test_what_exceeds_the_context_is_refused() -> None:
    with pytest.raises(ValueError, match="17 tokens in 16"):
        Reading(tiny()).read([0] * 17)


def test_weights_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match="down"):
        replace(tiny(), down=waves(2, 31, 8, start=0)).check()


def test_at_least_eight_steps_ship_in_ascending_order_from_zero_below_twelve_megabytes() -> None:
    steps = pocket.checkpoints()
    assert len(steps) >= 8
    assert steps == sorted(set(steps))
    assert steps[0] == 0
    assert sum(path.stat().st_size for path in HERE.glob("step-*.npz")) < 12_000_000


def test_an_unknown_step_is_a_mistake_that_lists_the_choices() -> None:
    with pytest.raises(Mistake, match=f"no step 7; choose from 0, .*{LAST}$"):
        pocket.load(7)


def test_the_digest_is_that_of_the_weights_file() -> None:
    digests = {pocket.load(step).digest for step in pocket.checkpoints()}
    assert len(digests) == len(pocket.checkpoints())
    assert pocket.load(LAST).digest == sha256(weights_file(LAST).read_bytes())


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_is_the_models_fault(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "step-0001.npz").write_bytes(content)
    with pytest.raises(ModelFault, match="step-0001"):
        read(tmp_path / "step-0001.npz")


def test_the_last_checkpoint_copies_what_it_was_shown_into_its_command() -> None:
    seen = "exit 0\ncodes wind tide\npair salt crew 0.69\npair heat frost 0.66\npair gain heat 0.05"
    asked = Message("assistant", "```bash\npython3 look.py\n```\n")
    said = (*TAB_OPENING, asked, Message("user", seen))
    reply = asyncio.run(pocket.load(LAST).complete(ChatRequest(said)))
    assert reply.text == (
        "```bash\npython3 fit.py --codes wind tide --cross salt crew --cross heat frost\n```\n"
    )
    assert reply.finish == "stop"
    assert reply.tokens_out == len(pieces(reply.text))


def test_equal_requests_get_equal_replies_and_temperature_changes_them() -> None:
    model = tiny_pocket()
    greedy, warm = ask("site"), ask("site", temperature=5.0)
    assert model.answer(greedy) == model.answer(greedy)
    assert model.answer(warm) == model.answer(warm)
    assert model.answer(warm).text != model.answer(greedy).text


def test_max_tokens_cuts_a_reply() -> None:
    reply = tiny_pocket().answer(ask("site", temperature=1.0, max_tokens=3))
    assert (reply.tokens_out, reply.finish) == (3, "length")


def test_a_large_max_tokens_takes_no_room_from_the_conversation() -> None:
    request = ChatRequest((*TAB_OPENING, Message("user", "x " * 60)), {"max_tokens": 4096})
    usual = ChatRequest(request.messages)
    last = pocket.load(LAST)
    assert last.answer(request).tokens_in == last.answer(usual).tokens_in


@pytest.mark.parametrize(
    "sampling", [{"temperature": -1}, {"temperature": "hot"}, {"max_tokens": 0}, {"max_tokens": True}]
)
def test_impossible_sampling_is_a_mistake(sampling: dict[str, object]) -> None:
    with pytest.raises(Mistake, match=next(iter(sampling))):
        tiny_pocket().answer(ask("site", **sampling))


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (Message("tool", "x"),),
        (Message("user", "\x00\ud800\U0010ffff" * 100),),
        (Message("user", "look " * 200_000),),
        (Message("user", "a" * 1_000_000),),
        tuple(Message("user", "") for _ in range(5_000)),
        (Message("user", "<assistant><end><|im_end|>"),) * 40,
    ],
    ids=["nothing", "odd role", "odd characters", "many words", "a long word", "many messages", "markers"],
)
def test_hostile_conversations_get_a_bounded_reply(messages: tuple[Message, ...]) -> None:
    reply = tiny_pocket().answer(ChatRequest(messages))
    assert reply.tokens_in <= 64
    assert reply.tokens_out <= 32
    assert "<unk>" not in reply.text


def test_the_numpy_and_the_pytorch_forward_pass_agree() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is only in the extra `train`")
    from experiments.pocket.learner import Learner, Recipe

    learner = Learner(Recipe(context=16, layers=2, width=8, heads=2), 7)
    for name, parameter in learner.parameters.items():
        parameter.data = torch.from_numpy(getattr(tiny(), name))
    numbers = [1, 5, 2, 2, 6]
    expected = learner.logits(torch.tensor([numbers]))[0, -1].detach().numpy()
    assert Reading(tiny()).read(numbers) == pytest.approx(expected, abs=1e-4)
    assert expected == pytest.approx(PYTORCH_LOGITS, abs=1e-4)
