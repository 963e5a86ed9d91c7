"""The message forms of all networks. To add one, write its file beside this one and name it in both lists here."""

from collections.abc import Mapping

from router.simulator.synthetic.forms import (
    enforcement,
    environment,
    governance,
    litigation_services,
    mediation,
    party_building,
    petitions,
    policing,
    social_security,
    urban_management,
    work_safety,
)
from router.simulator.synthetic.forms.form import Form

FORMS: Mapping[str, Form] = {
    module.FORM.network: module.FORM
    for module in (
        policing,
        urban_management,
        environment,
        social_security,
        governance,
        party_building,
        work_safety,
        enforcement,
        petitions,
        mediation,
        litigation_services,
    )
}
"""Message form by network."""
