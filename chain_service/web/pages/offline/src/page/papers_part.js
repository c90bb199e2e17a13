// The papers presented, each with how it stands among the others.

import { element } from "../../../static/dom.js";
import { next, verify } from "./actions.js";
import { button } from "./elements.js";
import { icon } from "./icons.js";
import { nameOf, page, say } from "./state.js";

export function paperRow(paper) {
  const [state, words] = paperNote(paper);
  const remove = () => {
    page.papers = page.papers.filter((other) => other !== paper);
    return page.papers.length ? verify() : next();
  };
  return element("li", { class: `paper paper-${state}` },
    element("span", { class: "paper-icon" }, icon(paper.kind)),
    element("span", { class: "paper-words" }, element("span", { class: "paper-kind" }, say(paper.kind)), element("bdi", { class: "paper-name" }, paper.name), words ? element("span", { class: "paper-note" }, words) : null),
    button("remove", "×", remove, { "aria-label": `${say("remove")} ${say(paper.kind)} ${paper.name}` }));
}

// How a paper stands among the others: good, bad, odd or calm, and words.
function paperNote(paper) {
  const verdict = page.shown && page.shown.verdict;
  const records = verdict ? verdict.papers.records : [];
  const place = records.length > 1 ? records.findIndex((listed) => listed.includes(paper)) : -1;
  const [state, words] = ownNote(paper, verdict);
  return [state, [place < 0 ? null : say("recordNumber", { n: String(place + 1) }), words].filter((part) => part).join(" · ")];
}

function ownNote(paper, verdict) {
  if (paper.kind === "trust") return paper.failure ? ["bad", say("badTrust")] : paper.standing === "unknown" ? ["odd", say("unknownTrust")] : ["good", say(`${paper.standing}Trust`, { name: nameOf(paper.from) })];
  if (paper.unread) return ["odd", say(paper.unread)];
  if (paper.failure) return ["bad", say({ unreadable: "unreadablePaper", record_mismatch: "contradicting", proof_invalid: "provesNothing" }[paper.failure.code])];
  if (paper.isAlien && verdict) return ["bad", say("alien")];
  if (paper.kind === "proof") return ["calm", say("proofNote")];
  if (paper.kind !== "file" || !verdict) return ["calm", ""];
  return paper.comparison ? [{ same: "good", altered: "bad", appended: "odd", elsewhere: "odd", notListed: "odd" }[paper.comparison], say(paper.comparison)] : ["calm", ""];
}
