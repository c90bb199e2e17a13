"""The page about the HTTP API in a real browser, under the policy that every page has."""

from __future__ import annotations

from typing import Any


def test_the_description_of_the_api_opens_and_leads_from_a_call_to_its_model(page: Any) -> None:
    page.get_by_role("link", name="接口说明").click()
    page.wait_for_url("**/docs")
    call = page.locator("#records_submit")
    assert call.locator("table").first.is_hidden()
    call.locator("summary").click()
    assert "anchor" in call.inner_text() and call.locator("pre").first.is_visible()
    call.get_by_role("link", name="AcceptedRecords").click()
    page.wait_for_url("**#schema-AcceptedRecords")
    page.locator("#schema-AcceptedRecords").wait_for(state="visible")
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    assert page.evaluate("getComputedStyle(document.querySelector('.call pre')).overflow") == "auto"
