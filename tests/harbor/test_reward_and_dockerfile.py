"""A reward file is read strictly, and a Dockerfile's bases are found and replaced."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import EngineFault
from tasks.grading import Ungradable
from tasks.harbor.dockerfile import bases, rebased
from tasks.harbor.lowering import lowered
from tasks.harbor.people import Person, person_of
from tasks.harbor.reward import BadReward, counting, read_reward


def test_a_text_is_one_number() -> None:
    assert read_reward({"reward.txt": b" 0.5\n"}) == {"reward": 0.5}


def test_json_goes_before_text_and_may_hold_several() -> None:
    found = read_reward({"reward.txt": b"0", "reward.json": b'{"reward": 1, "style": 0.25}'})
    assert found == {"reward": 1.0, "style": 0.25}
    assert counting(found) == 1.0
    assert counting(read_reward({"reward.json": b'{"accuracy": 0.75}'})) == 0.75


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "left no reward file"),
        ({"reward.txt": b"\n"}, "reward.txt is empty"),
        ({"reward.txt": b"one"}, "holds no number"),
        ({"reward.txt": b"nan"}, "not finite"),
        ({"reward.txt": b"inf"}, "not finite"),
        ({"reward.txt": b"\xff"}, "not UTF-8"),
        ({"reward.txt": b"1" * 100_000}, "larger than"),
        ({"reward.json": b"1"}, "is no object"),
        ({"reward.json": b"[1]"}, "is no object"),
        ({"reward.json": b"{}"}, "holds no reward"),
        ({"reward.json": b'{"reward": 1, "reason": "done"}'}, "holds no number"),
        ({"reward.json": b'{"reward": "1"}'}, "holds no number"),
        ({"reward.json": b'{"reward": NaN}'}, "not finite"),
        ({"reward.json": b'{"reward": 1e999}'}, "not finite"),
        ({"reward.json": b'{"reward": ' + b"9" * 400 + b"}"}, "not finite"),
        ({"reward.json": b"[" * 50_000}, "is not JSON"),
        ({"reward.json": b"{", "reward.txt": b"1"}, "is not JSON"),
    ],
)
def test_what_is_no_reward_has_a_cause(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(BadReward, match=said):
        read_reward(files)


def test_of_several_none_counts_unless_one_is_the_reward() -> None:
    with pytest.raises(Ungradable, match=r"^no_reward: reward\.json has no 'reward' among 2 values$"):
        counting(read_reward({"reward.json": b'{"passed": 1, "speedup": 3.5}'}))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_comes_back(value: float) -> None:
    assert counting(read_reward({"reward.txt": repr(value).encode()})) == value
    assert counting(read_reward({"reward.json": json.dumps({"reward": value}).encode()})) == value


@given(st.binary(max_size=200))
def test_whatever_lies_there_is_a_number_or_a_cause(content: bytes) -> None:
    for name in ("reward.txt", "reward.json"):
        try:
            assert isinstance(counting(read_reward({name: content})), float)
        except (BadReward, Ungradable) as error:
            assert str(error)


STAGED = """# syntax=docker/dockerfile:1
ARG TAG=24.04
ARG PYTHON="3.12-slim"
FROM --platform=linux/amd64 ubuntu:${TAG} AS build
RUN echo FROM nowhere
from python:$PYTHON
COPY --from=build /a /b
FROM scratch
FROM build
FROM node:${NODE:-22}
"""


def test_bases_are_found_through_arguments_and_stages() -> None:
    assert bases(STAGED) == ("ubuntu:24.04", "python:3.12-slim", "node:22")


def test_others_stand_in_and_all_else_stays() -> None:
    text = rebased(STAGED, lambda image: f"own/{image.partition(':')[0]}")
    assert text.splitlines()[3:] == [
        "FROM --platform=linux/amd64 own/ubuntu AS build",
        "RUN echo FROM nowhere",
        "from own/python",
        "COPY --from=build /a /b",
        "FROM scratch",
        "FROM build",
        "FROM own/node",
    ]
    assert rebased(STAGED, lambda image: image).count("ubuntu:24.04") == 1


USERS = "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n"


@pytest.mark.parametrize(
    ("asked", "person"),
    [
        ("root", Person("root", 0, 0, "/root")),
        ("app", Person("app", 1000, 1001, "/home/app")),
        ("1000", Person("app", 1000, 1001, "/home/app")),
        ("1000:7", Person("app", 1000, 7, "/home/app")),
        ("4242", Person("4242", 4242, 0, "/")),
    ],
)
def test_a_user_is_a_name_or_a_number(asked: str, person: Person) -> None:
    assert person_of(asked, USERS) == person


@pytest.mark.parametrize("asked", ["nobody", "app:staff", "70000", "broken"])
def test_a_user_that_cannot_be_has_a_cause(asked: str) -> None:
    with pytest.raises(EngineFault):
        person_of(asked, USERS)


MODERN = """FROM ubuntu:24.04
RUN --mount=type=cache,target=/root/.cache --network=none echo \\
    two
