"""The sample reports: each is what both schemas say, and is read as a person would read it."""

from datetime import UTC, datetime
from hashlib import sha256
from math import cos, hypot, radians
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
import orjson
import pytest
from msgspec.structs import replace

from router.contracts.schemas import report_path, report_schemas
from router.domain.cells.registry import Claim
from router.domain.geometry import wgs84_to_gcj02
from router.domain.intake.coordinate_systems import to_wgs84
from router.domain.intake.normalise import normalise
from router.domain.model.report import Media
from router.domain.networks.registry import NETWORKS
from router.domain.networks.schema.network import ON_RECEIPT, Draft
from tests.support.records import Record, draft
from tests.support.samples import FOLDER, NAMES, listening, sample

SCHEMAS = report_schemas()
SHANGHAI, LOS_ANGELES = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Los_Angeles")
GCJ02 = {"policing": (115.1447, 35.80058), "governance": (115.151289, 35.80057)}
"""Points as their networks draw them."""
MATTERS = {
    "policing": "traffic-accident",
    "urban-management": "exposed-rubbish",
    "social-security": "lone-elder",
    "party-building": "sewer-blocked",
    "work-safety": "fire-hazard",
    "governance": "living-noise",
    "enforcement": "night-construction",
    "petitions": "property-service",
    "petitions-gb18030": "no-heating",
    "mediation": "neighbour-dispute",
    "litigation-services": "property-dispute",
    "environment": "odour",
    "hotline": "bulky-items",
    "open311": "graffiti",
    "cap": "hazard",
}
"""What they are about by the shipped tables."""
EXCLUSIVE = {"urban-management"}
"""Networks some of whose fields exclude others; of all others a sample shows every field."""


def utc(hour: int, minute: int, second: int = 0, *, day: int = 24) -> datetime:
    """A time of November 2026 by the clock of Shanghai, which is 8 hours ahead."""
    return datetime(2026, 11, day, hour, minute, second, tzinfo=SHANGHAI).astimezone(UTC)


def photo(name: str) -> tuple[Media]:
    return (Media(url=f"https://photos.example.org/2026/11/24/{name}.jpg", sha256=sha256(name.encode()).hexdigest()),)


