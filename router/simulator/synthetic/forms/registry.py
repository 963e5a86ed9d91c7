"""The forms of the networks that a synthetic city knows. A new one: its file beside this one, and its line here."""

from collections.abc import Mapping
from importlib import import_module

from router.simulator.synthetic.forms.form import Form

FILES = (
    "policing",
    "urban_management",
    "environment",
    "social_security",
    "governance",
    "party_building",
    "work_safety",
    "enforcement",
    "petitions",
    "mediation",
    "litigation_services",
)
"""Each holds one `FORM`."""


def _form(file: str) -> Form:
    form: Form = import_module(f"router.simulator.synthetic.forms.{file}").FORM
    return form


FORMS: Mapping[str, Form] = {form.network: form for form in map(_form, FILES)}
"""Network -> its form."""
