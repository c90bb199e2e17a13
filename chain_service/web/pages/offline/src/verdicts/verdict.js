// Checks by the shared table of codes, and the verdict that follows from them.

import { TABLE } from "../tables.js";
import { fillBoth } from "./messages.js";

export function check(name, code, evidence = {}, params = {}, group = "record") {
  const note = TABLE.rules[group][name].notes[code];
  const outcome = note ? note.outcome : TABLE.codes[code].answer === "invalid" ? "failed" : "indeterminate";
  return { name, outcome, code, message: fillBoth(note ? note.text : TABLE.codes[code].message, params), evidence, params };
}

export const hasPassed = ({ outcome }) => outcome === "passed";

// The checks of a group in the order of the shared table, each of its rules with one answer.
export function inOrder(group, checks) {
  const names = Object.keys(TABLE.rules[group]);
  const byName = new Map(checks.map((one) => [one.name, one]));
  if (byName.size !== names.length || names.some((name) => !byName.has(name))) throw new Error(`checks of ${group}: ${[...byName.keys()]}`);
  return names.map((name) => byName.get(name));
}

// The worst finding decides: invalid before indeterminate before valid, within one answer the first of the table.
export function conclude(groups) {
  const order = Object.keys(TABLE.codes);
  const severity = ["invalid", "indeterminate", "valid"];
  const findings = [];
  let isJudged = false;
  for (const group of groups) {
    for (const { name, outcome, code, params } of group.checks) {
      const note = TABLE.rules[group.name][name].notes[code];
      findings.push({ code: note ? note.best : code, params });
      isJudged ||= outcome === "passed" && TABLE.essential.includes(`${group.name}.${name}`);
    }
  }
  if (!isJudged) findings.push({ code: "nothing_to_verify", params: {} });
  const rank = ({ code }) => severity.indexOf(TABLE.codes[code].answer) * order.length + order.indexOf(code);
  const { code, params } = findings.reduce((worst, finding) => (rank(finding) < rank(worst) ? finding : worst));
  const row = TABLE.codes[code];
  return { verdict: row.answer, code, message: fillBoth(row.message, params), nextStep: fillBoth(row.nextStep, params) };
}

// What a check's texts were filled with is no part of the answer.
export const withoutParams = (verdict) => ({ ...verdict, groups: verdict.groups.map((group) => ({ ...group, checks: group.checks.map(({ params, ...shown }) => shown) })) });
