// Which paper belongs to which record.

import { same } from "../encoding/bytes.js";
import { toHex } from "../encoding/hex.js";
import { recordEntry } from "../records/hashing.js";
import { examineReceipt } from "../verdicts/inputs.js";
import { holdsHead, leadOn } from "../verdicts/proving.js";
import { newestFor } from "./trust.js";

// Disclosures of one record are one content, with all members that any of them shows.
function bodiesOf(papers) {
  const bodies = new Map();
  for (const paper of papers) {
    if (!paper.content) continue;
    const name = toHex(paper.content.digest);
    const body = bodies.get(name) || { papers: [], content: paper.content };
    body.papers.push(paper);
    if (!body.content.whole) body.content = paper.content.whole ? paper.content : { ...body.content, members: new Map([...body.content.members, ...paper.content.members]) };
    bodies.set(name, body);
  }
  return [...bodies.values()];
}

// The receipt in these bytes, which a paper is or holds, with what it proves by the trust file for its chain.
export function examinePaper(paper, bytes, accepted) {
  const proven = examineReceipt(bytes, null);
  const by = proven.receipt ? newestFor(accepted, proven.receipt) : null;
  return { paper, proven: by ? examineReceipt(bytes, by.trust) : proven, by };
}

// Receipts and proofs by the place in a log that they speak of; the receipt with the newest proven state leads.
function placesOf(papers, accepted) {
  const places = new Map();
  const at = (given, part, member) => {
    const name = `${toHex(given.log)} ${given.proof.index}`;
    if (!places.has(name)) places.set(name, { receipts: [], proofs: [] });
    places.get(name)[part].push(member);
  };
  const failed = [];
  for (const paper of papers) {
    if (paper.kind === "proof" && paper.proof) at(paper.proof, "proofs", paper);
    if (paper.kind !== "receipt") continue;
    const item = examinePaper(paper, paper.bytes, accepted);
    if (item.proven.receipt) at(item.proven.receipt, "receipts", item);
    else failed.push(item);
  }
  const age = ({ proven }) => (proven.states.length ? proven.states[proven.states.length - 1].time : -1);
  for (const place of places.values()) place.receipts.sort((one, other) => age(other) - age(one));
  return { places: [...places.values()], failed };
}

// Whether the content is what stands at this place: true, false, or null where nothing proven tells.
export async function fits(content, { receipts, proofs }) {
  let isTold = false;
  for (const { proven } of receipts) {
    if (!proven.states.length) continue;
    const { root } = await leadOn(proven.receipt, content);
    if (proven.states.some((state) => holdsHead(state, proven.receipt, root))) return true;
    isTold = true;
  }
  if (isTold) return false;
  if (receipts.length || !proofs.length) return null;
  const { log, proof, entry } = proofs[0].proof;
  return same(await recordEntry(log, proof.index, content.digest), entry);
}

const identityOf = ({ open, members, shape }) => {
  const [identifier, number] = [members.get("certificateIdentifier"), members.get("documentNumber")];
  return identifier || (number && `${open.get(shape.type)} ${number}`) || null;
};

const isCopy = (one, other) => same(one.bodyKey, other.bodyKey) || (identityOf(one) !== null && identityOf(one) === identityOf(other));

// One case for each record that the papers speak of: {body, place, read, isOther}. A disclosure that leads to no receipt's
// head is held against a receipt that nothing explains, or against that of the record it copies.
export async function arrange(papers, accepted) {
  const bodies = bodiesOf(papers);
  const { places, failed } = placesOf(papers, accepted);
  const [cases, loose] = [[], []];
  const take = (test) => {
    const at = places.findIndex(test);
    return at < 0 ? null : places.splice(at, 1)[0];
  };
  for (const body of bodies) {
    const fitting = [];
    for (const place of places) if (await fits(body.content, place)) fitting.push(place);
    if (fitting.length) cases.push({ body, place: take((place) => place === fitting[0]) });
    else loose.push(body);
  }
  const settled = [...cases];
  for (const body of loose) {
    const original = settled.find((other) => other.place.receipts.length && isCopy(other.body.content, body.content));
    cases.push({ body, place: take(({ receipts }) => receipts.length > 0) || (original && original.place) || null });
  }
  const unreadable = papers.filter(({ kind, content }) => kind === "disclosure" && !content);
  for (const paper of unreadable) cases.push({ body: null, read: paper, place: places.length && bodies.length === 0 ? take(() => true) : null });
  for (const item of failed) {
    const alone = cases.find(({ place, body }) => body && place === null);
    if (alone) alone.place = { receipts: [item], proofs: [] };
    else cases.push({ body: null, place: { receipts: [item], proofs: [] } });
  }
  for (const place of places) cases.push({ body: null, place });
  if (!cases.length) cases.push({ body: null, place: null });
  return cases;
}
