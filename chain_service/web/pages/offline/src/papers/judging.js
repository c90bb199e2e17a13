// Papers: whatever one holder hands in, in any order, judged together.

import { headSlot, wordIn } from "../chainproof/storage_layout.js";
import { same } from "../encoding/bytes.js";
import { toBig } from "../encoding/hex.js";
import { CLOCK_SKEW } from "../encoding/times.js";
import { recordEntry } from "../records/hashing.js";
import { isFinal } from "../records/states.js";
import { TABLE } from "../tables.js";
import { gather, NOTHING_PROVEN } from "../verdicts/inputs.js";
import { judgeFacts } from "../verdicts/judge.js";
import { check, conclude, withoutParams } from "../verdicts/verdict.js";
import { arrange, fits } from "./cases.js";
import { assignFiles } from "./files.js";
import { acceptTrust } from "./trust.js";

async function judgeCase(one, accepted, { now, at }) {
  const { body, place, read, files } = one;
  const [lead, ...others] = place ? place.receipts : [];
  const given = { content: body && body.content, failure: read ? read.failure : null, files, now, at };
  const newest = accepted.length ? accepted[accepted.length - 1].trust : null;
  const judged = async (proven, trust, changes) => judgeFacts(await gather({ ...given, proven, trust, ...changes }), now);
  if (lead) one.verdicts = [await judged(lead.proven, lead.by && lead.by.trust)];
  else one.verdicts = [await judged({ ...NOTHING_PROVEN, receipt: place && place.proofs.length ? place.proofs[0].proof : null }, newest)];
  // An older receipt of the same record says nothing new, unless it proves nothing, shows an end, which no newer block takes
  // back, is of a chain unknown here, or sealed by others than the trust file knows, as one with an altered seal is, too.
  const since = one.verdicts[0].statusAsOf || "";
  const isOver = ({ statusAsOf }, { name, code }) => name === "status" && !isFinal(code) && (statusAsOf || "") < since;
  const tells = (verdict) => verdict.groups[0].checks.some((found) => found.outcome === "failed" && TELLING.includes(found.name) && !isOver(verdict, found));
  for (const { proven, by } of others) {
    const verdict = await judged(proven, by && by.trust, { files: [] });
    const isByStrangers = verdict.groups[0].checks.some(({ name, code }) => name === "inclusion" && code === "trust_stale");
    if (by === null || isByStrangers || tells(verdict)) one.verdicts.push(verdict);
  }
  for (const paper of place ? place.proofs : []) paper.failure = (await contradiction(paper.proof, place, body)) || paper.failure;
}

const TELLING = ["parse", "log_signature", "inclusion", "anchor", "validators", "status"];

// Why a proof is refuted by what the receipts of its place prove, or is not shown by them; null where they say the same.
async function contradiction({ log, proof, entry, root }, { receipts }, body) {
  let [isShown, isSilent] = [false, false];
  for (const { proven } of receipts) {
    const words = proven.states.map((state) => wordIn(state, "RecordLog", headSlot(log, proof.size))).filter((word) => word);
    if (words.some((word) => word !== toBig(root))) return { code: "proof_invalid", part: "proof", detail: "the chain holds another log head than the proof gives" };
    isShown ||= words.length > 0;
    isSilent ||= proven.states.length > 0;
    const isRecord = body && proven.states.length && (await fits(body.content, { receipts: [{ proven }], proofs: [] }));
    if (isRecord && !same(await recordEntry(log, proof.index, body.content.digest), entry)) return { code: "proof_invalid", part: "proof", detail: "the proof is about another entry" };
  }
  return isSilent && !isShown ? { code: "finality_unproven", part: "proof", detail: "the receipt does not show the log head that the proof gives" } : null;
}

const papersOf = ({ body, place, read, files }) => [...new Set([...(body ? body.papers : []), ...(read ? [read] : []), ...(place ? [...place.receipts.map(({ paper }) => paper), ...place.proofs] : []), ...files.map(({ paper }) => paper)])];

