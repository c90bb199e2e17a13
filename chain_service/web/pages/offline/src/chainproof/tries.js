// Merkle Patricia tries (EIP-1186): a pool of nodes in which every node has to serve.

import { isBytes, same } from "../encoding/bytes.js";
import { toHex } from "../encoding/hex.js";
import { isBytesOf } from "../encoding/predicates.js";
import { readRlp, readRlpList, rlpInteger, writeRlp } from "../encoding/rlp.js";
import { refuse } from "../errors.js";
import { keccak256 } from "../hashing/keccak.js";

const EMPTY_ROOT = keccak256([0x80]);

export class NodePool {
  constructor(nodes) {
    this.nodes = new Map();
    this.used = new Map();
    for (const node of nodes) {
      if ((node.length < 32 || node.length > 1024) && !same(node, [0x80])) refuse("a trie node is too small or too large");
      this.nodes.set(toHex(keccak256(node)), node);
    }
    if (this.nodes.size !== nodes.length) refuse("a trie node is listed twice");
  }

  node(hash) {
    const name = toHex(hash);
    if (!this.used.has(name)) {
      const items = readRlpList(this.nodes.get(name) || refuse("a trie node is missing"));
      if (items.length !== 2 && items.length !== 17) refuse("a trie node has 2 or 17 items");
      this.used.set(name, items);
    }
    return this.used.get(name);
  }

  // The value under a 32-byte key; null is absence, shown by a whole walk.
  valueAt(root, key) {
    if (same(root, EMPTY_ROOT)) {
      if (this.nodes.has(toHex(root))) this.used.set(toHex(root), []);
      return null;
    }
    const path = toHex(key);
    let node = this.node(root);
    let at = 0;
    for (;;) {
      let child;
      if (node.length === 17) {
        if (at === 64 || !isBytes(node[16]) || node[16].length) refuse("a branch holds a value or ends a key");
        child = node[parseInt(path[at++], 16)];
        if (isBytes(child) && child.length === 0) return null;
      } else {
        const { nibbles, isLeaf, content } = trieStep(node, 64 - at);
        if (!path.startsWith(nibbles, at)) return null;
        if (isLeaf) return isBytes(content) ? content : refuse("a leaf holds a list");
        child = content;
        at += nibbles.length;
      }
      node = isBytes(child) ? this.node(child) : embeddedNode(child);
    }
  }

  requireAllUsed() {
    if (this.used.size !== this.nodes.size) refuse("trie nodes belong to no proof");
  }
}

function trieStep([prefix, content], left) {
  if (!isBytes(prefix) || !prefix.length || prefix[0] > 0x3f) refuse("a trie node's path is malformed");
  const isOdd = (prefix[0] & 0x10) !== 0;
  if (!isOdd && prefix[0] & 0x0f) refuse("the padding of a trie node's path is not zero");
  const nibbles = toHex(prefix).slice(isOdd ? 1 : 2);
  const isLeaf = prefix[0] >= 0x20;
  if (!content.length) refuse("a trie node is empty");
  if (isLeaf && nibbles.length !== left) refuse("a leaf's path does not end where a 32-byte key does");
  if (!isLeaf && !(nibbles.length > 0 && nibbles.length < left)) refuse("an extension's path is empty or too long");
  return { nibbles, isLeaf, content };
}

function embeddedNode(node) {
  if (node.length !== 2 && node.length !== 17) refuse("a trie node has 2 or 17 items");
  return writeRlp(node).length < 32 ? node : refuse("a trie node of 32 bytes or more is embedded");
}

export function accountAt(pool, stateRoot, address) {
  const raw = pool.valueAt(stateRoot, keccak256(address));
  if (raw === null) return null;
  const fields = readRlpList(raw);
  if (fields.length !== 4 || !isBytesOf(fields[2], 32) || !isBytesOf(fields[3], 32)) refuse("an account is malformed");
  rlpInteger(fields[0], 64);
  rlpInteger(fields[1]);
  return { storageRoot: fields[2], codeHash: fields[3] };
}

export function wordAt(pool, storageRoot, slot) {
  const raw = pool.valueAt(storageRoot, keccak256(slot));
  if (raw === null) return 0n;
  return rlpInteger(readRlp(raw)) || refuse("a storage trie holds a zero");
}
