"""What lies in docker/ is true: its variables, commands, flags, paths and routes exist. No engine is needed."""

import asyncio
import json
import os
import re
import runpy
import shutil
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest
import yaml12

from mockpbx.adapters.control.routes import ROUTES
from mockpbx.cli import COMMANDS, mockpbx
from mockpbx.evidence.patterns import fact_named
from mockpbx.runtime.scenario_files import read_steps
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
TEXTS = {path.relative_to(DOCKER).as_posix(): path.read_text() for path in DOCKER.rglob("*") if path.is_file()}
IMAGE = TEXTS["Dockerfile"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What the client's side of the world knows, too.
SWITCHES = {*ServerSettings.model_fields, *WorkspaceSettings.model_fields, "url", "token", "evidence", "config"}


def instructions(word: str) -> list[str]:
    """The arguments of an instruction of the Dockerfile, wherever it stands; continued lines as one."""
    return re.findall(rf"^{word} (.*)$", IMAGE.replace("\\\n", " "), re.MULTILINE)


def environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))


# --- what they name exists --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_every_variable_is_a_switch(name):
    for variable in re.findall(r"\bMOCKPBX_([A-Z_]+)", TEXTS[name]):
        assert variable.lower() in SWITCHES, f"MOCKPBX_{variable}"


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_and_flag_exists(name):
    context = click.Context(mockpbx)
    for command, rest in re.findall(r"(?<![\w/.:-])mockpbx ([a-z]+)\b([^\n`]*)", TEXTS[name]):
        if command not in COMMANDS:
            assert not rest.startswith(" --"), f"mockpbx {command}{rest}"
            continue  # a sentence about it
        flags = {flag for parameter in mockpbx.get_command(context, command).params for flag in parameter.opts}
        named = re.findall(r"(?<!\S)--[a-z-]+", rest.split(" -- ")[0].split(";")[0])
        assert set(named) <= flags | {"--help"}, f"mockpbx {command}{rest}"


@pytest.mark.parametrize("name", [name for name in TEXTS if "testcontainers" in name])
def test_the_recipes_requests_are_ones_that_are_taken(name):
    paths = {path for route in ROUTES for path in [re.escape(route.path).replace(r"\{id\}", "[^/]+")]}
    for path in re.findall(r"[\"`'](/__admin/[^\"`']*)", TEXTS[name]):
        plain = re.sub(r"\$?\{[^}]*\}", "id", path)
        assert any(re.fullmatch(known, plain) for known in paths), path
    (rule,) = re.findall(r"\"?scenario\"?: (\[.*?\])", TEXTS[name])
    assert len(read_steps(json.loads(rule), name)) == 1
    (wanted,) = re.findall(r"\"?facts\"?: \[(\{.*?\})\]", TEXTS[name])
    asked = json.loads(re.sub(r"([{,] *)(\w+):", r'\1"\2":', wanted))
    assert fact_named(asked.pop("fact"), asked).wanted


def test_the_readme_lists_what_lies_there():
    listed = set(re.findall(r"^\| `(\S+)` \|", TEXTS["README.md"], re.MULTILINE))
    assert listed == TEXTS.keys() - {"README.md"}


# --- the image --------------------------------------------------------------------------------------------------------


def test_both_stages_have_one_base_which_is_pinned():
    (default,) = [each for each in instructions("ARG") if each.startswith("PYTHON=")]
    assert re.fullmatch(r"PYTHON=3\.\d+-slim-[a-z]+", default)
    assert f"Python :: {default[7:11]}" in " ".join(PROJECT["classifiers"])
    assert [each.split()[0] for each in instructions("FROM")] == ["python:${PYTHON}"] * 2


def test_what_is_copied_is_there_and_is_what_the_build_needs():
    copied = [name for each in instructions("COPY") if not each.startswith("--") for name in each.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in copied:
        assert (ROOT / name).exists()
        assert name not in ignored
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*build["packages"], *(path.split("/")[0] for path in build["force-include"]), PROJECT["readme"]}
    assert needed | {"pyproject.toml", *PROJECT["license-files"]} == set(copied)


def test_it_installs_the_project_with_an_extra_that_there_is():
    (install,) = [each for each in instructions("RUN") if "pip install" in each]
    assert install == 'python -m venv /opt/mockpbx && /opt/mockpbx/bin/pip install --no-cache-dir ".[${EXTRAS}]"'
    (extras,) = [each.removeprefix("EXTRAS=") for each in instructions("ARG") if each.startswith("EXTRAS=")]
    offered = re.findall(r"--build-arg EXTRAS=(\S+)", IMAGE)
    for name in {each for listed in (extras, *offered) for each in listed.split(",")}:
        assert name in PROJECT["optional-dependencies"]


def test_it_is_nobody_special_and_stops_on_a_signal_that_reaches_it():
    (user,) = instructions("USER")
    assert user.isdecimal()
    assert int(user) > 0
    assert f"useradd --uid {user} " in IMAGE
    assert instructions("STOPSIGNAL") == ["SIGTERM"]
    # No shell between: the server is process 1 and gets the signal itself.
    assert json.loads(instructions("ENTRYPOINT")[0]) == ["mockpbx"]
    assert json.loads(instructions("CMD")[0]) == ["serve"]


