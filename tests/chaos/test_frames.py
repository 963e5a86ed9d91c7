"""Frames are read as Kafka's protocol defines them; aiokafka encodes the requests and answers."""

import pytest
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.metadata import MetadataRequest_v0
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7
from aiokafka.protocol.transaction import (
    AddPartitionsToTxnRequest_v0,
    AddPartitionsToTxnResponse_v0,
    EndTxnRequest_v0,
    EndTxnResponse_v0,
    InitProducerIdRequest_v0,
    InitProducerIdResponse_v0,
)

from tests.chaos.frames import Api, error_code, read_request

CORRELATION_ID = b"\x00\x00\x00\x07"
FENCED = 47


def encoded(request: RequestStruct) -> bytes:
    header = request.build_request_header(correlation_id=7, client_id="a-client")
    return header.encode() + request.encode()


@pytest.mark.parametrize(
    ("request_", "answer", "api"),
    [
        (InitProducerIdRequest_v0("id-1", 30_000), InitProducerIdResponse_v0(0, FENCED, 5, 1), "InitProducerId"),
        (
            AddPartitionsToTxnRequest_v0("id-1", 5, 1, [("topic", [0, 1])]),
            AddPartitionsToTxnResponse_v0(0, [("topic", [(0, FENCED), (1, 0)])]),
            "AddPartitionsToTxn",
        ),
        (
            ProduceRequest_v7("id-1", -1, 1000, [("topic", [(0, b"batch")])]),
            ProduceResponse_v7([("topic", [(0, FENCED, -1, -1, -1)])], 0),
            "Produce",
        ),
        (EndTxnRequest_v0("id-1", 5, 1, True), EndTxnResponse_v0(0, FENCED), "EndTxn"),
    ],
)
def test_a_request_has_its_transactional_id_and_its_answer_an_error(
    request_: RequestStruct, answer: RequestStruct, api: Api
) -> None:
    request = read_request(encoded(request_))
    assert request is not None
    assert (request.api, request.version, request.transactional_id) == (api, request_.API_VERSION, "id-1")
    assert error_code(request, CORRELATION_ID + answer.encode()) == FENCED


def test_flexible_versions_have_compact_strings() -> None:
    """EndTxn version 5 (EndTxnRequest.json): header with tags, then a compact string."""
    frame = b"\x00\x1a\x00\x05" + CORRELATION_ID + b"\x00\x01c" + b"\x00" + b"\x05id-1" + bytes(10) + b"\x01\x00"
    request = read_request(frame)
    assert request is not None
    assert (request.api, request.version, request.transactional_id) == ("EndTxn", 5, "id-1")
    assert error_code(request, CORRELATION_ID + b"\x00" + bytes(4) + b"\x00\x5a" + bytes(12)) == 90


@pytest.mark.parametrize(
    "request_", [MetadataRequest_v0([]), ProduceRequest_v7(None, -1, 1000, [])], ids=["another API", "no transaction"]
)
def test_requests_without_a_transactional_id_are_not_read(request_: RequestStruct) -> None:
    assert read_request(encoded(request_)) is None
