// The files that a record lists by their digests.

export const filesListed = (content) => (content.members.get("files") || []).map((file) => Object.fromEntries(file.get("digests")));

// There is a digest to compare, and none differs.
export function agrees(digests, known) {
  const shared = Object.keys(digests).filter((name) => Object.hasOwn(known, name));
  return shared.length > 0 && shared.every((name) => digests[name] === known[name]);
}
