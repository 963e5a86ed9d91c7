"""A city's folder loads or gives an error sentence. The commands about it print data and set exit codes."""

import shutil
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from router.cities.city_reader import read_city
from router.cities.folder import cities_folder, city_folder, city_names, load_city
from router.cities.packing import pack, unpack
from router.cli.catalogue.commands import _run_text, app
from router.domain.catalogue.checks.coverage import coverage
from router.domain.catalogue.checks.rule_tests import RuleTestRun
from router.domain.cells.registry import Claim
from router.wire.errors import CityError, InputError, RouterError
from router.wire.settings import Settings

SHIPPED = cities_folder(Settings().cities) / "los-angeles"
CELL, HARBOR = "060371002014021", "060373005009001"
CELLS = """\
code,name,valid_from,valid_until,geometry
060371002014021,one,2018-01-01,,"POLYGON ((-118.30 34.00, -118.299 34.00, -118.299 34.001, -118.30 34.001, -118.30 34.00))"
060373005009001,two,2018-01-01,,"POLYGON ((-118.29 33.75, -118.289 33.75, -118.289 33.751, -118.29 33.751, -118.29 33.75))"
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of cities with the shipped one in it, on two cells of its own."""
    city = tmp_path / "cities" / "los-angeles"
    shutil.copytree(SHIPPED, city, ignore=shutil.ignore_patterns("cells", "history"))
    (city / "cells").mkdir()
    (city / "cells" / "cells.csv").write_text(CELLS)
    (city / "cells" / "communities.csv").write_text(
        f"community,name,default_cell\n{CELL[:12]},A,{CELL}\n{HARBOR[:12]},B,{HARBOR}\n"
    )
    (city / "cells" / "areas.csv").write_text(f"network,area,code,share\nhotline,Central APC|OLYMPIC|A,{CELL[:12]},\n")
    (city / "tests.yaml").write_text(
        "at: 2018-01-02T09:00\ncoverage: {min: 9}\ntests:\n"
        f"  - {{name: dumping, matter: illegal-dumping, cell: '{HARBOR}', expect: {{rule: harbor-dumping}}}}\n"
    )
    monkeypatch.setenv("GRID_ROUTER_CITIES", str(tmp_path / "cities"))
    return tmp_path / "cities"


def change(root: Path, file: str, old: str, new: str) -> None:
    path = root / "los-angeles" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def command(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_the_shipped_city_has_no_findings(root: Path) -> None:
    reading = read_city("los-angeles", root / "los-angeles")
    assert [str(finding) for finding in reading.findings] == []
    assert reading.coverage is not None
    assert (reading.coverage.share, reading.coverage.by_fallback) == (1, 0)
    city = load_city("los-angeles", root)
    assert (city.name, city.title, str(city.zone)) == ("los-angeles", "Los Angeles", "America/Los_Angeles")
    assert set(city.codes) == {path.stem for path in (root / "los-angeles" / "codes").glob("*.csv")}
    assert coverage(city) == 1


@pytest.mark.parametrize("name", ["puyang", "seattle"])
def test_the_other_shipped_cities_have_no_findings(name: str) -> None:
    """A warning that is always there hides the next one."""
    reading = read_city(name, SHIPPED.parent / name)
    assert [str(finding) for finding in reading.findings] == []


def test_a_city_names_fields_that_say_nothing(root: Path) -> None:
    without = load_city("los-angeles", root)
    change(root, "city.yaml", "zone:", "ignored_fields: {hotline: [pulledAt, batch, pulledAt]}\nzone:")
    city = load_city("los-angeles", root)
    assert city.ignored_fields == {"hotline": ("batch", "pulledAt")}
    assert city.rule_set != without.rule_set


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            "{hotline: [RequestType]}",
            "`RequestType` belongs to the schema of hotline; only an unknown field may be ignored",
        ),
        ("{environment: [observedAt]}", "`observedAt` belongs to the schema of environment"),
        ("{hotlin: [pulledAt]}", "there is no network `hotlin`"),
    ],
)
def test_a_field_of_the_schema_says_something(root: Path, fields: str, sentence: str) -> None:
    change(root, "city.yaml", "zone:", f"ignored_fields: {fields}\nzone:")
    with pytest.raises(CityError, match="ignored_fields") as raised:
        load_city("los-angeles", root)
    assert sentence in str(raised.value)


