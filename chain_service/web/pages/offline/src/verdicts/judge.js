// Judging: the checks in their order, each with its evidence, and the verdict that follows.

import { visible } from "../../../static/visible.js";
import { toHex } from "../encoding/hex.js";
import { plainJson } from "../encoding/json.js";
import { CLOCK_SKEW, rfc3339 } from "../encoding/times.js";
import { SHAPES } from "../records/schema.js";
import { TABLE } from "../tables.js";
import { judgeAnchor, judgeFiles, judgeInclusion, judgeReadable, judgeSignature, judgeValidators } from "./anchoring_checks.js";
import { examineDisclosure, examineReceipt, gather } from "./inputs.js";
import { judgePeriod, judgePermit, judgeStatus, statusAsOf } from "./standing_checks.js";
import { check, conclude, hasPassed, inOrder, withoutParams } from "./verdict.js";
import { warningsOf } from "./warnings.js";

// The verdict on one receipt and what was presented with it. `trust` comes from readTrust; times are unix seconds. About
// a moment in the future nothing is said.
export async function judge({ receipt, disclosure, files = [], trust, now, at }) {
  if (at > now + CLOCK_SKEW) return { refused: "at_in_future" };
  const read = disclosure ? await examineDisclosure(disclosure) : { content: null, failure: null };
  const proven = examineReceipt(receipt, trust);
  return withoutParams(await judgeFacts(await gather({ ...read, proven, files: files.map((digests) => ({ digests })), trust, now, at }), now));
}

export async function judgeFacts(facts, now) {
  const { content, receipt, newest, head } = facts;
  const notReached = (name) => check(name, "not_reached");
  const readable = judgeReadable(facts);
  const isReadable = hasPassed(readable);
  const isTrusted = isReadable && facts.trust !== null;
  const compared = isReadable ? judgeFiles(facts) : notReached("file_digest");
  const signed = isTrusted ? await judgeSignature(facts) : notReached("log_signature");
  const included = isTrusted || (isReadable && facts.failure) ? judgeInclusion(facts) : notReached("inclusion");
  const anchored = isTrusted && head ? judgeAnchor(facts) : notReached("anchor");
  const sealed = isReadable ? judgeValidators(facts) : notReached("validators");
  const isIncluded = hasPassed(included);
  const isProven = isIncluded && hasPassed(anchored) && head && head.shownBy;
  const permitted = isProven ? judgePermit(facts) : notReached("issuer_permitted");
  const status = isProven ? judgeStatus(facts) : notReached("status");
  const period = isProven ? judgePeriod(facts) : notReached("validity_period");
  const checks = inOrder("record", [readable, compared, signed, included, anchored, sealed, permitted, status, period]);
  const subject = receipt ? receipt.recordId : "";
  const groups = [{ name: "record", subject, checks }];
  if (facts.files.length) {
    const names = Object.keys(TABLE.rules.signature);
    groups.push({ name: "signature", subject, checks: names.map((name) => check(name, "not_in_this_version", {}, {}, "signature")) });
  }
  const { state } = status.evidence;
  const since = isIncluded && head && head.shownBy ? rfc3339(head.shownBy.time) : null;
  return {
    ...conclude(groups),
    at: rfc3339(facts.moment),
    chain: newest && { id: Number(newest.chainId), block: newest.block, hash: "0x" + toHex(newest.hash), time: rfc3339(newest.time), assurance: newest.assurance },
    includedBy: since,
    statusAsOf: state === undefined ? null : statusAsOf(facts),
    warnings: warningsOf(facts, now),
    groups,
    record: content && withHidden(content, hasPassed(compared), {
      kind: content.open.get("kind"),
      org: content.open.get(content.shape.org),
      type: content.open.get(content.shape.type),
      anchoredAt: since,
      status: state ?? null,
      members: isIncluded ? plainJson(new Map([...content.open, ...content.members])) : {},
      names: ownNames(content, isIncluded),
    }),
  };
}

const FACE = ["certificateNumber", "documentNumber", "holders.0.certificateHolderName"]; // compared with the paper first

// What the verdict does not show of the record; `shown`: number and holder are shown, or in the file compared.
function withHidden(content, isFileCompared, record) {
  const told = Object.keys(record.members);
  const tops = new Set(told.map((path) => path.split(".")[0]));
  const hidden = content.whole ? content.shape.coveredRequired.filter((name) => !tops.has(name)).sort() : content.covered.filter((name) => !told.includes(name));
  return { ...record, hidden, shown: isFileCompared || !hidden.some((name) => FACE.includes(name)) };
}

const BY_RECORD = { zh: "按记录所载", en: "as stated by the record" };

// What type and issuer are called: there is no registry here, so by the record's own words where they are shown.
function ownNames({ shape, open, members }, isIncluded) {
  const named = (code, own) => ({ code, name: own ? visible(own) : null, source: own ? "record" : null, note: own ? BY_RECORD : null });
  const own = (name) => (isIncluded && members.get(name)) || null;
  return {
    type: named(open.get(shape.type), own(shape === SHAPES.certificate ? "certificateTypeName" : "title")),
    issuer: named(open.get(shape.org), own("certificateIssuingAuthorityName")),
  };
}
