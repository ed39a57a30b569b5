"""The OpenAPI document: sound, complete, with examples that are true."""

import asyncio
import re
import shlex
import shutil

import pytest
from conftest import Api
from openapi_spec_validator import OpenAPIV31SpecValidator
from published import complaints, found, references

from mockpbx.contract import messages as m
from mockpbx.contract.documents.examples import EXAMPLES
from mockpbx.contract.documents.openapi import openapi
from mockpbx.contract.operations import FILTER_FIELDS, OPERATIONS, PARAMETERS
from mockpbx.contract.vocabulary import HANGUP_CAUSES, Disposition

DOCUMENT = openapi()
JSON = "application/json"


def operation_of(id_: str) -> dict:
    (operation,) = (each for methods in DOCUMENT["paths"].values() for each in methods.values()
                    if each["operationId"] == id_)  # fmt: skip
    return operation


def test_the_official_validator_finds_nothing():
    assert list(OpenAPIV31SpecValidator(DOCUMENT).iter_errors()) == []


def test_the_official_validator_would_see_what_is_wrong():
    broken = openapi()
    del broken["paths"]["/pbx/call"]["post"]["responses"]
    broken["info"].pop("version")
    assert len(list(OpenAPIV31SpecValidator(broken).iter_errors())) >= 1


def test_no_reference_dangles():
    named = set(references(DOCUMENT))
    assert len(named) > 5
    for reference in named:
        found(DOCUMENT, reference)


def test_every_schema_is_used():
    used = {reference.rpartition("/")[2] for reference in references(DOCUMENT)}
    assert set(DOCUMENT["components"]["schemas"]) == used


def test_it_has_the_operations_of_the_table_and_no_other():
    shown = {(method.upper(), path, each["operationId"]) for path, methods in DOCUMENT["paths"].items()
             for method, each in methods.items()}  # fmt: skip
    assert shown == {(operation.method, operation.path, operation.id) for operation in OPERATIONS}