RECORDED = {
    "Bulky Items": "bos",
    "Dead Animal Removal": "bos",
    "Electronic Waste": "bos",
    "Feedback": "bos",
    "Graffiti Removal": "ocb",
    "Homeless Encampment": "bos",
    "Illegal Dumping Pickup": "bos",
    "Metal/Household Appliances": "bos",
    "Multiple Streetlight Issue": "bsl",
    "Other": "ita",
    "Report Water Waste": "ladwp",
    "Single Streetlight Issue": "bsl",
}
"""Who owned most of the recorded requests of each type, counted in the published file."""


@pytest.mark.parametrize("cell", [CELL, HARBOR])
def test_every_request_type_is_led_by_its_recorded_owner(root: Path, cell: str) -> None:
    city = load_city("los-angeles", root)
    at = datetime(2018, 1, 2, tzinfo=UTC)
    leads = {}
    for code in RECORDED:
        matter = city.codes["hotline"].matter(code, None)
        assert matter is not None
        leads[code] = city.catalogue.route(matter, cell, at).assigned[0].department
    assert leads == RECORDED


def test_matters_of_one_incident_have_the_same_lead(root: Path) -> None:
    city = load_city("los-angeles", root)
    at = datetime(2018, 1, 2, tzinfo=UTC)
    for matter, other in (
        ("vandalism", "graffiti"),
        ("odour", "dead-animal"),
        ("odour", "illegal-dumping"),
        ("rough-sleeping", "homeless-encampment"),
        ("street-obstruction", "bulky-items"),
    ):
        leads = {city.catalogue.route(one, CELL, at).assigned[0].department for one in (matter, other)}
        assert len(leads) == 1, (matter, other)


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        (
            "city.yaml",
            "zone: America/Los_Angeles",
            "zone: America/Los_Angels",
            "city.yaml:6:7: GR003 `zone`: there is no such time zone",
        ),
        *(
            (
                "city.yaml",
                "zone: America/Los_Angeles",
                f"zone: {zone}",
                f"city.yaml:6:7: GR003 `zone`: no city has the zone {zone!r} (it differs by machine, or counts leap seconds); write an",
            )
            for zone in (
                "localtime",
                "posixrules",
                "Factory",
                "right/Asia/Shanghai",
                "posix/Asia/Shanghai",
                "Right/UTC",
            )
        ),
        (
            "catalogue/duties.yaml",
            "lead: ladwp",
            "lead: ladpw",
            "GR010 no department `ladpw`; perhaps `ladwp` was meant.",
        ),
        ("catalogue/matters.yaml", "groups:", "grups:", "GR002 unknown key `grups`"),
        ("codes/hotline.csv", ",graffiti,", ",grafiti,", "GR030 no matter `grafiti`; perhaps `graffiti` was meant"),
        ("merging.yaml", "", "nonsense_: 1\n", "merging.yaml:1:1: GR002 unknown key `nonsense_`"),
    ],
)
def test_an_error_in_the_folder_is_a_sentence_with_its_place(
    root: Path, file: str, old: str, new: str, sentence: str
) -> None:
    change(root, file, old, new)
    with pytest.raises(CityError) as caught:
        load_city("los-angeles", root)
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


def test_several_errors_are_counted(root: Path) -> None:
    change(root, "catalogue/duties.yaml", "lead: ladwp", "lead: ladpw")
    change(root, "catalogue/duties.yaml", "lead: bsl", "lead: bls")
    with pytest.raises(CityError, match=r"\(and 1 more: `grid-router catalogue lint los-angeles`\)"):
        load_city("los-angeles", root)