DRAFTS: dict[str, Draft] = {
    "policing": Draft(
        source_id="J4109022026112400017",
        codes=("300102", "3001", "30"),
        occurred_at=utc(9, 15),
        reported_at=utc(9, 30),
        claim=Claim(network="policing", at=utc(9, 15), accuracy_m=25.0, community="410902002000", area="410902002000"),
        urgency="Expected",
        severity="Minor",
        description="两辆电动车相撞, 无人受伤, 一辆车倒在机动车道上",
        address="胜利路与京开大道交叉口东北角",
        reporter="138****5678",
    ),
    "urban-management": Draft(
        source_id="CG-2026-000123",
        codes=("4109020102", "event-0102", "event-01"),
        code_version="GB/T 30428.2-2013",
        occurred_at=utc(9, 28),
        reported_at=utc(9, 30, 12),
        claim=Claim(
            network="urban-management",
            at=utc(9, 28),
            lon=115.1386,
            lat=35.8194,
            accuracy_m=15.0,
            cell="410902001001001",
            county_code="4109020102",
        ),
        certainty="Observed",
        description="暴露垃圾约两立方米, 占压人行道",
        address="中原路 12 号门前",
        reporter="cg-0417",
        media=photo("cg-000123"),
    ),
    "environment": Draft(
        source_id="HB-2026-0931",
        codes=("odour",),
        occurred_at=utc(6, 30),
        reported_at=utc(9, 40),
        claim=Claim(
            network="environment",
            at=utc(6, 30),
            lon=115.142,
            lat=35.8005,
            accuracy_m=50.0,
            community="410902002010",
        ),
        description="河边有刺激性气味, 水面有白色泡沫",
        address="马颊河桥东侧",
        reporter="c-**17",
        media=photo("hb-0931"),
    ),
    "social-security": Draft(
        source_id="MZ-2026-0055",
        codes=("LR01",),
        occurred_at=utc(18, 0, day=23),
        reported_at=utc(10, 0),
        claim=Claim(network="social-security", at=utc(18, 0, day=23), community="410902002013", area="410902002013"),
        urgency="Expected",
        severity="Moderate",
        description="独居老人需要上门探访, 近两日未出门",
        reporter="w-17",
        extensions={"personRef": "4109**********0012"},
    ),
    "hotline": Draft(
        source_id="1-870704814",
        codes=("Bulky Items",),
        occurred_at=datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC),
        reported_at=datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC),
        revised_at=datetime(2018, 1, 6, 18, 18, 29, tzinfo=UTC),
        closed="closed",
        closed_at=datetime(2018, 1, 6, 18, 18, 29, tzinfo=UTC),
        claim=Claim(
            network="hotline",
            at=datetime(2018, 1, 1, 8, 0, 9, tzinfo=UTC),
            lon=-118.294017712,
            lat=34.0676390557,
            accuracy_m=20.0,
            area="Central APC|OLYMPIC|WILSHIRE CENTER - KOREATOWN NC",
        ),
    ),
    "cap": Draft(
        source_id="cap-43pohc32gxl5h2h3wg6e7bcc2j5cx4fk",
        codes=("profile/FLW", "Flood", "Met", "Infra"),
        occurred_at=datetime(2026, 11, 24, 17, 0, tzinfo=UTC),
        reported_at=datetime(2026, 11, 24, 17, 30, tzinfo=UTC),
        revised_at=datetime(2026, 11, 24, 17, 30, tzinfo=UTC),
        claim=Claim(
            network="cap",
            at=datetime(2026, 11, 24, 17, 0, tzinfo=UTC),
            lon=-122.3331,
            lat=47.6102,
            accuracy_m=pytest.approx(hypot(0.0005 * 111_195, 0.001 * 111_195 * cos(radians(47.61))), rel=0.002),
            area="profile/053033",
        ),
        urgency="Immediate",
        severity="Severe",
        certainty="Observed",
        description="The underpass is under water\nThe water is half a metre deep and rises.",
        address="Underpass at Pike Street",
        media=photo("underpass"),
        extensions={
            "identifier": "2026-11-24-0007",
            "sender": "duty@weather.example.org",
            "expires": "2026-11-25T05:00:00+00:00",
            "instruction": "Do not drive into the underpass.",
            "responseType": ["Avoid"],
        },
    ),
    "open311": Draft(
        source_id="key-6i4j3kx2ly5s7owqyd6nytdvkqoq4s7c",
        codes=("graffiti",),
        occurred_at=datetime(2026, 11, 24, 17, 28, tzinfo=UTC),
        reported_at=ON_RECEIPT,
        claim=Claim(
            network="open311",
            at=datetime(2026, 11, 24, 17, 28, tzinfo=UTC),
            lon=-122.3331,
            lat=47.6097,
            accuracy_m=20.0,
            cell="530335010030015",
        ),
        component_id="STOP-1120",
        description="Graffiti on the wall of the bus stop",
        address="1st Avenue and Pike Street",
        media=photo("stop"),
    ),
    "party-building": Draft(
        source_id="DJ-2026-1124-008",
        codes=("DJ0208",),
        occurred_at=utc(8, 20),
        reported_at=utc(8, 35, 10),
        claim=Claim(
            network="party-building",
            at=utc(8, 20),
            lon=115.1418,
            lat=35.8194,
            accuracy_m=20.0,
            community="410902001001",
        ),
        urgency="Expected",
        severity="Moderate",
        certainty="Observed",
        description="老旧小区下水道堵塞, 污水外溢, 请排水部门报到",
        address="京东社区 3 号楼北侧",
        reporter="dj-w-0021",
        media=photo("dj-008"),
        extensions={"branchCode": "4109-02-001-001"},
    ),
    "work-safety": Draft(
        source_id="AQ410902202611240031",
        codes=("AQ0102",),
        occurred_at=utc(10, 5),
        reported_at=utc(10, 21, 30),
        claim=Claim(  # 601: several communities joined, so the crosswalk decides
            network="work-safety",
            at=utc(10, 5),
            lon=115.145,
            lat=35.8162,
            accuracy_m=100.0,
            area="02010141090200160100",
        ),
        urgency="Immediate",
        severity="Extreme",
        certainty="Observed",
        description="仓库安全出口被货物堵塞, 疏散指示灯损坏",
        address="东白仓社区物流园 2 号库",
        reporter="aj-0312",
        media=photo("aq-0031"),
        extensions={"QYBS": "QY-0902-0417"},
    ),
    "governance": Draft(
        source_id="ZZ-410902-20261124-0077",
        codes=("0203", "02"),
        occurred_at=utc(19, 0),
        reported_at=utc(19, 22, 10),
        claim=Claim(network="governance", at=utc(19, 0), accuracy_m=20.0, cell="41090200201301"),
        urgency="Expected",
        severity="Moderate",
        certainty="Observed",
        description="广场舞音响声大, 居民与舞队发生争吵, 围观十余人",
        address="胜南社区广场",
        reporter="wg-0902-0133",
        media=photo("zz-0077"),
    ),
    "enforcement": Draft(
        source_id="ZF-2026-004512",
        codes=("ZF0110",),
        occurred_at=utc(22, 40),
        reported_at=utc(22, 58, 3),
        claim=Claim(
            network="enforcement",
            at=utc(22, 40),
            lon=115.1386,
            lat=35.8178,
            accuracy_m=15.0,
            community="410902001001",
            area="03020141090200100100",
        ),
        urgency="Expected",
        severity="Severe",
        certainty="Observed",
        description="夜间未经许可浇筑混凝土, 噪声扰民, 已责令停工",
        address="中原路在建工地",
        reporter="zf-0215",
        media=photo("zf-004512"),
        extensions={"partyRef": "ds-**0088"},
    ),
    "petitions": Draft(
        source_id="XF4109022026112400012",
        codes=("010301", "0103", "01"),
        occurred_at=utc(8, 0, day=10),
        reported_at=utc(14, 30),
        claim=Claim(network="petitions", at=utc(8, 0, day=10), community="410902001008"),
        urgency="Expected",
        severity="Moderate",
        description="安置房交付后屋面多处渗漏, 多次报修未果, 要求限期维修; 东白仓社区安置房 5 号楼",
        address="东白仓社区安置房 5 号楼",
        reporter="4109**********0035",
    ),
    "petitions-gb18030": Draft(
        source_id="XF4109022026112400013",
        codes=("010501", "0105", "01"),
        occurred_at=utc(15, 5),
        reported_at=utc(15, 5),
        claim=Claim(network="petitions", at=utc(15, 5), community="410902001008"),
        urgency="Future",
        severity="Minor",
        description="来信反映 𬇙水苑小区供暖不热, 盼尽快解决; 东白仓社区 3 号楼",
        address="东白仓社区 3 号楼",
        reporter="4109**********0041",
    ),
    "mediation": Draft(
        source_id="TJ-2026-0902-0318",
        codes=("09",),
        occurred_at=utc(20, 15, day=22),
        reported_at=utc(9, 0),
        claim=Claim(network="mediation", at=utc(20, 15, day=22), community="410902002010"),
        urgency="Expected",
        severity="Moderate",
        description="楼上漏水致楼下装修受损, 双方对赔偿数额争议较大",
        reporter="tjy-0056",
        extensions={"parties": [{"role": "applicant", "ref": "p-**0411"}, {"role": "respondent", "ref": "p-**0412"}]},
    ),
    "litigation-services": Draft(
        source_id="2026-Y0902-SQT-1234",
        codes=("0214",),
        occurred_at=datetime(2026, 10, 7, 16, tzinfo=UTC),
        reported_at=utc(15, 12, 45),
        claim=Claim(network="litigation-services", at=datetime(2026, 10, 7, 16, tzinfo=UTC), community="410902001006"),
        urgency="Expected",
        description="物业服务合同纠纷, 原告同意诉前调解, 请社区协助送达",
        reporter="yg-**2201",
        extensions={"defendantRef": "bg-**2202"},
    ),
}