RUN <<EOF
echo one
EOF
SHELL ["/bin/bash", "-c"]
RUN cat > /a <<'END' && cat <<-TAB > /b
$HOME
END
\tx
\tTAB
COPY --link --chmod=755 ./run.sh data /app/
COPY <<'EOF' /app/config.ini
[a]
b = $c
EOF
# RUN <<NOT
RUN cat <<< here
"""


def test_newer_syntax_becomes_files_and_modes_of_the_context() -> None:
    made = lowered(MODERN)
    assert made.text.splitlines() == [
        "FROM ubuntu:24.04",
        "RUN echo \\",
        "    two",
        "COPY .tidegauge/0/script /tmp/.tidegauge-1",
        "RUN /bin/sh /tmp/.tidegauge-1; code=$?; rm -f /tmp/.tidegauge-1; exit $code",
        'SHELL ["/bin/bash", "-c"]',
        "COPY .tidegauge/1/script /tmp/.tidegauge-2",
        "RUN /bin/bash /tmp/.tidegauge-2; code=$?; rm -f /tmp/.tidegauge-2; exit $code",
        "COPY ./run.sh data /app/",
        "COPY .tidegauge/2/EOF /app/config.ini",
        "# RUN <<NOT",
        "RUN cat <<< here",
    ]
    assert made.files == {
        ".tidegauge/0/script": b"echo one\n",
        ".tidegauge/1/script": b"cat > /a <<'END' && cat <<-TAB > /b\n$HOME\nEND\n\tx\nTAB\n",
        ".tidegauge/2/EOF": b"[a]\nb = $c\n",
    }
    assert made.modes == {
        ".tidegauge/0/script": 0o755, ".tidegauge/1/script": 0o755, ".tidegauge/2/EOF": 0o644,
        "run.sh": 0o755, "data": 0o755,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("RUN <<EOF\necho\n", "the here-document EOF in the Dockerfile has no end"),
        ("COPY <<EOF /a\n$b\nEOF\n", "the here-document EOF in the Dockerfile holds variables"),
        ("COPY --chmod=755 *.sh /a/\n", "--chmod=755 in the Dockerfile needs BuildKit"),
        ("COPY --chmod=u+x a /a\n", "--chmod=u\\+x in the Dockerfile needs BuildKit"),
    ],
)
def test_what_cannot_be_said_otherwise_has_a_cause(text: str, said: str) -> None:
    with pytest.raises(EngineFault, match=said):
        lowered(text)


PLAIN = 'FROM ubuntu:24.04\n\n# a comment\nRUN apt-get update && \\\n    echo $((1<<n))\nCOPY . /app\nCMD ["bash"]\n'


def test_a_plain_dockerfile_stays_as_it_is() -> None:
    assert lowered(PLAIN).text == PLAIN
    assert lowered(PLAIN).files == {}
