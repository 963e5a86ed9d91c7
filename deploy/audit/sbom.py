"""The software bill of materials (CycloneDX 1.6, JSON): the same bytes for the same locks."""

import json
from collections.abc import Sequence
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component as Entry
from cyclonedx.model.component import ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deploy.audit.components import Component
from deploy.audit.licences import licence
from router import __version__


def sbom(found: Sequence[Component]) -> str:
    """The document. It has no time, and its serial number follows from the components."""
    bom = Bom(components=[_entry(one) for one in found])
    bom.metadata.component = root = Entry(
        name="grid-router",
        version=__version__,
        type=ComponentType.APPLICATION,
        bom_ref="grid-router",
        licenses=[LicenseFactory().make_from_string("Apache-2.0")],
    )
    bom.register_dependency(root, bom.components)
    bom.serial_number = uuid5(NAMESPACE_URL, "\n".join(f"{one.bom_ref.value} {one.hashes}" for one in bom.components))
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    document["metadata"].pop("timestamp", None)
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _entry(one: Component) -> Entry:
    url = PackageURL(one.kind, one.group or None, one.name, one.version)
    expression = licence(one)
    return Entry(
        name=one.name,
        group=one.group or None,
        version=one.version,
        purl=url,
        bom_ref=str(url),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one.sha256)] if one.sha256 else (),
        licenses=[LicenseFactory().make_from_string(expression)] if expression else (),
    )
