"""anchors: the root certificates and revocation lists that signatures in documents are judged by."""

from __future__ import annotations

import time

import typer
from rich.console import Console

from chain_service.cli import render
from chain_service.cli.invocation import invocation

anchors = typer.Typer(no_args_is_help=True, help="Trust store for signatures in documents. 签章信任根目录")


@anchors.command("list")
def list_anchors(context: typer.Context) -> None:
    """List root certificates with their labels, and revocation lists with their ages. 根证书与吊销列表

    They lie in the directory that setting trust_store names, DIR/trust-store by
    default: anchors/LABEL/*.cer, anchors/LABEL/intermediates/*.cer, crls/*.crl.

    Example:

      chain-service anchors list
    """
    from chain_service.jobs.parsing.trust_directory import listed

    door = invocation(context)
    found = listed(door.settings().trust_directory, int(time.time()))

    def human(out: Console) -> None:
        certificates, lists = found.certificates, found.revocation_lists
        out.print(f"{found.directory}: {len(certificates)} certificates, {len(lists)} lists", markup=False)
        if certificates:
            rows = [
                (certificate.label, certificate.kind, certificate.until, certificate.subject)
                for certificate in certificates
            ]
            render.table(out, ("label", "kind", "until", "subject"), rows)
        if lists:
            ages = [
                (revocation_list.age_days, revocation_list.next_update, revocation_list.stale, revocation_list.issuer)
                for revocation_list in lists
            ]
            render.table(out, ("age in days", "next update", "stale", "issuer"), ages)

    door.answer(found, human, "\n".join(certificate.subject for certificate in found.certificates))