def test_every_network_has_a_sample_and_one_is_in_gb18030() -> None:
    assert set(NAMES) == set(DRAFTS) == {*NETWORKS, "petitions-gb18030"}
    assert {path.suffix for path in FOLDER.iterdir()} == {".json"}
    with pytest.raises(UnicodeDecodeError):
        sample("petitions-gb18030").value.decode()
    with pytest.raises(UnicodeDecodeError):
        sample("petitions-gb18030").value.decode("gbk")  # it has a character that only four bytes can write


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_matches_the_generated_schema(name: str) -> None:
    one = sample(name)
    schema: Any = orjson.loads(SCHEMAS[report_path(one.network)])
    message = orjson.loads(one.text)
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(message)
    kinds = [schema, *schema.get("$defs", {}).values()]
    assert any(message.keys() == kind.get("properties", {}).keys() for kind in kinds) or one.network in EXCLUSIVE


@pytest.mark.parametrize("name", NAMES)
def test_the_draft_of_the_sample_has_the_expected_values(name: str) -> None:
    one = sample(name)
    made = draft(one.network, one.text, LOS_ANGELES if name == "hotline" else SHANGHAI)
    if name in GCJ02:
        (claim,) = to_wgs84([made.claim])
        assert wgs84_to_gcj02(claim.lon or 0, claim.lat or 0) == pytest.approx(GCJ02[name], abs=1e-8)
        made = replace(made, claim=replace(made.claim, lon=None, lat=None, gcj02=False))
    assert made == DRAFTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_file_becomes_a_report(name: str) -> None:
    one = sample(name)
    done = normalise(NETWORKS[one.network], [Record(value=one.value, headers=one.headers)], listening())
    assert [rejected.reason for _, rejected in done.rejections] == []
    (made,) = done.reports
    assert (made.id, made.description) == (f"{one.network}:{DRAFTS[name].source_id}", DRAFTS[name].description)
    assert made.matter == MATTERS[name]
