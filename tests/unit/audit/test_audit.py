"""The licences of what runs are known and allowed, and the notices and the bill of materials are those of the locks."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import jsonschema_rs
import pytest
from cyclonedx import schema

from deploy.audit import generate
from deploy.audit.components import Component, components, jars, packages
from deploy.audit.licences import ALLOWED, ALLOWED_FOR, CLARIFIED, NAMES, allowed, licence, problems
from deploy.audit.sbom import sbom
from router.broker.jars import locked
from router.wire.errors import InputError
from tests.support.repository import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")


@cache
def found() -> tuple[Component, ...]:
    return tuple(components())


def component(name: str = "library", *said: str) -> Component:
    return Component("pypi", "", name, "1.0", "1.0", said, None)


def test_everything_that_runs_has_an_allowed_licence_and_the_notices_are_of_the_locks() -> None:
    assert list(problems(found())) == []
    assert generate.main(["--check"]) == 0, "run `make notices`"


def test_no_locked_package_and_no_jar_is_left_out() -> None:
    names = set(re.findall(r"^([a-z0-9._-]+)==", LOCK, re.MULTILINE))
    assert names - {one.name for one in found() if one.kind == "pypi"} == {"colorama"}, "it is for Windows alone"
    assert sorted(one.sha256 for one in found() if one.kind == "maven") == sorted(locked().values())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("MIT",), "MIT"),
        (("Copyright (c) 2020", "MIT License"), "MIT"),
        (("Apache-2.0 OR MIT", "Apache Software License AND MIT License"), "Apache-2.0 OR MIT"),
        (("BSD License",), None),
        ((), None),
    ],
)
def test_the_most_exact_words_count_and_vague_ones_do_not(said: tuple[str, ...], expected: str | None) -> None:
    assert licence(component("library", *said)) == expected


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("GPL-3.0-only AND MIT", False),
        ("MPL-2.0", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
        ("MIT AND (GPL-3.0-only OR ISC)", True),
    ],
)
def test_of_a_choice_one_is_enough_and_of_a_sum_each_counts(expression: str, holds: bool) -> None:
    assert allowed("library", expression) == holds


def test_a_licence_that_was_allowed_for_one_component_is_not_for_others() -> None:
    assert allowed("certifi", "MPL-2.0")
    assert not allowed("other", "MPL-2.0")


def test_unknown_and_forbidden_licences_have_a_sentence_each() -> None:
    sentences = list(problems([component("a", "Proprietary"), component("b"), component("c", "AGPL-3.0-only")]))
    assert [sentence.split(": ")[0] for sentence in sentences] == ["a 1.0", "b 1.0", "c 1.0"]
    assert "Proprietary" in sentences[0]
    assert "nothing" in sentences[1]
    assert "AGPL-3.0-only is not allowed" in sentences[2]


def test_no_exception_and_no_name_is_left_over() -> None:
    used = {word for one in found() for word in re.split(r"\s+(?:AND|OR)\s+|[()]", licence(one) or "") if word}
    assert used - ALLOWED - set(ALLOWED_FOR) == set()
    assert ALLOWED | set(ALLOWED_FOR) == used | {"Unlicense"}
    assert {name for names in ALLOWED_FOR.values() for name in names} | set(CLARIFIED) <= {one.name for one in found()}
    assert set(NAMES) <= {said for one in found() for said in one.said}


def test_a_lock_that_is_not_installed_is_named() -> None:
    with pytest.raises(InputError, match=r"no-such-package 1\.0 is locked and not installed; run `make setup` again"):
        list(packages("no-such-package==1.0 \\\n    --hash=sha256:00\n"))
    with pytest.raises(InputError, match=r"is locked and not fetched"):
        list(jars(Path("/nonexistent")))


def test_a_package_for_another_system_is_left_out_and_one_of_two_versions_is_read() -> None:
    version = next(one.version for one in found() if one.name == "attrs")
    lock = f"nothing==1 ; sys_platform == 'win32' \\\nattrs==1.0 ; python_full_version < '3' \\\nattrs=={version} \\\n"
    assert [(one.name, one.versions) for one in packages(lock)] == [("attrs", f"1.0 or {version}")]


def test_the_bill_of_materials_is_valid_complete_and_always_the_same() -> None:
    text = sbom(found())
    assert text == sbom(found())
    folder = Path(schema.__file__).parent / "_res"
    registry = jsonschema_rs.Registry(
        [
            (f"http://cyclonedx.org/schema/{name}", json.loads((folder / name).read_text("utf-8")))
            for name in ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
        ]
    )
    document = json.loads(text)
    of_version = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text("utf-8"))
    jsonschema_rs.validator_for(of_version, registry=registry).validate(document)
    assert "timestamp" not in document["metadata"]
    listed = {one["purl"]: one for one in document["components"]}
    assert len(listed) == len(found())
    jar = listed["pkg:maven/org.apache.kafka/kafka-clients@4.1.2"]
    assert jar["hashes"] == [{"alg": "SHA-256", "content": locked()["kafka-clients-4.1.2.jar"]}]
    assert all(one["licenses"] for one in listed.values())


def test_another_component_gives_another_serial_number() -> None:
    first, *others = found()
    numbers = {json.loads(sbom(some))["serialNumber"] for some in (found(), [replace(first, version="0"), *others])}
    assert len(numbers) == 2


def test_the_check_fails_when_a_licence_is_unknown_or_the_notices_differ(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "NOTICES", tmp_path / "notices.md")
    assert generate.main(["--check"]) == 1
    assert "run `make notices`" in capsys.readouterr().out
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    monkeypatch.setattr(generate, "components", lambda: [*found(), component("new", "Proprietary")])
    assert generate.main([]) == 1
    assert "new 1.0: its metadata say Proprietary" in capsys.readouterr().out


def test_a_machine_without_the_locked_packages_gets_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> list[Component]:
        raise InputError("x 1 is locked and not installed", where="requirements.lock", hint="run `make setup` again")

    monkeypatch.setattr(generate, "components", missing)
    assert generate.main(["--check"]) == 2
    assert capsys.readouterr().err == "requirements.lock: x 1 is locked and not installed; run `make setup` again.\n"