def test_every_request_takes_the_token():
    assert DOCUMENT["security"] == [{"token": []}]
    assert DOCUMENT["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert not any("security" in operation_of(operation.id) for operation in OPERATIONS)


def test_every_parameter_and_every_filter_is_there_with_its_operators_and_examples():
    for operation in OPERATIONS:
        shown = {each["name"]: each for each in operation_of(operation.id).get("parameters", [])}
        filters = FILTER_FIELDS if operation.id == "list_records" else ()
        expected = [each.name for each in PARAMETERS.get(operation.id, ())] + [
            f"filter.{each.name}" for each in filters
        ]
        assert list(shown) == expected
        for field in filters:
            parameter = shown[f"filter.{field.name}"]
            assert all(f"`{operator}`" in parameter["description"] for operator in field.operators)
            assert [example["value"] for example in parameter["examples"].values()] == [
                [each] for each in field.examples
            ]


@pytest.mark.parametrize("field", FILTER_FIELDS, ids=lambda field: field.name)
def test_the_grammar_of_a_filter_takes_its_operators_and_no_other(field):
    parameters = {each["name"]: each for each in operation_of("list_records")["parameters"]}
    pattern = parameters[f"filter.{field.name}"]["schema"]["items"]["pattern"]
    for operator in field.operators:
        assert re.search(pattern, f"{operator}:30")
        assert re.search(pattern, f"$or:{operator}:30.5")
    assert re.search(pattern, "30")
    if field.numeric:
        for refused in ("$in:30", "$contains:30", "$GTE:30", "$gte:", "", "long", "$gte:30:40"):
            assert not re.search(pattern, refused), refused


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_failure_is_an_answer_with_its_sentence(operation):
    responses = operation_of(operation.id)["responses"]
    assert set(responses) == {"200", *(str(failure.error.status) for failure in operation.failures)}
    for failure in operation.failures:
        response = responses[str(failure.error.status)]
        assert failure.when in response["description"]
        assert {"status": failure.error.status, "errors": failure.sentence, "data": None} in [
            example["value"] for example in response["content"][JSON]["examples"].values()
        ]


def bodies():
    """Every schema of a body, with its examples."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            parts = [(f"{status}", each) for status, each in operation["responses"].items()]
            if "requestBody" in operation:
                parts.append(("request", operation["requestBody"]))
            for name, part in parts:
                for media, content in part["content"].items():
                    yield pytest.param(content, id=f"{method} {path} {name} {media}")


@pytest.mark.parametrize("content", list(bodies()))
def test_every_example_of_a_body_keeps_its_schema(content):
    assert content["examples"]
    for example in content["examples"].values():
        assert complaints(DOCUMENT, content["schema"], example["value"]) == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_example_of_a_parameter_keeps_its_schema(operation):
    for parameter in operation_of(operation.id).get("parameters", []):
        examples = [each["value"] for each in parameter.get("examples", {}).values()] or [parameter["example"]]
        for example in examples:
            assert complaints(DOCUMENT, parameter["schema"], example) == []


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_examples_of_schemas_keep_the_schema_and_the_model(name):
    schema = DOCUMENT["components"]["schemas"][name]
    for example in schema.get("examples", []):
        assert complaints(DOCUMENT, schema, example) == []
        if hasattr(m, name):
            assert getattr(m, name).model_validate(example).wire() == example


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("PlaceCallRequest", {"phoneNumber": 89608675796}),
        ("PlaceCallRequest", {"phoneNumber": "0896 0867"}),
        ("CallDetailRecord", {"hangupCauseCode": 99}),
        ("CallDetailRecord", {"startTime": "2025-07-23T03:37:56Z"}),
        ("CallDetailRecord", {"disposition": "NO_ANSWER"}),
        ("CallDetailRecord", {"duration": -1}),
        ("PageMeta", {"sortBy": ["id", "DESC"]}),
        ("PageMeta", {"search": None}),
        ("Error", {"data": {}}),
        ("Error", {"errors": ""}),
    ],
)
def test_schemas_refuse_what_is_wrong(name, spoilt):
    schema = DOCUMENT["components"]["schemas"][name]
    assert complaints(DOCUMENT, schema, schema["examples"][0] | spoilt)


MODELS = [each for operation in OPERATIONS for each in (operation.request, operation.reply) if each is not None]


@pytest.mark.parametrize("model", list(dict.fromkeys([*MODELS, m.PageMeta])), ids=lambda model: model.__name__)
def test_every_field_of_every_model_is_described(model):
    shown = DOCUMENT["components"]["schemas"][model.__name__]
    assert list(shown["properties"]) == [field.alias for field in model.model_fields.values()]
    for name, schema in shown["properties"].items():
        assert schema.get("description"), name
        assert "title" not in schema
    assert model in EXAMPLES


def test_every_cause_and_every_disposition_is_told():
    schema = DOCUMENT["components"]["schemas"]["CallDetailRecord"]["properties"]["hangupCauseCode"]
    assert schema["enum"] == list(HANGUP_CAUSES)
    for code, cause in HANGUP_CAUSES.items():
        assert f"| {code} | {cause.contract} | {cause.meaning} |" in DOCUMENT["info"]["description"]
    for disposition in Disposition:
        assert f"`{disposition}`" in DOCUMENT["info"]["description"]


def test_a_server_that_serves_it_comes_before_the_hosted_one():
    assert openapi("http://127.0.0.1:7290") == DOCUMENT | {
        "servers": [{"url": "http://127.0.0.1:7290", "description": "this server"}, *DOCUMENT["servers"]]
    }


# --- what it says is what a server does -------------------------------------------------------------------------------

UNKNOWN = {"json": {"sessionId": "unknown"}}
JSON_HEADERS = {"Content-Type": JSON}
#: By the sentence, what provokes it: path (None: the operation's own), token, and the rest of the request.
PROVOKED = {
    "Invalid phone number format": (None, "dev", {"json": {"phoneNumber": "abc"}}),
    "The request body is not valid JSON": (None, "dev", {"data": "{", "headers": JSON_HEADERS}),
    "The request body is larger than the limit of 102400 bytes": (None, "dev", {"data": {"a": "x" * 102_400}}),
    "The content encoding 'rot13' is not supported: send gzip, deflate or none": (
        None, "dev", {"data": b"{}", "headers": JSON_HEADERS | {"Content-Encoding": "rot13"}},
    ),
    "Authentication token is required": (None, None, {}),
    "Authentication token is invalid": (None, "invalid-1", {}),
    "Failed to initiate call": (None, "dev", {"json": {"phoneNumber": "08000000500"}}),
    "sessionId is required": (None, "dev", {"json": {}}),
    "No live call has this sessionId: it is unknown or the call has ended": (None, "dev", UNKNOWN),
    "limit must be -1 or more, got -2": ("/cdr?limit=-2", "dev", {}),
    "filter.duration must be a number, got 'long'": ("/cdr?filter.duration=$gte:long", "dev", {}),
    "The path has a % that is not followed by two hexadecimal digits": ("/cdr/%zz", "dev", {}),
    "No call record has this sessionId": ("/cdr/unknown", "dev", {}),
}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
async def test_a_server_gives_every_error_of_the_examples(serve, http, operation):
    url = (await serve()).url
    for failure in operation.failures:
        if failure.sentence == "Internal server error":
            continue
        path, token, request = PROVOKED[failure.sentence]
        target = path or operation.path.replace("{sessionId}", "s")
        status, reply = await Api(http, url, token).ask(operation.method, target, **request)
        assert (status, reply) == (
            failure.error.status,
            {"status": failure.error.status, "errors": failure.sentence, "data": None},
        )


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
async def test_the_samples_for_curl_run(serve):
    pbx = await serve()
    for operation in OPERATIONS:
        (sample,) = operation_of(operation.id)["x-codeSamples"]
        assert shlex.split(sample["source"])[0] == "curl"
        process = await asyncio.create_subprocess_shell(
            sample["source"].replace("curl", "curl -s -o /dev/null -w '%{http_code}'", 1),
            env={"PBX_URL": pbx.url, "PBX_TOKEN": "dev"},
            stdout=-1,
        )
        status, _ = await process.communicate()
        assert status == (b"200" if operation.id in ("place_call", "list_records") else b"404"), sample["source"]
