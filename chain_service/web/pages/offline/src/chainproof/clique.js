// Clique (EIP-225): what a majority of validators stands behind, by sealing consecutive blocks.

import { isZero, join, same } from "../encoding/bytes.js";
import { ascending, distinct, toBig } from "../encoding/hex.js";
import { writeRlp } from "../encoding/rlp.js";
import { refuse, UnknownSealers } from "../errors.js";
import { keccak256 } from "../hashing/keccak.js";
import { recoverAddress } from "../hashing/secp256k1.js";
import { NO_OMMERS, readHeader } from "./headers.js";
import { rangeAt, requireFields } from "./trust.js";

export const majority = (count) => Math.floor(count / 2) + 1;

export function readClique(raw) {
  const header = readHeader(raw);
  const { fields, extra, number } = header;
  if (fields.length > 16) refuse("a Clique header has 15 or 16 fields");
  if (extra.length < 97 || (extra.length - 97) % 20) refuse("extraData is not vanity, signers and seal");
  const signers = [];
  for (let at = 32; at < extra.length - 65; at += 20) signers.push(extra.subarray(at, at + 20));
  if (!ascending(signers)) refuse("the signers in extraData are not ascending");
  const isVote = !isZero(fields[14]);
  const unsealed = fields.with(12, extra.subarray(0, -65));
  const whole = { ...header, signers, difficulty: toBig(fields[7]), hash: keccak256(raw), seal: extra.subarray(-65), digest: keccak256(writeRlp(unsealed)) };
  if (number === 0n) return whole; // free in form, and sealed by nobody
  if (!same(fields[1], NO_OMMERS) || !isZero(fields[13])) refuse("a Clique block has no ommers and a zero mixHash");
  if (isVote && fields[14].some((byte) => byte !== 0xff)) refuse("a Clique nonce is all zero or all ff");
  if (whole.difficulty !== 1n && whole.difficulty !== 2n) refuse("a Clique difficulty is 1 or 2");
  if (signers.length && (isVote || !isZero(header.coinbase))) refuse("a block that names the signers carries no vote");
  return whole;
}

export const recoverClique = ({ number, digest, seal }) => (number === 0n ? refuse("genesis carries no seal") : recoverAddress(digest, seal));

function cliqueSigner(header, validators, epoch) {
  if (epoch && header.signers.length > 0 !== (header.number % BigInt(epoch) === 0n)) refuse("signers are named at epoch blocks and only there");
  if (header.signers.length && !same(join(...header.signers), join(...validators))) throw new UnknownSealers("a header names other signers than the trusted ones");
  const signer = recoverClique(header);
  const place = validators.findIndex((address) => same(address, signer));
  if (place < 0) throw new UnknownSealers("a header is not sealed by a trusted validator");
  const inTurn = header.number % BigInt(validators.length) === BigInt(place);
  if (header.difficulty !== (inTurn ? 2n : 1n)) throw new UnknownSealers("a header's difficulty contradicts its signer's turn");
  return signer;
}

// The validators who sealed these linked headers, more than half of them.
export function sealedByMajority(headers, trust) {
  for (const header of headers) requireFields(header, trust, "evm-clique/1");
  const [first, last] = [headers[0], headers[headers.length - 1]].map(({ number }) => rangeAt(trust, number, "evm-clique/1").validators);
  if (!same(join(...last), join(...first))) refuse("the validators change within these headers");
  // 1. each sealed by one who may
  const signers = headers.map((header) => cliqueSigner(header, first, trust.epoch));
  // 2. as many headers as a majority has members, each by another validator
  // (the end of a range, where it is known, makes do with other numbers)
  const needed = majority(first.length);
  if (headers.length !== needed) throw new UnknownSealers(`a majority needs ${needed} headers, got ${headers.length}`);
  return distinct(signers) ? signers : refuse("two headers are sealed by the same validator");
}
