// The record: whose paper it is, and what it holds.

import { EVIDENCE } from "../../../static/evidence_names.js";
import { capitalised, element } from "../../../static/dom.js";
import { VALUES } from "../../../static/labels.js";
import { MEMBERS } from "../../../static/members.js";
import { memberName } from "../records/member_names.js";
import { HOLDER_NAME } from "../records/schema.js";
import { rows } from "./elements.js";
import { label, page, say } from "./state.js";
import { moment } from "./times.js";

// Content under a head that is not on chain is nobody's: it is not shown as a record.
const isShown = ({ record, includedBy, code }) => record !== null && includedBy !== null && code !== "record_mismatch" && Object.keys(record.members).length > 0;

// Whose paper it is, in one line: kind and type, holder, number, last day. What a record calls itself is marked so.
export function holderPart(verdict) {
  if (!isShown(verdict)) return null;
  const { kind, type, members } = verdict.record;
  const isCertificate = kind === "certificate";
  const own = isCertificate ? members.certificateTypeName || members.certificateName : members.title;
  const holders = Object.keys(members).filter((path) => HOLDER_NAME.exec(path)?.[2] === "certificateHolderName").map((path) => members[path]);
  const [number, until] = [members.certificateNumber || members.documentNumber, members.certificateExpiringDate || members.expiringDate];
  const facts = [holders.length ? holders.join(page.language === "zh" ? "、" : ", ") : null, number, until ? say("until", { date: until }) : null];
  return element("div", { class: "banner-holder" },
    element("p", null, element("span", { class: "kind" }, label(VALUES, kind)), " ", own ? [element("strong", null, own), " ", ownMark()] : element("code", null, type)),
    element("p", null, facts.filter((fact) => fact).flatMap((fact, i) => [i ? " · " : "", element("bdi", null, fact)])));
}

const ownMark = () => element("span", { class: "own" }, say("own"));
const OWN_NAMES = ["certificateTypeName", "certificateName", "certificateIssuingAuthorityName", "title"];

export function recordPart(verdict) {
  if (!isShown(verdict)) return null;
  const { record } = verdict;
  const order = Object.keys(MEMBERS);
  const rank = (path) => (path.startsWith("extension.") ? 2 * order.length : (order.indexOf(path.split(".").pop()) + order.length + 1) % (order.length + 1 + order.length));
  const members = Object.entries(record.members).filter(([name]) => name !== "kind").sort(([one], [other]) => rank(one) - rank(other));
  const value = ([name, member]) => (OWN_NAMES.includes(name) ? element("span", null, member, " ", ownMark()) : plain(member, name));
  return element("section", { class: "card part" }, element("h3", null, say("members")),
    rows([
      [say("kind"), label(VALUES, record.kind)],
      [say("status"), record.status && label(VALUES, record.status)],
      ...members.map((member) => [capitalised(memberName(member[0], page.language)), value(member)]),
      [say("anchoredAt"), record.anchoredAt && moment(record.anchoredAt)],
    ]));
}

// What a record holds, as it is written there: no word of it is taken for one of ours.
function plain(value, path = "") {
  if (Array.isArray(value)) return value.length === 1 ? plain(value[0], path) : element("ol", { class: "values" }, value.map((item) => element("li", null, plain(item, path))));
  if (typeof value === "object" && value !== null) return rows(Object.entries(value).map(([name, item]) => [(path === "files" && (label(MEMBERS, name) || label(EVIDENCE, name))) || name, plain(item, path)]));
  return /^[0-9a-f]{24,}$/.test(value) ? element("code", null, value) : String(value);
}
