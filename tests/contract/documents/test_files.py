"""The documents that are kept in the repository are those that the code writes.

`mockpbx docs --output fixtures/contract` renews them.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mockpbx.contract.documents.files import DOCUMENTS

KEPT = Path(__file__).parents[3] / "fixtures" / "contract"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_file_that_is_kept_is_what_the_code_writes(name):
    file, write = DOCUMENTS[name]
    assert (KEPT / file).read_text(encoding="utf-8") == write(), (
        "the contract's tables have changed: renew the files with `mockpbx docs --output fixtures/contract`"
    )


def test_no_other_file_is_kept():
    assert {file.name for file in KEPT.iterdir()} == {file for file, _ in DOCUMENTS.values()}


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_a_document_is_the_same_every_time_and_keeps_the_order_it_was_built_in(name):
    _, write = DOCUMENTS[name]
    assert write() == write()
    assert list(json.loads(write()))[:2] == [name, "info" if name == "openapi" else "id"]


def test_a_server_starts_without_them():
    imports = (
        "import sys, mockpbx.app, mockpbx.cli.serve; print(*(m for m in sys.modules if 'contract.documents' in m))"
    )
    loaded = subprocess.run([sys.executable, "-c", imports], capture_output=True, text=True, check=True).stdout
    assert loaded == "\n"
