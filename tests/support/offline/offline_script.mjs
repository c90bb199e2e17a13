// The offline page's own script under node: `corpus FILE` prints its verdicts, `papers FILE` those on papers handed in together, `asked FILE` what the online page asks, `primitives COUNT` compares what it wrote
// itself, `inclusion FILE`, `evidence FILE` and `moments FILE` run single functions.
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const page = readFileSync(new URL("../../../chain_service/web/pages/static/offline.html", import.meta.url), "utf8");
const script = page.match(/<script>([\s\S]*?)<\/script>/)[1];
const names = "judge readTrust Refused keccak256 sm3 recover sha256 hmac hmacKey ed25519Holds toHex readCbor readRlp writeRlp N fromBig toBig fromHex verifyEvidence rootFromInclusion readMoment readPaper judgePapers recognise receiptsIn";
const own = new Function(`${script}; return { ${names.split(" ").join(", ")} };`)();
const bytes = (text) => (text === null ? null : new Uint8Array(Buffer.from(text, "base64")));

async function answer({ receipt, disclosure, files, trust, now, at }) {
  let trusted;
  try {
    trusted = await own.readTrust(bytes(trust));
  } catch (error) {
    if (error instanceof own.Refused) return null;
    throw error;
  }
  return own.judge({ receipt: bytes(receipt), disclosure: bytes(disclosure), files, trust: trusted, now, at: at ?? undefined });
}

async function corpus(file) {
  const answers = [];
  for (const asked of JSON.parse(readFileSync(file, "utf8"))) {
    answers.push(await answer(asked).catch((error) => ({ crashed: String(error.stack) })));
  }
  return answers;
}

function same(what, one, other) {
  if (Buffer.compare(Buffer.from(one), Buffer.from(other)) !== 0) throw new Error(`${what}: ${own.toHex(one)} is not ${Buffer.from(other).toString("hex")}`);
}

async function primitives(count) {
  const { keccak_256 } = await import("@noble/hashes/sha3.js");
  const { secp256k1 } = await import("@noble/curves/secp256k1.js");
  for (let i = 0; i < count; i++) {
    const data = new Uint8Array(randomBytes(i < 300 ? i : i * 7));
    same("keccak-256", own.keccak256(data), keccak_256(data));
    same("SM3", await own.sm3(data), createHash("sm3").update(data).digest());
    same("SHA-256", await own.sha256(data), createHash("sha256").update(data).digest());
    const salt = new Uint8Array(randomBytes(32));
    same("HMAC", await own.hmac(await own.hmacKey(salt), data), createHmac("sha256", salt).update(data).digest());
    recovery(secp256k1);
  }
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  const message = new Uint8Array(randomBytes(100));
  const signature = new Uint8Array(sign(null, message, privateKey));
  const holds = [await own.ed25519Holds(raw, signature, message), await own.ed25519Holds(raw, signature, message.subarray(1)), await own.ed25519Holds(new Uint8Array(32).fill(255), signature, message)];
  if (holds.join() !== "true,false,false") throw new Error(`Ed25519: ${holds}`);
  return { count };
}

// Seals as validators make them, with s in either half, and what is no seal.
function recovery(secp256k1) {
  const key = secp256k1.utils.randomSecretKey();
  const digest = new Uint8Array(randomBytes(32));
  const made = secp256k1.sign(digest, key, { prehash: false, format: "recovered", lowS: Math.random() < 0.5 });
  const seal = new Uint8Array([...made.subarray(1), made[0]]);
  if (seal[64] > 1) return;
  same("recovery", own.recover(digest, seal), secp256k1.getPublicKey(key, false).subarray(1));
  seal.set(randomBytes(32), Math.random() < 0.5 ? 0 : 32);
  const theirs = attempt(() => secp256k1.Signature.fromBytes(new Uint8Array([seal[64], ...seal.subarray(0, 64)]), "recovered").recoverPublicKey(digest).toBytes(false).subarray(1));
  const ours = attempt(() => own.recover(digest, seal));
  if (theirs === null || ours === null ? theirs !== ours : Buffer.compare(Buffer.from(theirs), Buffer.from(ours)) !== 0) throw new Error(`recovery of ${own.toHex(seal)} over ${own.toHex(digest)}`);
}

function attempt(what) {
  try {
    return what();
  } catch {
    return null;
  }
}

