"""Alerts in XML: what of them is in the record, and what no parser may do."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from router.domain.intake.cloudevents import event_data
from router.domain.intake.source_ids import report_id_of
from router.domain.networks.cap import chain_id
from router.domain.networks.registry import NETWORKS
from router.gateway.cap_routes import CAP_TYPES, EXAMPLE
from router.gateway.cap_xml import MAX_DEPTH, MAX_ELEMENTS, cap_value
from router.gateway.problems import ProblemError
from tests.support.gateway import TestedGateway

CAP = "urn:oasis:names:tc:emergency:cap:1.2"
ALERT = EXAMPLE.encode()
SECRET = Path(__file__)


def value(text: bytes | str) -> dict[str, Any]:
    """What the record says of an alert."""
    found: dict[str, Any] = json.loads(cap_value(text if isinstance(text, bytes) else text.encode()))
    return found


def wrong(text: bytes | str) -> str:
    """The sentence about what is no alert."""
    with pytest.raises(ProblemError) as caught:
        cap_value(text if isinstance(text, bytes) else text.encode())
    assert caught.value.code == "malformed"
    assert caught.value.detail.endswith(f"send one `alert` of the namespace {CAP}.")
    return caught.value.detail


def within(inner: str) -> str:
    return f'<alert xmlns="{CAP}">{inner}</alert>'


def test_the_elements_of_an_alert_are_the_members_of_the_value() -> None:
    sender, identifier, sent = "duty@weather.example.org", "2026-11-30-0007", "2026-11-30T08:00:00-08:00"
    assert value(ALERT) == {
        "id": chain_id(sender, identifier, sent, ""), "identifier": identifier, "sender": sender, "sent": sent,
        "status": "Actual", "msgType": "Alert", "scope": "Public",
        "info": [
            {
                "category": ["Met"], "event": "Flood", "urgency": "Immediate", "severity": "Severe", "certainty": "Observed",
                "headline": "The underpass is under water",
                "area": [{"areaDesc": "Underpass at Pike Street", "circle": ["47.6097,-122.3331 0.1"]}],
            }
        ],
    }  # fmt: skip


def test_blanks_prefixes_charsets_and_comments_change_nothing() -> None:
    prefixed = EXAMPLE.replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?").replace("xmlns=", "xmlns:c=")
    assert value(prefixed) == value(ALERT)
    commented = EXAMPLE.replace("<scope>", "<!-- x --><?pi x?><scope>").replace("Flood", "<![CDATA[Flood]]>")
    assert value(commented) == value(ALERT)
    assert value(EXAMPLE.replace("UTF-8", "UTF-16").encode("utf-16")) == value(ALERT)
    spaced = within("<note> a\n b </note><references>\n s,i,t\n s,j,t </references><source/>")
    assert {"note": "a\n b", "references": "s,i,t s,j,t"}.items() <= value(spaced).items()
    assert "source" not in value(spaced)


def test_an_alert_may_have_several_codes() -> None:
    """CAP 1.2, 3.2.1: a user-defined flag or special code, which may occur more than once."""
    assert value(within("<code>IPAWSv1.0</code><code>profile:CAP-AU</code>"))["code"] == ["IPAWSv1.0", "profile:CAP-AU"]


def test_elements_of_other_namespaces_are_left_out() -> None:
    signed = within(
        f'<identifier>1</identifier><s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"><identifier xmlns="{CAP}">2'
        "</identifier></s:Signature><identifier xmlns=''>3</identifier>"
    )
    assert value(signed).keys() == {"id", "identifier"}
    assert value(signed)["identifier"] == "1"


VICTIM = chain_id("other@example.org", "B", "2026-11-30T07:00:00-08:00", "")


def test_no_element_takes_the_place_of_what_the_gateway_derives() -> None:
    """Neither the id of a chain, nor an extension: an alert has the elements of CAP 1.2, 3.2.1, and no other."""
    forged = "".join(
        f"<{name}>{VICTIM}</{name}>" for name in ("id", "files", "areas", "infos", "expires", "instruction")
    )
    parts = "<area><areaDesc>x</areaDesc></area><resource><uri>x</uri></resource><alert><id>x</id></alert>"
    assert value(EXAMPLE.replace("<info>", f"{forged}{parts}<info>")) == value(ALERT)
    assert json.loads(cap_value(within(f"<id>{VICTIM}</id>").encode()))["id"] == chain_id("", "", "", "")


def test_no_alert_is_an_envelope_around_another_one() -> None:
    """CloudEvents JSON format, 3: with these members the router would read the report that is packed in the value."""
    packed = b64encode(json.dumps(value(ALERT) | {"id": VICTIM}).encode()).decode()
    event = {"specversion": "1.0", "id": "1", "source": "x", "type": "x", "data_base64": packed}
    made = cap_value(within("".join(f"<{name}>{text}</{name}>" for name, text in event.items())).encode())
    assert event_data(made) is None
    assert report_id_of(NETWORKS["cap"], made) is None


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "text",
    [
        f'<!DOCTYPE alert [<!ENTITY l0 "ha">{LAUGHS}]>{within("<note>&l9;</note>")}',
        f'<!DOCTYPE alert [<!ENTITY x SYSTEM "{SECRET.as_uri()}">]>{within("<note>&x;</note>")}',
        f'<!DOCTYPE alert [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]>{within("")}',
        f'<!DOCTYPE alert SYSTEM "http://127.0.0.1:1/x.dtd">{within("")}',
        f'<!DOCTYPE alert PUBLIC "-//X//Y" "{SECRET.as_uri()}">{within("")}',
        f"<!DOCTYPE alert>{within('')}",
        f'<!DOCTYPE alert [<!ATTLIST alert note CDATA "x">]>{within("")}',
    ],
)
def test_a_document_type_is_rejected_before_it_is_read(text: str) -> None:
    assert wrong(text).startswith("the document has a document type")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "well-formed"),
        ("<alert", "well-formed"),
        ("{}", "well-formed"),
        (within("<note>&x;</note>"), "well-formed"),  # no entity is declared
        (within("<note>&#0;</note>"), "well-formed"),
        (within("") + within(""), "well-formed"),
        (f"<alerts>{within('')}{within('')}</alerts>", "root element"),
        (EXAMPLE.replace("cap:1.2", "cap:1.1"), "root element"),
        ("<alert/>", "root element"),
        (f'<info xmlns="{CAP}"/>', "root element"),
        (within("<note>a</note><note>b</note>"), "`note` occurs twice"),
        (within("<info><event>a</event><event>b</event></info>"), "`event` occurs twice"),
        (within("<info>" * 90_000 + "</info>" * 90_000), f"more than {MAX_DEPTH}"),
        (within("<note>" * MAX_DEPTH + "</note>" * MAX_DEPTH), f"more than {MAX_DEPTH}"),
        (within("<category/>" * MAX_ELEMENTS), str(MAX_ELEMENTS)),
        (b"<?xml version='1.0' encoding='x-none'?><a/>", "well-formed"),
        (b"<?xml version='1.0' encoding='gb2312'?><a/>", "well-formed"),
        (b"\xff\xfe<\x00", "well-formed"),
        ("<a xmlns:b='" + "x" * 1000 + "'><b:c/></a>", "root element"),
    ],
)
def test_what_is_no_alert_gets_a_sentence(text: bytes | str, said: str) -> None:
    assert said in wrong(text)


@settings(max_examples=150)
@given(
    place=st.integers(0, len(ALERT)),
    cut=st.integers(0, 30),
    put=st.binary(max_size=20)
    | st.sampled_from([b"<info>", b"</info>", b"&lt;", b"<a b=''/>", b"<!--", b"]]>", b"\0"]),
)
@example(place=0, cut=0, put=b"")
def test_damaged_alerts_are_a_value_or_a_problem(place: int, cut: int, put: bytes) -> None:
    try:
        made = cap_value(ALERT[:place] + put + ALERT[place + cut :])
    except ProblemError:
        return
    assert json.loads(made)["id"].startswith("cap-")


def asked(folder: Path, work: Callable[[TestedGateway], Awaitable[Any]], **more: Any) -> Any:
    async def run() -> Any:
        gateway = TestedGateway(folder, **{"city": "seattle", **more})
        try:
            return await work(gateway)
        finally:
            await gateway.close()

    return asyncio.run(run())


def test_an_alert_goes_the_way_of_every_report(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        def send(text: str, kind: str = CAP_TYPES[0], **more: Any) -> Any:
            return gateway.call("POST", "/v1/alerts", content=text, headers={"Content-Type": kind}, **more)

        other = gateway.add("other", "report:policing")
        description = (await gateway.call("GET", "/openapi.json")).json()["paths"]["/v1/alerts"]["post"]
        described = description["requestBody"]["content"]
        assert set(described) == set(CAP_TYPES)
        return [
            *[await send(content["example"], f"{kind}; charset=utf-8") for kind, content in described.items()],
            await send(EXAMPLE.replace("Actual", "Draft")),
            await send(EXAMPLE.replace("Alert<", "Update<")),
            await send(EXAMPLE.replace("47.6097,", "")),
            await send("<x/>"),
            await send("<x/>" + " " * (256 << 10)),
            await send(EXAMPLE, "application/json"),
            await send(EXAMPLE, token=other),
            await send(EXAMPLE, token=None),
        ], set(description["responses"])

    answered, listed = asked(tmp_path, work)
    codes = [(one.status_code, one.json()["code"]) for one in answered]
    assert codes == [
        *[(503, "kafka-away")] * 3, (422, "schema"), (422, "schema"), (422, "schema"), (400, "malformed"),
        (413, "body-too-large"), (415, "unsupported-type"), (403, "network-not-granted"), (401, "unauthorized"),
    ]  # fmt: skip
    assert answered[3].json()["errors"][0]["pointer"] == "#/status"
    assert answered[5].json()["errors"][0]["pointer"] == "#/info/0/area/0/circle/0"
    assert {str(one.status_code) for one in answered} < listed


def test_a_city_without_alerts_has_no_such_network(tmp_path: Path) -> None:
    async def work(gateway: TestedGateway) -> Any:
        return await gateway.call("POST", "/v1/alerts", content=EXAMPLE, headers={"Content-Type": "text/xml"})

    assert asked(tmp_path, work, city="puyang").json()["code"] == "unknown-network"
