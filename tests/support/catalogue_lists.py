"""The four lists of a tiny city as text; each file can be replaced. Helpers read and check them."""

from zoneinfo import ZoneInfo

from router.domain.catalogue.checks import coverage, escalation_lint
from router.domain.catalogue.checks import reference_lint as references
from router.domain.catalogue.compile import compile_catalogue
from router.domain.catalogue.lists import Lists, read_lists
from router.domain.catalogue.resolve import Catalogue
from router.domain.documents import Finding, Source, SourcePosition

ZONE = ZoneInfo("Asia/Shanghai")
CELLS = ("410902001001001", "410902001001002", "410902002001001", "410903001001001")
"""Two counties, three streets."""

DEPARTMENTS = """\
parks: {name: {en: Parks}}
roads: {name: {en: Roads}, units: {north: {en: North yard}}}
police: {name: {en: Police, zh: 公安}}
locality: {name: {en: Locality, zh: 属地}}
"""
MATTERS = """\
groups:
  green:
    name: {en: Green}
    workflow: field
    urgency: Expected
  street:
    name: {en: Street}
matters:
  tree: {name: {en: Tree, zh: 树}, group: green}
  grass: {name: {en: Grass}, group: green, urgency: Future}
  hole: {name: {en: Hole}, group: street, workflow: field}
"""
DUTIES = """\
fallback: {department: locality, unit: street}
duties:
  trees:
    matters: [green]
    lead: parks
  holes:
    matters: [hole]
    lead: roads
"""
WORK = """\
workflows:
  field:
    name: {en: Field}
    steps:
      dispatch: {text: {en: Sent}}
      handling: {text: {en: Done}}
"""
STANDARDS = """\
default: {limit: 3d}
"""


def sources(**given: str) -> dict[str, Source]:
    """The five files; a keyword replaces one, e.g. `duties=...`."""
    texts = {
        "departments": DEPARTMENTS,
        "duties": DUTIES,
        "work": WORK,
        "matters": MATTERS,
        "standards": STANDARDS,
    } | given
    return {f"{name}.yaml": Source(f"{name}.yaml", text) for name, text in texts.items()}


def lists(**given: str) -> Lists:
    """The parsed lists, which must be valid."""
    read, wrong = read_lists(sources(**given))
    assert read is not None, [str(finding) for finding in wrong]
    return read


def catalogue(**given: str) -> Catalogue:
    """The compiled catalogue; its references must hold."""
    read = lists(**given)
    wrong = [*references.check(read), *escalation_lint.check(read)]
    assert not [one for one in wrong if one.level == "error"], [str(finding) for finding in wrong]
    return compile_catalogue(read, ZONE)


def findings(*, cells: tuple[str, ...] = CELLS, **given: str) -> list[Finding]:
    """All findings of the checks."""
    read, wrong = read_lists(sources(**given))
    if read is None or (wrong := references.check(read)):
        return wrong
    return coverage.check(compile_catalogue(read, ZONE), cells, SourcePosition("standards.yaml"))


def codes_and_positions(found: list[Finding]) -> list[tuple[str, str, int, int]]:
    """Code, file, line and column of each finding."""
    return [(one.code, one.file, one.line, one.column) for one in found]