// The verdict on all papers together, the gravest finding first. `known` are the trust files accepted before, each
// {name, origin, trust}. Beside a verdict's members: `papers`, what became of each.
export async function judgePapers(papers, { known, now, at }) {
  if (at > now + CLOCK_SKEW) return { refused: "at_in_future" };
  const accepted = await acceptTrust(papers, known);
  const cases = await arrange(papers, accepted);
  await assignFiles(cases, papers, accepted);
  for (const one of cases) await judgeCase(one, accepted, { now, at });
  // 1. the checks of every record, and of every proof that is refuted
  const groups = cases.flatMap(({ verdicts }) => verdicts.flatMap((verdict) => verdict.groups));
  for (const { kind, name, failure } of papers) if (kind === "proof" && failure) groups.push(refuted(name, failure));
  // 2. papers of several records
  const records = cases.filter(({ body, place }) => body || (place && (place.proofs.length || place.receipts.some(({ proven }) => proven.receipt))));
  if (records.length > 1) {
    const parts = records.map((one, i) => ({ record: i + 1, papers: papersOf(one).map(({ name }) => name) }));
    amend(groups[0].checks, check("parse", "papers_do_not_match", { records: parts }));
  }
  const bodies = cases.flatMap(({ body }) => (body ? [body] : []));
  const isAltered = (one, other) => one !== other && same(one.content.bodyKey, other.content.bodyKey) && !same(one.content.digest, other.content.digest);
  if (bodies.some((one) => bodies.some((other) => isAltered(one, other)))) amend(groups[0].checks, check("inclusion", "record_mismatch", { detail: "two disclosures of one record differ" }));
  // 3. trust files that are damaged, and those that nobody has confirmed here
  const checkOf = { unreadable: "parse", proof_invalid: "log_signature", issuer_unknown: "validators" };
  for (const { kind, failure } of papers) if (kind === "trust" && failure) amend(groups[0].checks, check(checkOf[failure.code], failure.code, { part: failure.part, detail: failure.detail }));
  const unconfirmed = papers.filter(({ kind, standing, failure }) => kind === "trust" && !failure && !["known", "successor", "older"].includes(standing));
  if (unconfirmed.length) amend(groups[0].checks, check("validators", "issuer_unknown", { papers: unconfirmed.map(({ name }) => name) }));
  for (const { body, verdicts } of cases) if (body) for (const paper of body.papers) paper.isAlien = verdicts.some(({ code }) => code === "record_mismatch");
  const [main] = cases;
  const [first] = main.verdicts;
  const content = records.length === 1 && main.body ? main.body.content : null;
  const warnings = new Map(cases.flatMap(({ verdicts }) => verdicts.flatMap((verdict) => verdict.warnings)).map((found) => [JSON.stringify(found), found]));
  const has = (kind) => papers.some((paper) => paper.kind === kind);
  const used = cases.flatMap(({ place }) => (place ? place.receipts.map(({ by }) => by) : [])).find((by) => by) || null;
  return {
    ...withoutParams({ ...first, ...conclude(groups), groups }),
    warnings: [...warnings.values()],
    record: records.length > 1 ? null : first.record,
    papers: {
      records: records.map(papersOf),
      missing: ["disclosure", "receipt"].filter((kind) => !has(kind)),
      by: used,
      isCompared: content !== null && content.members.size > 0,
      outside: main.place !== null && main.place.receipts.some(({ proven }) => proven.receipt && proven.receipt.blocks.some((block) => block.outside)),
    },
  };
}

// The finding in the place of the check of its name, unless that has failed already.
function amend(checks, finding) {
  const at = checks.findIndex(({ name }) => name === finding.name);
  if (checks[at].outcome !== "failed") checks[at] = finding;
}

function refuted(subject, { code, part, detail }) {
  const found = { parse: check("parse", "readable", { part }), inclusion: check("inclusion", code, { part, detail }) };
  return { name: "record", subject, checks: Object.keys(TABLE.rules.record).map((name) => found[name] || check(name, "not_reached")) };
}
