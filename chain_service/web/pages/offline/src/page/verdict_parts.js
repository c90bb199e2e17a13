// The verdict, from its banner to what it rests on.

import { element } from "../../../static/dom.js";
import { checksPart } from "./checks_part.js";
import { banner, note, rows } from "./elements.js";
import { holderPart, recordPart } from "./record_part.js";
import { nameOf, page, say } from "./state.js";
import { ageWords, both, moment } from "./times.js";

export const troublePart = ({ trouble, detail }) => banner("error", say(trouble), { next: say(`${trouble}Next`), detail });

// Green only for what was compared and is shown.
function verdictBanner(verdict) {
  const { isCompared, missing } = verdict.papers;
  const holder = holderPart(verdict);
  if (verdict.verdict === "valid" && (!isCompared || !holder || !verdict.record.shown || verdict.code === "in_force_not_compared")) {
    return banner("indeterminate", say("notCompared"), { holder, next: say("notComparedNext"), verdict: "valid-not-compared" });
  }
  const asked = verdict.verdict === "indeterminate" && ["finality_unproven", "not_anchored", "nothing_to_verify"].includes(verdict.code) ? missing : [];
  const wanted = asked.map((kind) => say(`${kind}Long`)).join(page.language === "zh" ? "、" : ", ");
  if (wanted) return banner("indeterminate", say("indeterminate"), { message: say("incomplete"), next: say("incompleteNext", { papers: wanted }), verdict: "indeterminate" });
  return banner(verdict.verdict, say(verdict.verdict), { holder, message: both(verdict.message), next: both(verdict.nextStep) });
}

export function verdictParts(verdict) {
  const parts = [verdictBanner(verdict)];
  if (verdict.chain && verdict.chain.assurance === "trial") parts.push(note("trial", [say("trialNote")]));
  if (verdict.code === "record_mismatch") parts.push(note("warning", [say("mismatchNote")]));
  if (verdict.warnings.length) parts.push(note("warning", verdict.warnings.map((found) => both(found.message)), say("warnings")));
  return [...parts, recordPart(verdict), verdict.papers.records.length > 1 ? null : levelPart(verdict), checksPart(verdict), factsPart(verdict)];
}

// One of four steps is never the whole answer (which document, which time), so all four are always shown.
function levelPart(verdict) {
  const checks = Object.fromEntries(verdict.groups[0].checks.map((found) => [found.name, found]));
  const passed = (...names) => names.every((name) => checks[name].outcome === "passed");
  const isSealed = passed("inclusion", "anchor", "validators");
  const counts = checks.validators.evidence;
  const word = isSealed ? say(verdict.chain.assurance, { signers: String(counts.signers), validators: String(counts.validators) }) : null;
  const steps = [
    ["L1", "open", say("unlooked")],
    ["L2", passed("log_signature", "inclusion", "anchor") ? "yes" : "no", null],
    ["L3", isSealed ? "yes" : "no", word],
    ["L4", "open", say(verdict.papers.outside ? "carried" : "unlooked")],
  ];
  const ladder = steps.map(([name, state, words]) =>
    element("li", { class: `step step-${state}` }, element("b", null, name), element("span", { class: "step-name" }, say(name)),
      element("span", { class: "step-word" }, words || say(state === "yes" ? "reached" : "missed"))));
  const age = verdict.chain ? ageWords(Date.parse(verdict.at) - Date.parse(verdict.chain.time)) : "";
  const { by } = verdict.papers;
  return element("section", { class: "card part" },
    element("h3", null, say("level")), element("ol", { class: "ladder" }, ladder),
    element("div", { class: "sentences" },
      sentence("includedBy", verdict.includedBy, say("includedNote", { block: String(checks.anchor.evidence.block) })),
      sentence("statusAsOf", verdict.statusAsOf, verdict.chain ? say("statusNote", { block: String(verdict.chain.block), age }) : "")),
    by ? element("p", { class: "hint by" }, say("judgedBy", { name: nameOf(by), version: String(by.trust.version) })) : null);
}

function sentence(name, time, words) {
  const value = time ? moment(time) : say("unknown");
  return element("div", { class: "sentence" }, element("span", null, say(name)), element("strong", null, value), time ? element("span", null, words) : null);
}

function factsPart({ chain, at, code }) {
  return element("section", { class: "card part" }, element("h3", null, say("facts")),
    rows([
      [say("chain"), chain && String(chain.id)],
      [say("block"), chain && element("span", null, `${chain.block} `, element("code", null, chain.hash))],
      [say("askedAt"), moment(at)],
      [say("code"), element("code", null, code)],
    ]));
}
