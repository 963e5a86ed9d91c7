"""Takes identity and phone numbers out of what a network or a sender wrote, before it is stored.

The digest of the content is of what was received, so a redelivery is recognised, and a correction of a masked digit is a correction.
Docs: docs/explanation/privacy.md.
"""

from msgspec.structs import replace

from router.domain.model.vocabulary import PersonalNumber
from router.domain.networks.schema.network import Draft
from router.domain.privacy.detector import NOTHING, mask_fields, mask_text, may_have_number


def without_personal_numbers(draft: Draft) -> Draft:
    """The draft with each personal number in its texts and unknown fields masked; the same object if it has none.

    Its ids, codes and references stay as they are: the schema of the network checks them.
    """
    if not draft.extensions and may_have_number(draft.description) is None and may_have_number(draft.address) is None:
        return draft  # the usual case
    description, address = mask_text(draft.description), mask_text(draft.address)
    extensions, found = mask_fields(draft.extensions) if draft.extensions else (draft.extensions, NOTHING)
    found = found | description.found | address.found
    if not found:
        return draft
    return replace(
        draft,
        description=description.value,
        address=address.value,
        extensions=extensions,
        masked=in_order(found),
    )


def in_order(found: frozenset[PersonalNumber]) -> tuple[PersonalNumber, ...]:
    """The kinds in one order, so that equal records give equal bytes."""
    return tuple(sorted(found))