// Whether each inclusion proof leads to its root.
async function inclusion(file) {
  const outcomes = [];
  for (const { leaf, root, index, size, path } of JSON.parse(readFileSync(file, "utf8"))) {
    const found = await own.rootFromInclusion(bytes(leaf), { index, size, path: path.map(bytes) }).catch(() => new Uint8Array());
    outcomes.push(Buffer.compare(Buffer.from(found), Buffer.from(bytes(root))) === 0);
  }
  return outcomes;
}

// What each evidence proves: {block, hash, assurance, words}, null for nothing.
function evidence(file) {
  const { trust, cases } = JSON.parse(readFileSync(file, "utf8"));
  const hex = own.fromHex;
  const trusted = {
    ...trust,
    chainId: BigInt(trust.chainId),
    genesis: hex(trust.genesis),
    ranges: trust.ranges.map((range) => ({ ...range, validators: range.validators.map(hex) })),
    contracts: trust.contracts.map(({ name, address, codeHash }) => ({ name, address: hex(address), codeHash: hex(codeHash) })),
  };
  return cases.map(({ headers, nodes, accounts }) => {
    const shown = accounts.map(([address, slots]) => ({ address: hex(address), slots: slots.map(hex) }));
    const given = { form: trust.form, chainId: trusted.chainId, genesis: trusted.genesis, headers: headers.map(hex), nodes: nodes.map(hex), accounts: shown };
    try {
      const { block, hash, assurance, words } = own.verifyEvidence(given, trusted);
      return { block, hash: own.toHex(hash), assurance, words: [...words.values()].map(String) };
    } catch (error) {
      if (error instanceof own.Refused) return null;
      throw error;
    }
  });
}

// The moment in each text, null where there is none.
function moments(file) {
  return JSON.parse(readFileSync(file, "utf8")).map((text) => {
    try {
      return own.readMoment(text);
    } catch (error) {
      if (error instanceof own.Refused) return null;
      throw error;
    }
  });
}

// Each question's verdict about its papers, [name, base64] each, by the trust files that were accepted before.
async function papers(file) {
  const answers = [];
  for (const { given, known, now } of JSON.parse(readFileSync(file, "utf8"))) {
    const accepted = [];
    for (const trust of known) accepted.push({ name: "", origin: "pinned", trust: await own.readTrust(bytes(trust)) });
    const read = [];
    for (const [name, data] of given) read.push(await own.readPaper(name, bytes(data)));
    const { verdict, code, warnings, papers } = await own.judgePapers(read, { known: accepted, now });
    const { isCompared, missing, records } = papers;
    answers.push({ kinds: read.map(({ kind }) => kind), verdict, code, warnings: warnings.map((found) => found.code), isCompared, missing, records: records.length });
  }
  return answers;
}

// What the online page would send about each list of files, [name, base64] each: {type, body, byDigest, bytes}, or the reason why not.
async function asked(file) {
  const source = readFileSync(new URL("../../../chain_service/web/pages/static/asking.js", import.meta.url), "utf8");
  const { questionOf, MOST_PAPERS } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  const answers = [];
  for (const { given, longest } of JSON.parse(readFileSync(file, "utf8"))) {
    const files = given.map(([name, data]) => new File([bytes(data)], name));
    try {
      const question = await questionOf(files, longest ?? undefined);
      const sent = new Response(question.request.body);
      const body = Buffer.from(await sent.arrayBuffer()).toString("base64");
      answers.push({ type: sent.headers.get("content-type"), body, byDigest: question.byDigest.map(({ name }) => name), bytes: question.bytes, most: MOST_PAPERS });
    } catch (error) {
      answers.push({ refused: error.message });
    }
  }
  return answers;
}

// The kind of each file in base64, and the receipts that lie in it.
async function looked(file) {
  const answers = [];
  for (const data of JSON.parse(readFileSync(file, "utf8"))) {
    const found = await own.receiptsIn(bytes(data));
    answers.push({ kind: own.recognise(bytes(data)), receipts: found.map((one) => Buffer.from(one).toString("base64")) });
  }
  return answers;
}

const MODES = { looked, corpus, asked, papers, moments, inclusion, evidence, primitives: (count) => primitives(Number(count)) };
const [mode, argument] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await MODES[mode](argument)));
