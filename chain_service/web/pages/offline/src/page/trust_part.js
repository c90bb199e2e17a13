// The trust files that count here, and those to be confirmed.

import { element } from "../../../static/dom.js";
import { rfc3339 } from "../encoding/times.js";
import { confirmTrust, verify } from "./actions.js";
import { button } from "./elements.js";
import { byId, forget, nameOf, page, say } from "./state.js";
import { remember } from "./stored_trust.js";
import { moment } from "./times.js";

const grouped = (digits) => digits.match(/.{4}/g).join(" ");

export function renderTrust() {
  const unconfirmed = page.papers.filter(({ kind, standing, trust }) => kind === "trust" && trust && standing === "unknown");
  const parts = unconfirmed.map(confirmPart);
  if (page.known.length) {
    const list = page.known.map((item) => element("li", { class: "known" },
      element("span", { class: "known-name" }, nameOf(item), item.origin === "successor" ? ` · ${say("renewed")}` : ""),
      element("span", { class: "trusted-words" }, `${say("version")} ${item.trust.version} · ${say("chain")} ${item.trust.chainId} · ${say("expires")} `, moment(rfc3339(item.trust.expires), undefined)),
      element("code", { class: "fingerprint" }, grouped(item.trust.fingerprint)),
      item.origin === "pinned" ? null : button("quiet", say("forget"), () => {
        page.known = page.known.filter((other) => other !== item);
        remember();
        return page.papers.length ? verify() : forget();
      }, { "aria-label": `${say("forget")} ${nameOf(item)}` })));
    parts.push(element("details", { class: "trusted", open: byId("trusted").querySelector("details[open]") !== null },
      element("summary", null, say("trusting", { names: [...new Set(page.known.map(nameOf))].join(page.language === "zh" ? "、" : ", ") })), element("ul", { class: "knowns" }, list)));
  } else if (!unconfirmed.length) parts.push(element("p", { class: "hint" }, say("noTrust")));
  if (page.trustError && !unconfirmed.length) parts.push(element("p", { class: "field-error", role: "alert" }, say(page.trustError)));
  // What a person is typing stays while the rest is drawn anew.
  const typed = [...byId("trusted").querySelectorAll("input")].map((input) => [input.id, input.value]);
  byId("trusted").replaceChildren(...parts);
  for (const [id, value] of typed) if (byId(id)) byId(id).value = value;
}

// The fingerprint of the file is not shown here: it has to come from somewhere else.
function confirmPart(paper) {
  const at = page.papers.indexOf(paper);
  const digits = element("input", { id: `fingerprint-${at}`, type: "text", autocomplete: "off", spellcheck: "false", maxlength: "120", "aria-describedby": `confirm-error-${at}` });
  const name = element("input", { id: `name-${at}`, type: "text", autocomplete: "off", maxlength: "60", placeholder: say("namePlaceholder") });
  const go = button("primary small", say("confirm"), () => confirmTrust(paper, digits.value, name.value));
  for (const input of [digits, name]) input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    go.click();
  });
  return element("section", { class: "confirm" },
    element("h3", null, say("unknownTrust"), " · ", element("bdi", null, paper.name)), element("p", { class: "hint" }, say("confirmHint")),
    element("div", { class: "pair" },
      element("div", { class: "field wide" }, element("label", { for: digits.id }, say("fingerprint")), digits),
      element("div", { class: "field" }, element("label", { for: name.id }, say("trustName")), name)),
    element("p", { id: `confirm-error-${at}`, class: "field-error", role: "alert" }, page.trustError ? say(page.trustError) : ""), go);
}