@pytest.mark.parametrize("name", ["catalogue/work.yaml", "merging.yaml", "cells/cells.csv", "cells/areas.csv"])
def test_a_missing_file_is_named(root: Path, name: str) -> None:
    (root / "los-angeles" / name).unlink()
    with pytest.raises(CityError, match=rf"{name}:1:1: GR005 the file is missing"):
        load_city("los-angeles", root)


def test_a_file_that_is_not_utf_8_is_named(root: Path) -> None:
    (root / "los-angeles" / "catalogue" / "work.yaml").write_bytes("workflows: # 工作".encode("gb18030"))
    with pytest.raises(CityError, match=r"work.yaml:1:1: GR001 byte \d+ is not UTF-8; save the file as UTF-8\."):
        load_city("los-angeles", root)


@pytest.mark.parametrize("name", ["los-angelos", "../los-angeles", "", "LOS-ANGELES", "los-angeles\n", "/etc"])
def test_an_unknown_city_is_an_error(root: Path, name: str) -> None:
    with pytest.raises(CityError, match="there is no city"):
        city_folder(name, root)


def test_the_hint_names_the_existing_cities(root: Path) -> None:
    with pytest.raises(CityError, match="perhaps los-angeles was meant"):
        load_city("los-angelos", root)
    with pytest.raises(CityError, match="choose one of: los-angeles"):
        load_city("x", root)
    with pytest.raises(CityError, match="the folder of cities cannot be read"):
        city_names(root / "nowhere")
    assert city_names(root) == ["los-angeles"]


def test_lint_prints_findings_and_exits_1_only_for_errors(root: Path) -> None:
    assert (command("lint").exit_code, command("lint").stdout) == (0, "")
    change(root, "catalogue/matters.yaml", "matters:\n", "matters:\n  new: {name: {en: New}, group: desk}\n")
    warned = command("lint", "-o", "json")
    assert warned.exit_code == 0
    assert {orjson.loads(line)["code"] for line in warned.stdout.splitlines()} == {"GR020", "GR031"}
    change(root, "catalogue/duties.yaml", "lead: ladwp", "lead: ladpw")
    failed = command("lint", "los-angeles")
    assert failed.exit_code == 1
    assert ": error GR010 no department `ladpw`; perhaps `ladwp` was meant.\n" in failed.stdout
    assert "los-angeles: 1 error, " in failed.stderr


def test_the_matter_of_every_other_code_goes_to_the_fallback_without_a_warning(root: Path) -> None:
    change(root, "catalogue/matters.yaml", "matters:\n", "matters:\n  new: {name: {en: New}, group: desk}\n")
    change(
        root, "codes/hotline.csv", "code,version,matter,name\n", "code,version,matter,name\n*,,new,any other class\n"
    )
    assert (command("lint").exit_code, command("lint").stdout) == (0, "")
    said = command(
        "explain", "--network", "hotline", "--code", "Ghost Bike", "--cell", CELL, "--at", "2018-01-02T09:00"
    )
    assert said.exit_code == 0
    assert "hotline has no code 'Ghost Bike'; the row `*` makes it new (" in said.stderr
    assert "codes/hotline.csv:2)." in said.stderr
    said = command("explain", "--network", "hotline", "--code", "Graffiti Removal", "--cell", CELL)
    assert "hotline code 'Graffiti Removal' means graffiti." in said.stderr


@pytest.mark.usefixtures("root")
def test_a_code_without_a_row_is_explained_as_a_rejection() -> None:
    with pytest.raises(InputError, match=r"hotline has no code 'x'; a report with it is rejected \(unknown-code\)"):
        CliRunner().invoke(
            app, ["explain", "--network", "hotline", "--code", "x", "--cell", CELL], catch_exceptions=False
        )
    for words in (["--network", "hotline"], ["--network", "water", "--code", "x"]):
        with pytest.raises(InputError):
            CliRunner().invoke(app, ["explain", *words, "--cell", CELL], catch_exceptions=False)


