// The checks, each with its evidence.

import { inChinese } from "../../../static/details.js";
import { CODED, EVIDENCE, TOLD } from "../../../static/evidence_names.js";
import { capitalised, element } from "../../../static/dom.js";
import { CHECKS, PARTS } from "../../../static/labels.js";
import { MEMBERS } from "../../../static/members.js";
import { rows } from "./elements.js";
import { icon } from "./icons.js";
import { label, page, say } from "./state.js";
import { both, moment } from "./times.js";

const OUTCOMES = { passed: "passed", failed: "failed", indeterminate: "outcomeIndeterminate", skipped: "skipped" };

export function checksPart({ groups }) {
  return element("section", { class: "card part" }, element("h3", null, say("checks")),
    groups.map((group) => element("div", { class: "group" },
      element("h4", null, say(group.name === "signature" ? "groupSignature" : "groupRecord"), element("span", { class: "subject" }, group.subject)),
      group.checks.map(checkPart))));
}

function checkPart({ name, outcome, code, message, evidence }) {
  const pairs = Object.entries(evidence);
  const words = element("span", { class: "check-words" }, element("span", { class: "check-name" }, label(CHECKS, name)), element("span", { class: "check-message" }, both(message)));
  const word = element("span", { class: "check-outcome-word" }, say(code === "not_reached" ? "notJudged" : OUTCOMES[outcome]));
  return element("details", { class: `check check-${outcome}`, open: outcome === "failed" || outcome === "indeterminate" },
    element("summary", null, element("span", { class: "check-icon" }, icon(outcome)), words, element("span", { class: "check-outcome" }, word)),
    element("div", { class: "evidence" },
      rows([[say("code"), element("code", null, code)], ...pairs.map(([member, value]) => [evidenceName(member), evidenceValue(member, value)])]),
      pairs.length ? null : element("p", { class: "hint" }, say("noEvidence"))));
}

const evidenceName = (name) => label(EVIDENCE, name) || (Object.hasOwn(MEMBERS, name) && capitalised(label(MEMBERS, name))) || (page.language === "zh" && inChinese(name)) || name;
const evidenceValue = (name, value) => (name === "part" && label(PARTS, value)) || (Object.hasOwn(CODED, name) && label(CODED[name], value)) || (TOLD.has(name) ? told(value) : shown(value));

function told(value) {
  if (typeof value !== "string") return shown(value, told);
  const words = page.language === "zh" ? inChinese(value) : null;
  return words === null ? element("span", { lang: "en" }, shown(value)) : words;
}

function shown(value, each = (item) => shown(item)) {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return "—";
  if (typeof value === "boolean") return say(value ? "yes" : "no");
  if (Array.isArray(value)) return value.length === 1 ? each(value[0]) : element("ol", { class: "values" }, value.map((item) => element("li", null, each(item))));
  if (typeof value === "object") return rows(Object.entries(value).map(([name, item]) => [evidenceName(name), evidenceValue(name, item)]));
  if (typeof value !== "string") return String(value);
  if (/^\d{4}-\d\d-\d\dT/.test(value)) return moment(value);
  return /^(0x)?[0-9a-f]{24,}$/.test(value) ? element("code", null, value) : value;
}
