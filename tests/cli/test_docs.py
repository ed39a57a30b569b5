"""`mockpbx docs`: the contract on the terminal and in files."""

import json

import pytest
from click.testing import CliRunner

from mockpbx.cli import mockpbx
from mockpbx.cli.docs import command
from mockpbx.contract.documents.files import DOCUMENTS


def docs(*flags: str):
    return CliRunner().invoke(command, flags)


def test_openapi_is_what_it_prints_unless_told_otherwise():
    assert json.loads(docs().output)["openapi"].startswith("3.1.")
    assert docs().output == docs("openapi").output == DOCUMENTS["openapi"][1]()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_each_is_printed_by_its_name(name):
    assert docs(name).output == DOCUMENTS[name][1]()


def test_all_are_written_to_a_folder_that_need_not_be_there(tmp_path):
    folder = tmp_path / "new" / "docs"
    result = docs("--output", str(folder))
    assert result.output.split() == [str(folder / file) for file, _ in DOCUMENTS.values()]
    for file, write in DOCUMENTS.values():
        assert (folder / file).read_text(encoding="utf-8") == write()


def test_one_is_written_alone(tmp_path):
    docs("asyncapi", "--output", str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["asyncapi.json"]


def test_a_folder_that_cannot_be_written_is_said_in_a_line(tmp_path):
    (tmp_path / "file").write_text("")
    result = docs("--output", str(tmp_path / "file" / "docs"))
    assert result.exit_code == 2
    assert "choose another folder with --output" in result.output


def test_a_name_that_is_none_is_refused_with_those_that_are():
    result = docs("swagger")
    assert result.exit_code == 2
    assert all(name in result.output for name in DOCUMENTS)


def test_it_is_a_command():
    assert "docs" in mockpbx.list_commands(None)