def test_a_city_near_china_is_asked_for_the_datum_of_its_phone_maps(root: Path) -> None:
    cells = root / "los-angeles" / "cells" / "cells.csv"
    cells.write_text(
        CELLS.replace("-118.2", "126.9").replace("-118.30", "126.90").replace(" 34.", " 37.").replace("33.7", "37.7")
    )
    change(root, "city.yaml", "zone: America/Los_Angeles", "zone: Asia/Seoul")
    reading = read_city("los-angeles", root / "los-angeles")
    (finding,) = reading.findings
    assert str(finding).endswith(
        "city.yaml:6:7: GR060 the points of policing are taken as WGS 84, because Asia/Seoul is no zone of China; "
        "write `datums: {policing: gcj02}` if its phone maps shift them, else `wgs84`."
    )
    assert reading.city is not None
    change(root, "city.yaml", "zone: Asia/Seoul", "datums: {policing: wgs84}\nzone: Asia/Seoul")
    named = read_city("los-angeles", root / "los-angeles")
    assert named.findings == ()
    assert named.city is not None
    assert named.city.datums == {"policing": "wgs84"}
    change(root, "city.yaml", "datums: {policing: wgs84}", "datums: {police: wgs84, hotline: gps}")
    assert {one.code for one in read_city("los-angeles", root / "los-angeles").findings} == {"GR003"}


def test_a_city_lists_the_points_of_addresses_that_its_geocoder_does_not_find(root: Path) -> None:
    before = load_city("los-angeles", root)
    change(
        root,
        "city.yaml",
        "zone: America/Los_Angeles",
        "zone: America/Los_Angeles\ngeocoder_defaults: [{lon: -118.2995, lat: 34.0005}]",
    )
    after = load_city("los-angeles", root)
    claim = Claim(network="hotline", at=datetime(2018, 3, 1, tzinfo=UTC), lon=-118.2995, lat=34.0005)
    assert [city.cells.resolve([claim])[0].resolved_by for city in (before, after)] == ["point", "fallback"]
    assert before.rule_set != after.rule_set
    change(root, "city.yaml", "lat: 34.0005", "lat: 134")
    with pytest.raises(CityError, match=r"city.yaml:7:\d+: .*geocoder_defaults.0.lat"):
        load_city("los-angeles", root)


def test_lint_reads_the_tests_too(root: Path) -> None:
    change(root, "tests.yaml", "coverage:", "covrage:")
    failed = command("lint")
    assert failed.exit_code == 1
    assert "tests.yaml:2:1: error GR002 unknown key `covrage`" in failed.stdout