def test_its_health_is_asked_for_where_it_listens():
    (check,) = instructions("HEALTHCHECK")
    assert json.loads(check.partition("CMD ")[2]) == ["mockpbx", "readyz"]
    given = environment()
    assert (given["MOCKPBX_HOST"], int(given["MOCKPBX_PORT"])) == ("0.0.0.0", ServerSettings().port)
    assert instructions("EXPOSE") == [given["MOCKPBX_PORT"]]
    assert given["PATH"].startswith("/opt/mockpbx/bin:")
    readyz = {parameter.name: parameter for parameter in mockpbx.get_command(click.Context(mockpbx), "readyz").params}
    assert (readyz["host"].envvar, readyz["port"].envvar) == ("MOCKPBX_HOST", "MOCKPBX_PORT")
    asked_for = float(re.search(r"--timeout=(\d+)s", check)[1])
    assert readyz["timeout"].default < asked_for


def test_its_records_lie_in_the_volume():
    assert Path(environment()["MOCKPBX_DATABASE"]).parent.as_posix() == instructions("VOLUME")[0]


# --- compose, workflow, recipes ---------------------------------------------------------------------------------------


def test_compose_publishes_on_loopback_what_the_image_exposes():
    service = yaml12.parse_yaml(TEXTS["compose.yaml"])["services"]["mockpbx"]
    port = environment()["MOCKPBX_PORT"]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).exists()
    assert service["volumes"][0].endswith(f":{instructions('VOLUME')[0]}")
    settings = {name.removeprefix("MOCKPBX_").lower(): value for name, value in service["environment"].items()}
    for model in (ServerSettings, WorkspaceSettings):
        model.model_validate({name: value for name, value in settings.items() if name in model.model_fields})


def test_the_workflow_runs_the_tests_both_ways():
    jobs = yaml12.parse_yaml(TEXTS["github-actions.yml"])["jobs"]
    steps = [step["run"] for step in jobs["exec"]["steps"] if "run" in step]
    assert f"pip install {PROJECT['name']}" in steps
    assert "mockpbx exec --evidence evidence -- npm test" in steps
    service = jobs["service"]["services"]["mockpbx"]
    port = environment()["MOCKPBX_PORT"]
    assert service["ports"] == [f"{port}:{port}"]
    assert jobs["service"]["env"]["MOCKPBX_URL"] == f"http://127.0.0.1:{port}"
    assert service["image"].endswith(f":{'.'.join(PROJECT['version'].split('.')[:2])}")


class Container:
    """What Testcontainers would start, already there: the server of a test. It takes every `with_...`."""

    url = ""

    def __init__(self, image: str) -> None:
        assert image == "mockpbx"
        self.ports: list[int] = []

    def with_exposed_ports(self, port: int) -> "Container":
        self.ports.append(port)
        return self

    def with_env(self, name: str, value: str) -> "Container":
        return self

    def waiting_for(self, strategy: object) -> "Container":
        return self

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_exposed_port(self, port: int) -> int:
        assert port in self.ports
        return int(self.url.rpartition(":")[2])


async def test_the_python_recipe_holds_against_a_server(serve, monkeypatch):
    for name, names in (
        ("container", {"DockerContainer": Container}),
        ("wait_strategies", {"HealthcheckWaitStrategy": object}),
    ):
        monkeypatch.setitem(sys.modules, f"testcontainers.core.{name}", types.SimpleNamespace(**names))
    for name in ("testcontainers", "testcontainers.core"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(Container, "url", (await serve(clock="auto")).url)
    recipe = runpy.run_path(str(DOCKER / "testcontainers" / "test_with_container.py"))
    (url,) = recipe["mockpbx_url"].__wrapped__()
    await asyncio.to_thread(recipe["test_a_busy_callee"], url)


#: The same as a package of Node.
PACKAGE = """
export const Wait = { forHealthCheck: () => "healthy" };
export class GenericContainer {
  constructor(image) { this.image = image; }
  withExposedPorts(...ports) { this.ports = ports; return this; }
  withEnvironment(environment) { return this; }
  withWaitStrategy(strategy) { return this; }
  async start() { return this; }
  async stop() {}
  getHost() { return "127.0.0.1"; }
  getMappedPort(port) { return this.ports.includes(port) && process.env.PORT; }
}
"""


async def test_the_node_recipe_holds_against_a_server(serve, tmp_path):
    node = shutil.which("node")
    if node is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("node is missing")
    package = tmp_path / "node_modules" / "testcontainers"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (package / "index.js").write_text(PACKAGE)
    recipe = shutil.copy(DOCKER / "testcontainers" / "with-container.test.mjs", tmp_path)
    environment = os.environ | {"PORT": (await serve(clock="auto")).url.rpartition(":")[2]}
    process = await asyncio.create_subprocess_exec(node, "--test", recipe, env=environment, stdout=-1, stderr=-1)
    out, error = await process.communicate()
    assert process.returncode == 0, (out + error).decode()
