"""What of a public task's ``task.toml`` holds, and what is refused by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.planning.loading import load_config
from experiments.planning.plan import make_plan
from experiments.record.identity import Secret
from sandbox.engine.images import taken_by
from sandbox.episode.start import start_of
from sandbox.errors import Mistake
from sandbox.ground import Ground
from sandbox.limits import Limits
from tasks.harbor.apart import Apart, Artefact
from tasks.harbor.directory import read
from tasks.harbor.form import read_form

#: Of version 1.0, as most public tasks were written.
OLD = """
version = "1.0"
[metadata]
author_name = "unknown"
[verifier]
timeout_sec = 360.0
[verifier.env]
LEVEL = "${LEVEL:-3}"
[agent]
timeout_sec = 120
user = 1000
[environment]
build_timeout_sec = 300.0
docker_image = "example/old:20250101"
cpus = 2
memory = "2G"
storage = "512M"
allow_internet = false
workdir = "/srv"
gpus = 0
mcp_servers = []
"""


def written(place: Path, text: str) -> Path:
    file = place / "task.toml"
    file.write_text(text)
    return file


def test_the_old_form_is_read_in_seconds_and_bytes(tmp_path: Path) -> None:
    form = read_form(written(tmp_path, OLD))
    assert (form.agent_seconds, form.verifier_seconds, form.build_seconds) == (120, 360, 300)
    assert (form.cpus, form.memory, form.disk) == (2, 2 * 2**30, 512 * 2**20)
    assert (form.agent_user, form.verifier_user) == ("1000", None)
    assert (form.image, form.directory) == ("example/old:20250101", "/srv")
    assert form.verifier_environment == {"LEVEL": "3"}
    assert form.network == "no-network"
    assert form.unknown == ()


def test_what_a_task_leaves_out_is_harbors_default(tmp_path: Path) -> None:
    form = read_form(written(tmp_path, 'version = "1.0"\n'))
    assert (form.verifier_seconds, form.build_seconds) == (600, 600)
    assert (form.network, form.network_key) == ("public", "environment.network_mode")


def test_unknown_keys_are_told_by_their_dotted_names(tmp_path: Path) -> None:
    text = "colour = 1\n[agent]\nmood = 2\n[environment]\nmemory_mb = 5\n[metadata]\nanything = 3\n"
    assert read_form(written(tmp_path, text)).unknown == ("colour", "agent.mood")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[steps]]\nname = 'one'\n", "steps: not run here: tasks of several steps"),
        ("[environment]\ngpus = 1\n", "environment.gpus: not run here: there is no GPU"),
        ("[environment]\nos = 'Windows'\n", "environment.os: not run here: boxes are Linux"),
        ("[environment.healthcheck]\ncommand = 3\n", "environment.healthcheck.command: 3 is not text"),
        ("[verifier]\nenvironment_mode = 'odd'\n", "verifier.environment_mode: 'odd' is unknown"),
        ("[verifier.environment]\ngpus = 1\n", "verifier.environment.gpus: not run here: there is no GPU"),
        ("[verifier.environment]\nos = 'windows'\n", "verifier.environment.os: not run here: boxes are Linux"),
        ("[[verifier.collect]]\ncommand = 'dump'\n", "verifier.collect: not run here: what is left running"),
        ("artifacts = 3\n[verifier]\nenvironment_mode = 'separate'\n", "artifacts: is not a list"),
        ("artifacts = ['/a', '/']\n[verifier.environment]\n", "artifacts.1: not run here: / would lie where the tests"),
        ("artifacts = ['/tests/a']\n[verifier.environment]\n", "artifacts.0: not run here: /tests/a would lie"),
        ("artifacts = ['/logs']\n[verifier.environment]\n", "artifacts.0: not run here: /logs would lie"),
        ("artifacts = ['/a/../tests']\n[verifier.environment]\n", "artifacts.0: '/a/../tests' is not absolute"),
        ("artifacts = [{destination = 'a'}]\n[verifier.environment]\n", "artifacts.0: names no source"),
        ("artifacts = [{source = '/a', service = 'db'}]\n[verifier.environment]\n", "artifacts.0.service: not run here"),
        ("[verifier.env]\nKEY = '${OPENAI_API_KEY}'\n", "verifier.env.KEY: asks for the host's variable OPENAI_API_KEY"),
        ("[environment]\nmemory = '2 GB'\n", "environment.memory: '2 GB' is no size"),
        ("[environment]\ncpus = -1\n", "environment.cpus: -1 is not a number above zero"),
        ("[agent]\ntimeout_sec = nan\n", "agent.timeout_sec: nan is not a number above zero"),
        ("[agent]\ntimeout_sec = true\n", "agent.timeout_sec: True is not a number above zero"),
        ("[environment]\nnetwork_mode = 'open'\n", "environment.network_mode: 'open' is unknown"),
        ("[environment]\nworkdir = 'app'\n", "environment.workdir: 'app' is not absolute"),
        ("agent = 3\n", "agent: is not a table"),
        ("[agent\n", "is not TOML"),
    ],
)  # fmt: skip
def test_what_no_box_gives_is_refused_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(Mistake) as told:
        read_form(written(tmp_path, text))
    assert str(told.value).startswith(f"{tmp_path}/task.toml: {said}")


def test_a_verifier_of_its_own_environment_is_read_with_what_it_is_handed(tmp_path: Path) -> None:
    own = (
        "artifacts = ['/app/', {source = '/b', exclude = ['*.o'], destination = 'b'}]\n"
        "[environment]\nworkdir = '/app'\ndocker_image = 'example/agents'\n[environment.env]\nA = '1'\n"
        "[verifier.environment]\ndocker_image = 'example/tests'\nmemory_mb = 8192\nallow_internet = true\n"
    )
    form = read_form(written(tmp_path, own))
    artefacts = (Artefact("/logs/artifacts"), Artefact("/app"), Artefact("/b", ("*.o",)))
    assert form.apart == Apart("example/tests", 600.0, {}, None, artefacts)
    assert form.ignored == ("verifier.environment.memory_mb",)
    assert (form.network, form.network_key) == ("public", "environment.network_mode")
    table = "[verifier.environment]"
    bare = own.replace(table, "[other]") + "[verifier]\nenvironment_mode = 'separate'\n"
    assert read_form(written(tmp_path, bare)).apart == Apart(None, 600.0, {"A": "1"}, "/app", artefacts)
    shared = own.replace(table, f"[verifier]\nenvironment_mode = 'shared'\n{table}")
    form = read_form(written(tmp_path, shared))
    assert (form.apart, form.ignored) == (None, ("artifacts", "verifier.environment"))


def test_a_phase_that_widens_the_network_counts(tmp_path: Path) -> None:
    form = read_form(
        written(tmp_path, "[environment]\nallow_internet = false\n[verifier]\nnetwork_mode = 'public'\n")
    )
    assert (form.network, form.network_key) == ("public", "verifier.network_mode")


def test_a_network_that_neither_phase_has_is_none(tmp_path: Path) -> None:
    both = "[agent]\nnetwork_mode = 'no-network'\n[verifier]\nnetwork_mode = 'no-network'\n"
    assert read_form(written(tmp_path, both)).network == "no-network"
    only = read_form(written(tmp_path, "[agent]\nnetwork_mode = 'no-network'\n"))
    assert (only.network, only.network_key) == ("public", "environment.network_mode")


def test_a_task_that_asks_for_a_network_is_refused_unless_the_config_runs_it_offline(
    public_task: Callable[..., Path],
) -> None:
    task = public_task("reaching", environment="allow_internet = true")
    with pytest.raises(Mistake, match=r"asks for a network \(public\), .*harbor: \{offline: true\}"):
        read(task, offline=False)
    assert read(task, offline=True).id == "harbor/reaching"


def test_an_instruction_is_shown_without_the_marks_of_a_benchmark(public_task: Callable[..., Path]) -> None:
    task = public_task("marked")
    (task / "instruction.md").write_text("<!-- a canary GUID 1 -->\n# Canary 2\n\n# Title\nDo it.\n")
    (shown,) = read(task, offline=False).draw(b"", "snapshot", "plain").files
    assert shown.content == b"# Title\nDo it.\n"


def test_its_limits_are_the_tasks_own(public_task: Callable[..., Path]) -> None:
    limits = read(public_task("one"), offline=False).limits("snapshot")
    assert limits == Limits(
        wall=60, turns=500, model_tokens=5_000_000, cpus=1, cpu_time=60, memory=512 * 2**20, processes=1_024,
        disk=256 * 2**20, events=500_000, record=256 * 2**20,
    )  # fmt: skip


@pytest.mark.parametrize(("directory", "made"), [("/app", "/app"), ("/", None)])
def test_what_an_agent_made_is_collected_from_where_it_started_unless_all_of_the_root_lies_there(
    directory: str, made: str | None
) -> None:
    start = start_of(Ground("", "", 0, 0, directory, ()), Limits())
    assert (start.directory, start.made) == (directory, made)


def test_entries_take_a_block_each_and_links_are_not_followed(tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    (layer / "deep").mkdir(parents=True)
    (layer / "deep" / "empty").touch()
    (layer / "full").write_bytes(b"x" * 10_000)
    (tmp_path / "outside").write_bytes(b"x" * 100_000)
    (layer / "link").symlink_to(tmp_path / "outside")
    assert taken_by(layer) == 3 * 4096 + 3 * 4096


CONFIG = """
suite: public
{profile}
tasks: [tasks]
models: [{{family: f, provider: scripted, agent: ref}}]
{more}
"""


@pytest.mark.parametrize(
    ("profile", "more", "said"),
    [
        ("", "harbor: {offline: true}", "harbor: holds for public tasks only; write profile: harbor"),
        (
            "profile: harbor",
            "ray: {address: 'head:10001'}",
            "ray.address: public tasks do not run on a cluster",
        ),
        ("profile: habor", "", "profile: 'habor' is unknown; did you mean 'harbor'?"),
        ("profile: harbor", "harbor: {online: true}", "harbor.online: unknown key"),
    ],
)
def test_a_config_that_contradicts_its_profile_is_refused(
    tmp_path: Path, profile: str, more: str, said: str
) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG.format(profile=profile, more=more))
    with pytest.raises(Mistake) as told:
        load_config(tmp_path / "c.yaml")
    assert str(told.value).startswith(f"{tmp_path}/c.yaml: {said}")


def test_a_run_of_public_tasks_is_another_than_one_with_other_stand_ins(
    public_task: Callable[..., Path], tmp_path: Path
) -> None:
    def hash_of(more: str) -> str:
        (tmp_path / "c.yaml").write_text(CONFIG.format(profile="profile: harbor", more=more))
        config = load_config(tmp_path / "c.yaml", ("tasks=[public]",))
        return make_plan(config, Secret(b"16 bytes at least", tmp_path), where="c.yaml").hash

    task = public_task("one")
    first = hash_of("harbor: {substitute: {'a:*': base}}")
    assert hash_of("harbor: {substitute: {'a:*': episode}}") != first
    assert hash_of("harbor: {substitute: {'a:*': base}, skip: []}") == first
    (task / "tests" / "test.sh").write_text("exit 0\n")
    assert hash_of("harbor: {substitute: {'a:*': base}}") != first


def test_all_tasks_without_a_solution_are_named_where_the_reference_is_to_run(
    public_task: Callable[..., Path], tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        solution = public_task(name) / "solution" / "solve.sh"
        if name != "b":
            solution.unlink()
    (tmp_path / "c.yaml").write_text(CONFIG.format(profile="profile: harbor", more=""))
    config = load_config(tmp_path / "c.yaml", ("tasks=[public]",))
    with pytest.raises(Mistake) as told:
        make_plan(config, Secret(b"16 bytes at least", tmp_path), where="c.yaml")
    assert str(told.value) == (
        "c.yaml: models.0.agent: harbor/a has no agent 'ref' (and 1 more of 3 tasks); "
        "it has: null; to leave such tasks out, harbor: {skip: [a, c]}"
    )
