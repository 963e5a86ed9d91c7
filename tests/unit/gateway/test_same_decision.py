"""The gateway decides as the first stage does, about whatever apps send."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli.report.checking import checked
from router.domain.model.report import Report
from router.domain.rules.rule_sets import RuleSets
from router.gateway.admission import DERIVED_ID, admitted, with_derived_id
from router.gateway.problems import ProblemError
from tests.support.cities import shipped
from tests.support.city_messages import CALL, PROBLEM
from tests.support.gateway import CITY, TestedGateway
from tests.support.samples import NAMES, sample
from tests.support.synthetic import stream

RULES = RuleSets(shipped(CITY))
NETWORKS = sorted(shipped(CITY).codes)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def decided(network: str, value: bytes, headers: Any = ()) -> tuple[str | None, str | None]:
    """Matter and cell, or code and sentence, that the gateway finds."""
    try:
        found: Report = admitted(network, value, headers, RULES, time.time_ns() // 1_000_000)
    except ProblemError as problem:
        return problem.code, problem.detail
    return found.matter, found.location.cell


def by_first_stage(network: str, value: bytes, headers: Any = ()) -> tuple[str | None, str | None]:
    """The same by the decision of the first stage, as `report check` prints it."""
    (one,) = checked(network, [(1, value)], headers, shipped(CITY))
    return (one.matter, one.cell) if one.code is None else (one.code, one.reason)


def test_synthetic_reports_with_their_noise_are_decided_alike() -> None:
    messages = stream(reports=1500, noise=4.0)
    found = [decided(one.network, one.value) for one in messages]
    assert found == [by_first_stage(one.network, one.value) for one in messages]
    rejected = [code for code, said in found if said is not None and said.endswith(".")]
    assert 10 < len(rejected) < len(messages)


def test_samples_are_decided_alike() -> None:
    samples = [sample(name) for name in NAMES]
    known = [one for one in samples if one.network in NETWORKS]
    for one in known:
        assert decided(one.network, one.value, one.headers) == by_first_stage(one.network, one.value, one.headers)


@settings(max_examples=150)
@given(
    network=st.sampled_from(["urban-management", "policing"]),
    field=st.sampled_from([*PROBLEM, *CALL, "specversion", "data", "x\0"]),
    value=VALUES,
    cut=st.integers(0, 40),
)
def test_damaged_reports_are_decided_alike(network: str, field: str, value: Any, cut: int) -> None:
    base = PROBLEM if network == "urban-management" else CALL
    body = json.dumps(base | {field: value}).encode("utf-8", "surrogatepass")
    for sent in (body, body[: len(body) - cut], body[cut:]):
        assert decided(network, sent) == by_first_stage(network, sent)


@settings(max_examples=60)
@given(
    path=st.sampled_from(["/v1/reports/policing", "/v1/reports:batch"]),
    body=st.binary(max_size=60) | VALUES.map(lambda value: json.dumps({"reports": value}).encode()),
    kind=st.sampled_from(
        ["application/json", "application/cloudevents+json", "application/json; charset=gb18030", "x", ""]
    ),
    key=st.none() | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
)
def test_no_request_is_a_defect(tmp_path_factory: Any, path: str, body: bytes, kind: str, key: str | None) -> None:
    async def run() -> int:
        gateway = TestedGateway(Path(tmp_path_factory.mktemp("gateway")))
        headers = {"Content-Type": kind, **({} if key is None else {"Idempotency-Key": key})}
        answered = await gateway.call("POST", path, headers=headers, content=body)
        await gateway.close()
        return answered.status_code

    assert asyncio.run(run()) in {200, 400, 415, 422}


def test_a_derived_id_follows_from_network_holder_and_key() -> None:
    body = json.dumps({name: value for name, value in CALL.items() if name != "jjdbh"}).encode()
    made = [
        with_derived_id("policing", body, (), holder, key)
        for holder, key in (("a", "k"), ("a", '"k"'), ("a", "k2"), ("b", "k"), ("a\nk", "k"), ("a", "k\nk"))
    ]
    ids = [json.loads(one)["jjdbh"] for one in made]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5
    assert all(one.startswith(DERIVED_ID) and len(one) <= 64 for one in ids)
    assert decided("policing", made[0])[0] == decided("policing", json.dumps(CALL).encode())[0]


def test_a_report_with_an_id_keeps_it_and_what_is_no_report_its_bytes() -> None:
    event = json.dumps({"specversion": "1.0", "id": "1", "source": "/x", "type": "x", "data": {}}).encode()
    no_id = json.dumps({"jjdbh": None}).encode()
    for body in (json.dumps(CALL).encode(), event, no_id, b"[]", b"", b"{", b"\xff", b"5", b"[" * 10_000):
        assert with_derived_id("policing", body, (), "a", "k") == body
    assert with_derived_id("policing", b" \n{ }", (), "a", "k").endswith(b'" }')


def test_an_id_is_put_in_front_of_text_in_gb18030() -> None:
    headers = [("content-type", b"application/json; charset=GB18030")]
    text = sample("petitions-gb18030")
    message = json.loads(text.text)
    id_ = message.pop("xfjbh")
    body = json.dumps(message, ensure_ascii=False).encode("gb18030")
    made = with_derived_id("petitions", body, headers, "a", id_)
    assert made.endswith(body[1:])
    assert decided("petitions", made, headers) == decided("petitions", text.value, headers)
