"""A compose file that describes the task's one container is let pass; any other is refused by its key."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.errors import Mistake
from tasks.harbor.directory import find

#: As Harbor's own conversion of a Terminal-Bench task writes it, and as such a task had it.
HARBORS = """services:
  main:
    build: {context: "${CONTEXT_DIR}"}
    image: ${MAIN_IMAGE_NAME}
    command: [sh, -c, sleep infinity]
    environment: ["TEST_DIR=${TEST_DIR}"]
    deploy: {resources: {limits: {cpus: "${CPUS}", memory: "${MEMORY}"}}}
"""
OLDER = """version: "3"
services:
  client:
    build: {dockerfile: Dockerfile}
    image: ${T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME}
    container_name: ${T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME}
    command: ["sh", "-c", "sleep infinity"]
    environment: {TEST_DIR: "${T_BENCH_TEST_DIR}"}
    volumes: ["${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}"]
"""
LOGS = """services:
  main:
    command: bash -c "tail -f /dev/null"
    volumes: ["${HOST_VERIFIER_LOGS_PATH}:${ENV_VERIFIER_LOGS_PATH}:rw"]
"""
#: Sixteen lists of ten each: written out, more than any memory holds.
LAUGHS = "services:\n main:\n  environment:\n" + "".join(
    f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10) if n else 'x'}]\n" for n in range(16)
)


def found(task: Path) -> list[str]:
    return [one.id for one in find([str(task)], [], offline=False, where="c")]


@pytest.mark.parametrize(
    "text", [HARBORS, OLDER, "services: {main: {build: .}}", "services: {main: null}", LOGS]
)
def test_one_container_of_the_dockerfile_is_what_a_task_has_anyway(
    text: str, public_task: Callable[..., Path]
) -> None:
    task = public_task("a")
    (task / "environment" / "docker-compose.yaml").write_text(text)
    assert found(task) == ["harbor/a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "services: {main: {build: .}, db: {image: postgres}}",
            "services: not run here: a task of several containers (main, db)",
        ),
        ("services: []", "services: not run here: a task of several containers (none)"),
        ("services: {main: {build: .}}\nnetworks: {inner: {}}", "networks: not run here: only services"),
        ("services: {main: {build: ./other}}", "services.main.build: not run here"),
        ("services: {main: {build: {context: ., args: {A: 1}}}}", "services.main.build: not run here"),
        ("services: {main: {command: python server.py}}", "services.main.command: not run here"),
        ("services: {main: {environment: [KEY=value]}}", "services.main.environment: not run here"),
        ("services: {main: {volumes: ['./data:/data']}}", "services.main.volumes: not run here"),
        (
            "services: {main: {command: [sh, -c, nginx & sleep infinity]}}",
            "services.main.command: not run here",
        ),
        ("services: {main: {command: sleep infinity; rm -r /}}", "services.main.command: not run here"),
        (
            "services: {main: {environment: {KEY: '${OPENAI_API_KEY}'}}}",
            "services.main.environment: not run here",
        ),
        ("services: {main: {build: {context: '${HOME}'}}}", "services.main.build: not run here"),
        ("services: {main: {volumes: ['${HOME}/data:/data']}}", "services.main.volumes: not run here"),
        ("services: {main: {privileged: true}}", "services.main.privileged: not run here: a box gives"),
        ("services: {main: {command: [[sleep infinity]]}}", "services.main.command: not run here"),
        ("services: {main: {build: [.]}}", "services.main.build: not run here"),
        (LAUGHS, "services.main.environment: not run here"),
        ("services: {main: [", "is no compose file: while parsing"),
        ("[]", "is no compose file; leave"),
        ("services: 2024-99-99", "is no compose file: month must be"),
        (b"\xff", "is no compose file: 'utf-8' codec"),
    ],
)
def test_what_a_box_does_not_give_is_refused_by_its_key(
    text: str | bytes, problem: str, public_task: Callable[..., Path]
) -> None:
    task = public_task("a")
    (task / "environment" / "docker-compose.yaml").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    with pytest.raises(Mistake) as told:
        found(task)
    assert f"docker-compose.yaml: {problem}" in str(told.value)


def test_a_compose_file_of_another_name_means_nothing_as_it_does_to_harbor(
    public_task: Callable[..., Path],
) -> None:
    task = public_task("a")
    (task / "environment" / "docker-compose.yml").write_text(
        "services: {main: {build: .}, db: {image: postgres}}"
    )
    assert found(task) == ["harbor/a"]


def test_tasks_of_the_form_before_harbors_are_named_with_the_way_to_convert_them(tmp_path: Path) -> None:
    (tmp_path / "old" / "hello").mkdir(parents=True)
    (tmp_path / "old" / "hello" / "task.yaml").write_text("instruction: x")
    with pytest.raises(
        Mistake, match="is of the form before Harbor's; convert such tasks with `harbor tasks migrate`"
    ):
        found(tmp_path / "old")
