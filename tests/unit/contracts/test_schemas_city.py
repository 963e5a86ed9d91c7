"""The schemas of a city's files accept what the city's models accept, shorthands included."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from router.cli.schemas import CITY
from router.contracts.schemas import city_path
from router.domain.documents import Source, read_yaml
from tests.support.schemas import ROOT, schema_accepts

CITIES = ROOT / "deploy" / "cities"
SHIPPED = [
    (name, path)
    for name in CITY
    for path in sorted(
        [*CITIES.glob(f"*/{name}.yaml"), *CITIES.glob(f"*/catalogue/{name}.yaml"), *CITIES.glob(f"*/{name}/*.yaml")]
    )
]


@pytest.mark.parametrize(("name", "path"), SHIPPED, ids=[str(path.relative_to(CITIES)) for _, path in SHIPPED])
def test_shipped_cities_are_valid_by_their_schemas(name: str, path: Path) -> None:
    document, wrong = read_yaml(Source(name, path.read_text("utf-8")))
    assert document is not None, wrong
    CITY[name].model_validate(document.value)
    assert schema_accepts(city_path(name), json.loads(json.dumps(document.value, default=str)))


def test_every_kind_of_file_is_shipped_by_some_city() -> None:
    assert {name for name, _ in SHIPPED} == CITY.keys()


NAME = "{name: {en: A}}"
NOTICE = "notices: [{id: A 1, issuer: {en: A}, date: 2025-11-04}]"
WRITTEN = [
    ("duties", "duties: {a: {matters: ['*'], lead: ocb}}", True),
    (
        "duties",
        "duties: {a: {matters: ['*'], lead: {department: ocb, unit: street}, assist: [lapd, {department: x}]}}",
        True,
    ),
    (
        "duties",
        "duties: {a: {area: 41, from: 2026-01-01}, b: {area: ['410902', 410902003]}, c: {area: '', matters: }}",
        True,
    ),
    ("duties", "duties: {a: {lead: ocb, duties: {b: {area: , assist: }}}}\nfallback: locality", True),
    ("duties", "duties: {a: {matters: graffiti}}", False),
    ("duties", "duties: {a: {matters: []}}", False),
    ("duties", "duties: {a: {area: []}}", False),
    ("duties", "duties: {a: {area: '41090'}}", False),
    ("duties", "duties: {a: {area: '４１'}}", False),
    ("duties", "duties: {a: {lead: {unit: street}}}", False),
    ("duties", "duties: {a: {leed: ocb}}", False),
    ("duties", "duties: {A: {lead: ocb}}", False),
    ("duties", "duties: {a: {from: soon}}", False),
    ("duties", "fallback: locality", False),
    ("departments", f"ocb: {NAME}", True),
    ("departments", "ocb: {name: {en: A, zh: 甲}, units: {east: {en: East}}}", True),
    ("departments", f"o_cb: {NAME}", False),
    ("departments", f"{'a' * 49}: {NAME}", False),
    ("departments", "ocb: {name: A}", False),
    ("work", "workflows: {w: {name: {en: W}, steps: {filing: {text: {en: F}, required: false}}}}", True),
    ("work", "workflows: {w: {name: {en: W}, steps: {billing: {text: {en: F}}}}}", False),
    ("work", "workflows: {w: {name: {en: W}, steps: {filing: {text: {en: F}, required: 'no'}}}}", False),
    ("matters", "groups: {g: {name: {en: G}}}\nmatters: {m: {name: {en: M}, group: g, urgency: Future}}", True),
    ("matters", "groups: {g: {name: {en: G}}}\nmatters: {m: {name: {en: M}, group: g, urgency: future}}", False),
    ("standards", "default: {limit: 24h, lead: {limit: 3d}, assist: }\nmatters: {m: {limit: }}", True),
    ("standards", "default: {limit: 24}", False),
    ("standards", "default: {limit: 0h, lead: {limit: 9999wh}, assist: {limit: 999wd}}", True),
    ("standards", "default: {limit: 10uwh}", True),
    ("standards", "default: {limit: 00h}", False),
    ("standards", "default: {limit: 10000wh}", False),
    ("standards", "default: {limit: 1000wd}", False),
    ("standards", "default: {limit: 4WH}", False),
    ("standards", "default: {limit: '４wh'}", False),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-12:00', '14:30-24:00']", True),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-24:01']", False),
    ("calendar", f"{NOTICE}\noffice_hours: ['8:30-12:00']", False),
    ("calendar", f"{NOTICE}\noffice_hours: []", False),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-12:00']\nworkdays: []", False),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-12:00']\nworkdays: [sunday]\nmakeup_workdays: [2026-02-14]", True),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-12:00']\nholidays: [{{from: 2026-01-01, name: {{en: A}}}}]", True),
    ("calendar", f"{NOTICE}\noffice_hours: ['08:30-12:00']\nholidays: [2026-01-01]", False),
    ("calendar", "notices: []\noffice_hours: ['08:30-12:00']", False),
    ("calendar", "office_hours: ['08:30-12:00']", False),
    ("standards", "default: {limit: 3 days}", False),
    ("city", "title: {en: A}\nzone: Asia/Shanghai\ndefault_cell: '410902003001007'", True),
    ("city", "title: {en: A}\nzone: Asia/Shanghai\ndefault_cell: 410902003001007", False),
    (
        "tests",
        "at: x\ntests: [{name: n, matter: m, cell: 410902003001007, expect: {limit: 3d}, not: {lead: a, rule: [b]}}]",
        True,
    ),
    (
        "tests",
        "at: x\ntests: [{name: n, network: n, code: 17, version: 2013, cell: '410902003001007', expect: {}}]",
        True,
    ),
    ("tests", "at: x\ntests: []", False),
    ("tests", "at: x\ntests: [{name: n, matter: m, cell: '410902003001007', expect: {assist: lapd}}]", False),
]


@pytest.mark.parametrize(("name", "text", "right"), WRITTEN)
def test_schema_and_model_agree_about_a_citys_files(name: str, text: str, right: bool) -> None:
    document, _ = read_yaml(Source(name, text))
    assert document is not None
    try:
        CITY[name].model_validate(document.value)
    except ValidationError:
        assert not right
    else:
        assert right
    assert schema_accepts(city_path(name), json.loads(json.dumps(document.value, default=str))) == right
