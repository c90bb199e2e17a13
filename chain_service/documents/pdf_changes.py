"""Which changes a later revision of a PDF file may make without touching what was signed before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    DEFAULT_DIFF_POLICY,
    CatalogModificationRule,
    ModificationLevel,
    StandardDiffPolicy,
    SuspiciousModification,
)
from pyhanko.sign.diff_analysis.commons import compare_dicts
from pyhanko.sign.diff_analysis.constants import ROOT_EXEMPT_STRICT_COMPARISON
from pyhanko.sign.diff_analysis.rules_api import ReferenceUpdate, WhitelistRule

__all__ = ["ATTACHING", "POLICY"]

ATTACHING: Final = ModificationLevel.ANNOTATIONS
"""The level at which attaching is permitted; no other rule clears anything at it."""
_FILES: Final = "/EmbeddedFiles"
_NOTHING: Final[Any] = generic.DictionaryObject({})  # type: ignore[no-untyped-call]
_CATALOG_RULE: Final = CatalogModificationRule(  # type: ignore[no-untyped-call]
    ignored_keys=ROOT_EXEMPT_STRICT_COMPARISON | {"/Names"}
)


class AttachmentRule(WhitelistRule):
    """Files, such as a receipt, may be attached to a document that had none: they are not part of what it shows.

    Everything they consist of must be new, so that nothing that is shown can be replaced under this rule.
    """

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        """The references of attached files. Raises SuspiciousModification for any other change of names."""
        before, after = (one.root.get("/Names", _NOTHING) for one in (old, new))
        if _FILES in before or _FILES not in after:
            compare_dicts(before, after)
            return
        compare_dicts(before, after, frozenset({_FILES}))
        parts = new.collect_dependencies(new.root.raw_get("/Names"), since_revision=old.revision + 1)
        if not all(old.is_ref_unassignable(part) for part in parts):
            raise SuspiciousModification("an attached file replaces an object")
        yield from map(ReferenceUpdate, parts)


POLICY: Final = StandardDiffPolicy(
    global_rules=[
        _CATALOG_RULE,
        *(rule for rule in DEFAULT_DIFF_POLICY.global_rules if not isinstance(rule, CatalogModificationRule)),
        AttachmentRule().as_qualified(ATTACHING),
    ],
    form_rule=DEFAULT_DIFF_POLICY.form_rule,
)
"""pyHanko's own rules, and the one for attachments."""
