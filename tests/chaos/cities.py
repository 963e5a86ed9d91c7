"""The cities of a run: Puyang with merge windows of one hour, and a copy with other rules for one county.

The load says that reports were received almost an hour ago (`load.py`). So windows end during the run by the wall clock,
and every partition has ticks between its reports.
"""

from pathlib import Path
from shutil import copytree

import yaml

from router.cities.folder import city_folder

CITY, NEXT = "puyang", "puyang-next"
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
    duties = folder / NEXT / "catalogue" / "duties.yaml"
    text = duties.read_text("utf-8")
    if OLD_LEAD not in text:
        raise ValueError(f"{duties} has no rule {OLD_LEAD!r} to change")
    duties.write_text(text.replace(OLD_LEAD, NEW_LEAD), "utf-8")
    return folder
