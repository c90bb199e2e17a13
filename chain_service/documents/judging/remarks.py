"""What is worth knowing about a document and decides nothing: its warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chain_service.core.verdicts.verdict import Group, Warning, warning
from chain_service.core.verdicts.verdict_codes import Outcome
from chain_service.documents.facts import DocumentFacts, Problem
from chain_service.documents.judging.binding import Binding
from chain_service.documents.kinds import KINDS

DEVIATIONS_SHOWN = 5

_PROBLEMS = {"irregular": "irregular_file", "timestamp_only": "timestamp_only"}
"""Problems of a document that are not about its attachments, and the warnings that they are."""


def warnings_of(document: DocumentFacts, binding: Binding, groups: Sequence[Group]) -> Iterator[Warning]:
    """The warnings about a document whose signatures were judged in `groups`."""
    weak = {reference.algorithm for sig in document.signatures for reference in sig.references if reference.weak}
    weak |= {sig.algorithm for sig in document.signatures if sig.weak}
    if weak:
        yield warning("weak_digest", algorithms=", ".join(sorted(weak)))
    if groups and document.uncovered:
        shown = list(document.uncovered[:5]) + (["…"] if len(document.uncovered) > 5 else [])
        yield warning("uncovered_files", names=", ".join(shown))
    if document.attached:
        shown = list(document.attached[:5]) + (["…"] if len(document.attached) > 5 else [])
        yield warning("attachments_added", names=", ".join(shown))
    deviations = [problem.detail for problem in _signature_problems(document) if problem.code == "encoding_deviation"]
    if deviations:
        yield warning("encoding_deviation", details="; ".join(list(dict.fromkeys(deviations))[:DEVIATIONS_SHOWN]))
    for code in dict.fromkeys(_PROBLEMS.get(problem.code, "attachments_unread") for problem in document.problems):
        yield warning(code)
    kind = KINDS.get(document.kind)
    if kind is not None and kind.picture and binding.missing:
        yield warning("picture_only", kind=kind.name)
    if document.kind in ("zip", "archive"):
        yield warning("archive_unopened", kind=KINDS[document.kind].name)
    if not groups:
        return
    outcomes = {result.outcome for group in groups for result in group.checks}
    if Outcome.FAILED in outcomes and binding.anchored_by is not None:
        yield warning("anchored_but_broken")
    if document.signatures and outcomes <= {Outcome.PASSED, Outcome.SKIPPED} and binding.missing:
        yield warning("sealed_not_anchored")


def kind_evidence(document: DocumentFacts) -> Mapping[str, str]:
    """What kind of file it was recognised to be, for people to read."""
    kind = KINDS.get(document.kind)
    return {} if kind is None else {"kind": kind.code, **kind.name.to_json()}


def _signature_problems(document: DocumentFacts) -> Iterator[Problem]:
    """The problems of signatures and of their seals, and of a seal by itself."""
    yield from document.seal.problems if document.seal is not None else ()
    for signature in document.signatures:
        yield from signature.problems
        if signature.seal is not None:
            yield from signature.seal.problems
