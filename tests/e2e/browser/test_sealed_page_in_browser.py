"""A clerk drops a sealed document on the page and reads about its seal in either language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chain_service.core.verdicts.check_rules import SIGNATURE_CHECKS
from support.worlds.clerk import verify_files
from support.worlds.running_instance import ISSUER, Instance
from support.worlds.sealed_licence import OFFICE


def signature_groups(page: Any) -> Any:
    return page.locator(".group").filter(has_text="Signature.xml")


def test_a_sealed_licence_shows_the_checks_of_its_seal_in_both_languages(
    page: Any, sealing: tuple[Instance, Path], tmp_path: Path
) -> None:
    _, folder = sealing
    banner = verify_files(page, str(folder / "in" / "licence.ofd"))
    assert banner.get_attribute("data-verdict") == "valid"
    group = signature_groups(page)
    assert group.locator(".check-passed").count() == len(SIGNATURE_CHECKS)
    assert "印章已登记，签章时有效" in group.inner_text()
    page.screenshot(path=str(tmp_path / "sealed-zh.png"), full_page=True)
    page.click("[data-language=en]")
    assert f"signer is the issuing authority {ISSUER}" in group.inner_text()
    group.locator("details", has_text="Time of signing").locator("summary").click()
    assert "anchoring in a final block" in group.inner_text()
    page.screenshot(path=str(tmp_path / "sealed-en.png"), full_page=True)


def test_an_altered_licence_names_what_was_changed(page: Any, sealing: tuple[Instance, Path], tmp_path: Path) -> None:
    made = OFFICE.sealed()
    name = next(name for name in made.files if name.endswith("Content.xml"))
    made.files[name] += b" "
    (tmp_path / "altered.ofd").write_bytes(made.bytes())
    banner = verify_files(page, str(tmp_path / "altered.ofd"))
    assert banner.get_attribute("data-verdict") == "invalid"
    assert "内容被篡改" in banner.inner_text()
    failed = signature_groups(page).locator(".check-failed")
    assert name in failed.first.inner_text()
    page.screenshot(path=str(tmp_path / "altered.png"), full_page=True)