def test_test_exits_1_when_a_test_fails_or_too_few_duties_are_tested(root: Path, tmp_path: Path) -> None:
    assert command("test").exit_code == 0
    few = command("test", "--min", "50", "-o", "json")
    assert few.exit_code == 1
    printed = orjson.loads(few.stdout)
    assert (printed["passed"], printed["coverage"], printed["wanted"]) == (False, 10, 50)
    assert [one["passed"] for one in printed["tests"]] == [True]
    change(root, "tests.yaml", "rule: harbor-dumping", "rule: sanitation")
    failed = command("test", "--junit", str(tmp_path / "out" / "junit.xml"))
    assert failed.exit_code == 1
    assert "FAILED dumping\n" in failed.stdout
    assert "tests.yaml:4:" in failed.stdout
    suite = ET.parse(tmp_path / "out" / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["dumping"]


@pytest.mark.usefixtures("root")
def test_a_failed_test_never_says_that_all_duties_are_tested() -> None:
    """One duty of 251 untested is 99.6 %, which is not 100 %."""
    test_run = RuleTestRun(verdicts=(), untested=("one",), duties=251, coverage=100 * 250 / 251, threshold=100)
    assert not test_run.passed
    assert _run_text("puyang", test_run) == (
        "puyang: no test reaches the duties one\n"
        "puyang: 0 tests, 0 failed; 250 of 251 duties tested (99.6 %), 100 % required: failed"
    )
    test_run = RuleTestRun(
        verdicts=(), untested=("one",), duties=100_000, coverage=100 * 99_999 / 100_000, threshold=100
    )
    assert "99,999 of 100,000 duties tested (99.99 %), 100 % required: failed" in _run_text("puyang", test_run)
    printed = command("test")
    assert printed.exit_code == 0
    assert printed.stdout.endswith(
        "\nlos-angeles: 1 test, 0 failed; 1 of 10 duties tested (10 %), 9 % required: passed\n"
    )


@pytest.mark.usefixtures("root")
def test_explain_names_the_lead_and_the_reason() -> None:
    printed = command("explain", "--matter", "illegal-dumping", "--cell", HARBOR, "--at", "2018-03-10T09:00")
    assert printed.exit_code == 0
    assert "1. harbor-dumping: won, the most specific in effect: names the matter in 060373 (" in printed.stdout
    assert "2. sanitation: lost, less specific than harbor-dumping: it names its group only (" in printed.stdout
    # 72 real hours over the beginning of summer time
    assert "lead bos (Bureau of Sanitation), due 2018-03-13 10:00 (72h)" in printed.stdout
    printed = command(
        "explain",
        "los-angeles",
        "--matter",
        "illegal-dumping",
        "--cell",
        CELL,
        "--at",
        "2018-01-02T09:00",
        "-o",
        "json",
    )
    value = orjson.loads(printed.stdout)
    assert value["at"] == "2018-01-02T17:00:00.000Z"
    assert [(one["rule"], one["verdict"]) for one in value["considered"]] == [
        ("harbor-dumping", "elsewhere"),
        ("sanitation", "won"),
    ]
    assert value["route"]["assigned"][0]["due_at"] == "2018-01-05T17:00:00.000Z"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--matter", "grafiti", "--cell", CELL),
            "--matter: los-angeles has no matter 'grafiti'; perhaps graffiti was meant.",
        ),
        (("--matter", "graffiti", "--cell", "1"), "--cell: los-angeles has no cell '1'; "),
        (("--matter", "graffiti", "--cell", CELL, "--at", "noon"), "--at: 'noon' is not a time; "),
        (("lima", "--matter", "graffiti", "--cell", CELL), "there is no city 'lima'; choose one of: los-angeles."),
    ],
)
@pytest.mark.usefixtures("root")
def test_explain_reports_wrong_options_in_one_sentence(words: tuple[str, ...], sentence: str) -> None:
    error = command("explain", *words).exception
    assert isinstance(error, RouterError)
    assert sentence in str(error)


@pytest.mark.usefixtures("root")
def test_show_is_a_tree() -> None:
    printed = command("show").stdout
    assert "├── sanitation: collection, nuisance in the whole city -> bos\n" in printed
    assert "harbor-dumping: illegal-dumping in 060373 -> bos + lapd\n" in printed
    assert "fallback: everything else -> locality/street\n" in printed


def test_a_published_rule_set_with_a_dead_code_still_loads(root: Path) -> None:
    change(root, "codes/policing.csv", "1204,", "204,,vandalism,lost its zero\n1204,")
    with pytest.raises(CityError, match="GR033 policing can never send the code '204'"):
        load_city("los-angeles", root)
    folder = root / "los-angeles"
    city = read_city("los-angeles", folder, published=True).city
    assert city is not None
    published = unpack("los-angeles", pack(folder), city.rule_set)
    assert published.codes["policing"].matter("1204", None) == "vandalism"
