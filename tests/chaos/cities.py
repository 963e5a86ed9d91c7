"""The cities of a run: Puyang with merge windows of one hour, cases that are verified and filed first, and milestones; and a copy with other
rules for one county.

The load says that reports were received almost an hour ago (`load.py`). So windows end during the run by the wall clock,
and every partition has ticks between its reports.
"""

from pathlib import Path
from shutil import copytree

import yaml

from router.cities.folder import city_folder

CITY, NEXT = "puyang", "puyang-next"
FILED = "investigation"
"""The workflow whose cases are filed first."""
OLD_LEAD = 'street-hualong: {area: "410902", lead: {department: urban-management, unit: hualong}}'
NEW_LEAD = 'street-hualong: {area: "410902", lead: police, assist: [{department: urban-management, unit: hualong}]}'


def make_cities(folder: Path) -> Path:
    """Write both cities to a folder, for the setting `cities`."""
    for name in (CITY, NEXT):
        copytree(city_folder(CITY), folder / name, dirs_exist_ok=True)
        merging = folder / name / "merging.yaml"
        parameters = yaml.safe_load(merging.read_text("utf-8"))
        parameters |= {"window_hours": 1, "window_hours_by_matter": {}}
        merging.write_text(yaml.safe_dump(parameters, allow_unicode=True), "utf-8")
        file_first(folder / name / "catalogue" / "work.yaml")
        add_milestone(folder / name / "catalogue" / "standards.yaml")
    duties = folder / NEXT / "catalogue" / "duties.yaml"
    text = duties.read_text("utf-8")
    if OLD_LEAD not in text:
        raise ValueError(f"{duties} has no rule {OLD_LEAD!r} to change")
    duties.write_text(text.replace(OLD_LEAD, NEW_LEAD), "utf-8")
    return folder


BEFORE = """\
    stages:
      verifying: {limit: 4h, on: {verified: filing, file: dispatched, reject: rejected}}
      filing: {limit: 8h, on: {file: dispatched, reject: rejected}}
      rejected: {on: {file: dispatched}}
"""


def file_first(path: Path) -> None:
    """Let an inspector and a supervisor look at what is investigated before its departments get tasks."""
    text = path.read_text("utf-8")
    begin, end = text.index("  with-check:\n"), text.index("  without-check:\n")
    usual = text[begin:end]
    filed = usual.replace("with-check", "filed-first", 1).replace("    stages:\n", BEFORE, 1)
    workflow = text.index(f"  {FILED}:\n")
    named = text[workflow:].replace("lifecycle: with-check", "lifecycle: filed-first", 1)
    text = (text[:workflow] + named).replace(usual, usual + filed)
    path.write_text(text, "utf-8")


def add_milestone(path: Path) -> None:
    """Give frequent work a milestone before its limit."""
    standards = yaml.safe_load(path.read_text("utf-8"))
    for standard in (standards["matters"]["traffic-accident"], standards["groups"]["disputes"]):
        standard["milestones"] = {"seen": {"limit": "1h", "name": {"en": "someone was there"}}}
    path.write_text(yaml.safe_dump(standards, allow_unicode=True, sort_keys=False), "utf-8")
