// What is asked: the papers of one holder, or an identifier. What each paper is, the service tells by its bytes.

export const MOST_PAPERS = 10;
const LONGEST_FILE = 20 * 1024 * 1024;
const PATIENCE = 10_000;
const PATIENCE_A_MEGABYTE = 1_000;

export const sizeOf = (bytes) => (bytes < 100 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);

// The question about these files; one that is too large to send is asked about by its digest.
export async function questionOf(files, longest = LONGEST_FILE) {
  const form = new FormData();
  const byDigest = [];
  for (const file of files) {
    if (file.size <= longest) form.append("file", file, file.name);
    else if (byDigest.length === 0) {
      form.append("digest", `sha-256:${await digestOf(file)}`);
      byDigest.push(file);
    } else throw new Error("two large files");
  }
  return { request: { method: "POST", body: form }, byDigest, bytes: files.reduce((sum, file) => sum + Math.min(file.size, longest), 0) };
}

async function digestOf(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// {verdict}, {problem} or {failed: "network" | "timeout" | "cancelled"}; `cancel` is handed the function that ends it.
export async function send(request, bytes, cancel) {
  const control = new AbortController();
  let failed = "network";
  const stop = (why) => {
    failed = why;
    control.abort();
  };
  cancel(() => stop("cancelled"));
  const patience = setTimeout(() => stop("timeout"), PATIENCE + (bytes / 1024 / 1024) * PATIENCE_A_MEGABYTE);
  try {
    const response = await fetch("/v1/verify", { ...request, signal: control.signal, credentials: "omit", cache: "no-store" });
    const value = await response.json();
    return response.ok ? { verdict: value } : { problem: value };
  } catch {
    return { failed };
  } finally {
    clearTimeout(patience);
  }
}
