"""An endpoint is an address and the name of a variable; its key goes to the server and nowhere else."""

import asyncio
from typing import Any

import pytest

from sandbox.errors import Mistake, ModelFault, ModelRefusal
from sandbox.models.base import ChatReply, ChatRequest, Message
from sandbox.models.endpoint import Endpoint
from sandbox.models.rate import Rate
from sandbox.models.served import Patience, ServedModel

KEY = "sk-0123456789-SECRET"


def ask(upstream: Any) -> ChatReply:
    model = ServedModel(Endpoint(upstream.base_url, "OWN_KEY"), "run7", Patience(tries=1))
    return asyncio.run(model.complete(ChatRequest((Message("user", "Hi"),))))


def test_the_key_goes_into_one_header_and_comes_back_in_no_text(
    upstream: Any, say: Any, fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", f" {KEY}\n")
    upstream.told = [say(f"your key is {KEY}")]
    reply = ask(upstream)
    assert upstream.seen[0][2]["authorization"] == f"Bearer {KEY}"
    assert reply.text == "your key is [key]"
    upstream.told = [fail(400, f"bad key {KEY}, context length")]
    with pytest.raises(ModelRefusal) as caught:
        ask(upstream)
    assert caught.value.detail == "t bad key [key], context length"


@pytest.mark.parametrize(
    "spelled",
    [r"sk-0123\/+=SECRET", r"sk-0123\u002F\u002b=SECRET", "sk-0123%2f%2B%3DSECRET", "sk-0123/+=SECRET"],
)
def test_the_key_is_blanked_however_it_is_escaped(
    upstream: Any, monkeypatch: pytest.MonkeyPatch, spelled: str
) -> None:
    monkeypatch.setenv("OWN_KEY", "sk-0123/+=SECRET")
    body = '{"choices": [{"message": {"role": "assistant", "content": "a KEY b"}}]}'
    upstream.told = [(200, body.replace("KEY", spelled).encode(), {})]
    assert ask(upstream).text == "a [key] b"


@pytest.mark.parametrize(("value", "problem"), [(None, "is not set on"), ("a b", "holds no key")])
def test_a_key_that_is_not_at_hand_is_a_named_fault(
    upstream: Any, monkeypatch: pytest.MonkeyPatch, value: str | None, problem: str
) -> None:
    monkeypatch.delenv("OWN_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("OWN_KEY", value)
    with pytest.raises(ModelFault, match=f"variable OWN_KEY {problem}"):
        ask(upstream)
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("localhost:8080", "is no http or https address"),
        ("ftp://host/v1", "is no http or https address"),
        ("http://[::1", "is no address"),
        ("http://host:99999/v1", "is no address"),
        ("http://me:word@host/v1", "holds more than an address"),
        ("http://host/v1?key=word", "holds more than an address"),
    ],
)
def test_an_address_is_one_and_holds_no_key(address: str, problem: str) -> None:
    with pytest.raises(Mistake) as caught:
        Endpoint(address)
    assert str(caught.value).startswith(f"base_url: {problem}; ")
    assert "word" not in str(caught.value)


def test_a_model_is_its_name_wherever_it_is_served() -> None:
    one, other = Endpoint("http://a/v1"), Endpoint("https://b/v1", "KEY", Rate(requests=1))
    assert ServedModel(one, "m").digest == ServedModel(other, "m").digest
    assert ServedModel(one, "m").digest != ServedModel(one, "n").digest
