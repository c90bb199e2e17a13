"""The first acts: an instance with its chain, and who may issue what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import samples
from chain_service.app import open_app
from chain_service.jobs.context import App
from chain_service.jobs.instance import api_keys, certificate_types, registrar
from chain_service.jobs.registries import organisations
from demonstration.client import Client, wait_for
from demonstration.processes import Instance
from demonstration.story import Failed, Story

MARK = "demo"
"""Folder in the instance's directory; an instance without it is not ours to play with."""
LABEL = "scripts/demo"
ROLES = ["anchor", "status", "seal", "catalog", "verify", "audit"]


def prepare(story: Story, instance: Instance) -> None:
    """The instance exists, its chain and service run, its contracts are deployed.

    Raises Failed where the directory holds an instance that this demonstration did not make.
    """
    story.chapter("准备实例、区块链与合约", "An instance, its chain and its contracts")
    data = instance.data
    if (data / "config.toml").exists():
        if not (data / MARK).is_dir():
            raise Failed(f"{data} holds an instance that the demonstration did not make; give another --data")
        story.say(f"沿用 {data} 中的实例", "an earlier demonstration's instance, taken up again")
    else:
        (data / MARK).mkdir(mode=0o700, exist_ok=True)  # first, so that an interrupted one is taken up again
        instance.run("init")
        story.say(f"已初始化 {data}", "keystores (encrypted), database, genesis: chain-service init")
    pid = instance.start_chain()
    story.say(f"{instance.chain_zh} 进程 {pid}", instance.chain_command)
    if not (data / "deployment.json").exists():
        _, done = instance.run("deploy")
        story.say(f"已部署 {len(done['contracts'])} 份合约，链编号 {done['chainId']}", "chain-service deploy")
    pid = instance.start_service()
    story.say(f"服务 {instance.url}/ 进程 {pid}", "chain-service serve: API, page, workers")
    ready = Client(instance.url).get("/readyz")
    story.expect(ready["ready"], "服务就绪：数据库、节点、索引", "the service is ready: database, node, index", ready)


def register(story: Story, instance: Instance) -> dict[str, str]:
    """The sample organisations, types and permits stand on chain; an API key of each organisation, by its code."""
    story.chapter("登记机构、证照类型与颁发许可", "Organisations, certificate types and permits (the registrar's work)")
    app = open_app(instance.settings())
    with story.timed() as spent:
        known = {organisation.code: organisation.suspended for organisation in organisations.list_organisations(app)}
        for organisation in samples.organisations():
            if organisation["code"] not in known:
                registrar.add(app, organisation["code"], organisation["name"])
        for kind in samples.types():
            certificate_types.add_type(app, kind)
        for permit in samples.permits():
            if not _stands(app, permit["organisation"], permit["certificateType"]):
                until = date.fromisoformat(permit["until"]) if "until" in permit else None
                registrar.permit(
                    app, permit["organisation"], permit["certificateType"], date.fromisoformat(permit["from"]), until
                )
        made = _keys(app, [organisation["code"] for organisation in samples.organisations()])
    story.say(f"用时 {spent[0]:.1f} s")
    public = Client(instance.url)
    listed = {listed["code"] for listed in public.get("/v1/organisations")["organisations"]}
    codes = {organisation["code"] for organisation in samples.organisations()}
    story.expect(
        codes <= listed,
        f"{len(codes)} 个机构已在链上登记",
        f"{len(codes)} organisations are registered on chain",
        listed,
    )

    def count() -> int:
        return sum(len(public.get(f"/v1/organisations/{code}")["permits"]) for code in codes)

    wait_for(lambda: count() >= len(samples.permits()), "permits final on chain")
    permits = count()
    story.expect(
        permits >= len(samples.permits()),
        f"{permits} 项颁发许可",
        f"{permits} permits to issue, provable for ever",
        permits,
    )
    return made


def _stands(app: App, code: str, type_code: str) -> bool:
    return any(permit.type == type_code for permit in organisations.organisation(app, code).permits)


def page_key(instance: Instance, code: str) -> str:
    """A key of the organisation that may verify, and nothing else."""
    return api_keys.create_key(open_app(instance.settings()), code, ["verify"], LABEL).key


def _keys(app: App, codes: Sequence[str]) -> dict[str, str]:
    """A new key for each organisation; those of earlier demonstrations no longer work."""
    for key in api_keys.list_keys(app, limit=500).keys:
        if key.label == LABEL and key.revoked_at is None:
            api_keys.revoke_key(app, key.id)
    return {code: api_keys.create_key(app, code, ROLES, LABEL).key for code in codes}
