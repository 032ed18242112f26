"""A Dockerfile as this engine builds it: its bases, what is left out of its context, newer syntax, its users."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import EngineFault
from tasks.harbor.dockerfile import bases, names_of, needed, rebased
from tasks.harbor.ignoring import ignoring
from tasks.harbor.lowering import lowered
from tasks.harbor.people import Person, person_of
from tasks.harbor.tree import context

STAGED = """# syntax=docker/dockerfile:1
ARG TAG=24.04
ARG PYTHON="3.12-slim"
FROM --platform=linux/amd64 ubuntu:${TAG} AS build
RUN echo FROM nowhere
from python:$PYTHON
COPY --from=build /a /b
COPY --from=0 /a /b
COPY --chown=app --from=ghcr.io/tools/uv:$TAG /uv /bin/
FROM scratch
FROM build
FROM --platform=$BUILDPLATFORM node:${NODE:-22}
"""


def test_bases_are_found_through_arguments_and_stages() -> None:
    assert bases(STAGED) == ("ubuntu:24.04", "python:3.12-slim", "ghcr.io/tools/uv:24.04", "node:22")


def test_others_stand_in_and_all_else_stays() -> None:
    text = rebased(STAGED, lambda image: f"own/{image.partition(':')[0]}")
    assert text.splitlines()[3:] == [
        "FROM --platform=linux/amd64 own/ubuntu AS build",
        "RUN echo FROM nowhere",
        "from own/python",
        "COPY --from=build /a /b",
        "COPY --from=0 /a /b",
        "COPY --chown=app --from=own/ghcr.io/tools/uv /uv /bin/",
        "FROM scratch",
        "FROM build",
        "FROM own/node",
    ]
    assert rebased(STAGED, lambda image: image).count("ubuntu:24.04") == 1


def test_a_line_that_goes_on_names_no_image() -> None:
    text = 'FROM ubuntu\nRUN sqlite3 a.db "SELECT * \\\n# comment\n\n  FROM users" \\\n\nFROM node\n'
    assert bases(text) == ("ubuntu",)
    assert bases("FROM ubuntu\n# goes on? \\\nFROM node\n") == ("ubuntu", "node")


UNUSED = """ARG TAG=1
FROM node:22 AS docs
RUN npm install -g everything
FROM ubuntu:24.04 AS base
FROM base AS lint
RUN apt-get update
FROM golang AS tool
FROM base
COPY --from=3 /go/bin/tool /usr/bin/
RUN --mount=type=bind,from=base,target=/b true
"""


def test_stages_that_the_last_one_does_not_need_are_left_out_and_the_others_numbered_anew() -> None:
    assert needed(UNUSED).splitlines() == [
        "ARG TAG=1",
        "FROM ubuntu:24.04 AS base",
        "FROM golang AS tool",
        "FROM base",
        "COPY --from=1 /go/bin/tool /usr/bin/",
        "RUN --mount=type=bind,from=base,target=/b true",
    ]
    whole = "FROM a AS one\nFROM b\nCOPY --from=one /x /y\nFROM c\nCOPY --from=1 /y /z"
    assert needed(whole) == whole
    assert needed("FROM $WHICH\nFROM other\n") == "FROM $WHICH\nFROM other\n"
    assert needed("RUN nothing\n") == "RUN nothing\n"


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=6))
def test_what_is_left_begins_with_the_images_that_the_last_stage_was_made_of(needs: list[list[int]]) -> None:
    stages = [[need for need in own if need < at] for at, own in enumerate(needs)]
    text = "\n".join(
        "\n".join([f"FROM image{at} AS stage{at}", *(f"COPY --from=stage{need} /a /b" for need in own)])
        for at, own in enumerate(stages)
    )
    wanted, todo = set(), [len(stages) - 1]
    while todo:
        wanted.add(at := todo.pop())
        todo += stages[at]
    assert bases(needed(text)) == tuple(f"image{at}" for at in sorted(wanted))


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("ubuntu:24.04", ("ubuntu:24.04",)),
        ("ubuntu", ("ubuntu", "ubuntu:latest")),
        ("docker.io/library/ubuntu:24.04", ("docker.io/library/ubuntu:24.04", "ubuntu:24.04")),
        ("docker.io/some/tool", ("docker.io/some/tool", "some/tool", "some/tool:latest")),
        ("here:5000/ubuntu@sha256:0a", ("here:5000/ubuntu@sha256:0a",)),
    ],
)
def test_an_image_is_also_known_by_what_people_write_in_short(image: str, names: tuple[str, ...]) -> None:
    assert names_of(image) == names


IGNORED = """# a comment
*.log
**/cache
docs
!docs/kept.md
build/*/out?
/rooted.txt
a[0-9].txt
"""


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("x.log", True), ("deep/x.log", False), ("cache", True), ("deep/er/cache/file", True), ("docs/a.md", True),
        ("docs/kept.md", False), ("build/x/out1", True), ("build/x/y/out1", False), ("rooted.txt", True),
        ("a1.txt", True), ("ab.txt", False), ("Dockerfile", False),
    ],
)  # fmt: skip
def test_what_a_dockerignore_names_is_left_out_unless_a_later_line_takes_it_back(
    path: str, out: bool
) -> None:
    assert ignoring(IGNORED)(path) is out


@given(st.text(alphabet="*?[]^!\\/.ab\n# "), st.text(alphabet="ab./"))
def test_no_dockerignore_is_too_odd_to_be_read(text: str, path: str) -> None:
    assert ignoring(text)(path) in (True, False)


USERS = "root:x:0:0:root:/root:/bin/bash\napp:x:1000:1001::/home/app:/bin/sh\nbroken\n"


@pytest.mark.parametrize(
    ("asked", "person"),
    [
        ("root", Person("root", 0, 0, "/root")),
        ("app", Person("app", 1000, 1001, "/home/app")),
        ("1000", Person("app", 1000, 1001, "/home/app")),
        ("1000:7", Person("app", 1000, 7, "/home/app")),
        ("app:staff", Person("app", 1000, 50, "/home/app")),
        ("4242", Person("4242", 4242, 0, "/")),
    ],
)
def test_a_user_is_a_name_or_a_number(asked: str, person: Person) -> None:
    assert person_of(asked, USERS, "staff:x:50:\n") == person


@pytest.mark.parametrize("asked", ["nobody", "app:crew", "70000", "broken"])
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


def test_mounts_on_lines_of_their_own_leave_the_step_whole() -> None:
    mounts = "RUN --mount=type=cache,target=/a \\\n    --mount=target=/b,type=tmpfs \\ \n    pip install x \\\n    --mount-it\n"
    assert lowered(mounts).text == "RUN \\ \n    pip install x \\\n    --mount-it\n"
    bound = "RUN --mount=type=bind,source=a,target=/a true"
    assert lowered(bound).text == bound


def test_a_comment_within_a_step_neither_ends_it_nor_comes_into_its_script() -> None:
    made = lowered("RUN set -e \\\n  # why\n\n  && cat <<EOF > /x\nhere\nEOF\nRUN \\\n  # what\n  true\n")
    assert made.text.splitlines()[1:] == [
        "RUN /bin/sh /tmp/.tidegauge-1; code=$?; rm -f /tmp/.tidegauge-1; exit $code",
        "RUN \\", "  # what", "  true",
    ]  # fmt: skip
    assert made.files[".tidegauge/0/script"] == b"set -e \\\n  && cat <<EOF > /x\nhere\nEOF\n"


def test_a_mode_of_a_pattern_is_that_of_the_files_that_fit_it(tmp_path: Path) -> None:
    for name in ("a.sh", "deep/b.sh", "bin/c", "d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o644)
    modes = lowered("COPY --chmod=755 *.sh ./b?n /x/\n").modes
    with context(tmp_path, tmp_path, {}, modes) as made, tarfile.open(fileobj=made) as tar:
        found = {entry.name: entry.mode for entry in tar if entry.isfile()}
    assert found == {"a.sh": 0o755, "deep/b.sh": 0o644, "bin/c": 0o755, "d.txt": 0o644}


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
        ("COPY --chmod=755 $PLACE/a /a/\n", "--chmod=755 in the Dockerfile needs BuildKit"),
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
