// Asks POST /v1/verify and shows the verdict. Every word from outside is set as text, never as markup.

import { element, icon } from "./dom.js";
import { CHECKS, MEMBERS, TEXTS, VALUES } from "./texts.js";

const byId = (id) => document.getElementById(id);
const KINDS = { file: "kindFile", disclosure: "kindDisclosure", receipt: "kindProof" };
const MAX_JSON = 1024 * 1024;
const OUTCOMES = { passed: "passed", failed: "failed", indeterminate: "outcomeIndeterminate", skipped: "skipped" };
const state = { language: "zh", chosen: {}, shown: null, asked: 0 };

const say = (name) => TEXTS[state.language][name];
const pick = (pair) => pair[state.language === "zh" ? 0 : 1];
const both = (text) => (text ? text[state.language] || text.en || text.zh || "" : "");

// ---- what is asked ----

async function kindOf(file) {
  if (file.size > MAX_JSON) return "file";
  try {
    const value = JSON.parse(await file.text());
    if (value && typeof value === "object" && !Array.isArray(value)) {
      if ("salt" in value || ("covered" in value && "open" in value)) return "disclosure";
      if ("entry" in value && "path" in value) return "receipt";
    }
  } catch {
    return "file";
  }
  return "file";
}

async function choose(files) {
  for (const file of files) state.chosen[await kindOf(file)] = file;
  forget();
  showChosen();
}

// A verdict never stands beside a question that it does not answer.
function forget() {
  state.asked++;
  state.shown = null;
  byId("busy").hidden = true;
  render();
}

function showChosen() {
  const list = byId("chosen");
  list.replaceChildren(
    ...Object.keys(KINDS)
      .filter((kind) => state.chosen[kind])
      .map((kind) => {
        const file = state.chosen[kind];
        const remove = element("button", { type: "button", class: "remove", "aria-label": `${say("remove")} ${file.name}` }, "×");
        remove.addEventListener("click", () => {
          delete state.chosen[kind];
          forget();
          showChosen();
          byId("files").focus();
        });
        return element(
          "li",
          { class: `chip chip-${kind}` },
          element("span", { class: "chip-kind" }, say(KINDS[kind])),
          element("span", { class: "chip-name" }, file.name),
          remove,
        );
      }),
  );
  byId("panel-files").querySelector("button[type=submit]").disabled = Object.keys(state.chosen).length === 0;
}

function verifyFiles(event) {
  event.preventDefault();
  const form = new FormData();
  for (const [kind, file] of Object.entries(state.chosen)) form.append(kind, file, file.name);
  ask({ method: "POST", body: form });
}

function verifyIdentifier(event) {
  event.preventDefault();
  const question = {};
  let wrong = null;
  for (const input of event.currentTarget.querySelectorAll("input")) {
    const text = input.value.trim();
    const missing = text === "";
    byId(`${input.id}-error`).textContent = missing ? say("required") : "";
    input.setAttribute("aria-invalid", String(missing));
    if (missing && !wrong) wrong = input;
    question[input.name] = text;
  }
  if (wrong) {
    forget();
    wrong.focus();
    return;
  }
  ask({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(question) });
}

async function ask(request) {
  const turn = ++state.asked;
  byId("busy").hidden = false;
  byId("answer").hidden = true;
  let shown;
  try {
    const response = await fetch("/v1/verify", { ...request, credentials: "omit", cache: "no-store" });
    const value = await response.json();
    shown = response.ok ? { verdict: value } : { problem: value };
  } catch {
    shown = { problem: null };
  }
  if (turn !== state.asked) return;
  byId("busy").hidden = true;
  state.shown = shown;
  render();
  const answer = byId("answer");
  answer.focus({ preventScroll: true });
  answer.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
}

// ---- what is answered ----

function render() {
  const answer = byId("answer");
  answer.hidden = state.shown === null;
  if (state.shown === null) answer.replaceChildren();
  else if (state.shown.verdict) answer.replaceChildren(...verdictParts(state.shown.verdict));
  else answer.replaceChildren(problemPart(state.shown.problem));
}

function banner(kind, word, message, next) {
  return element(
    "div",
    { class: `banner banner-${kind}`, "data-verdict": kind },
    element("span", { class: "banner-icon" }, icon(kind)),
    element(
      "div",
      { class: "banner-words" },
      element("h2", { class: "banner-word" }, word),
      message.toLowerCase() === word.toLowerCase() ? null : element("p", { class: "banner-message" }, message),
      next ? element("p", { class: "banner-next" }, element("strong", {}, `${say("nextStep")}  `), next) : null,
    ),
  );
}

function problemPart(problem) {
  if (!problem || !problem.message) return banner("error", say("error"), say("networkMessage"), say("networkNext"));
  const part = banner("error", say("error"), both(problem.message), say("retryNext"));
  const words = part.querySelector(".banner-words");
  if (problem.detail) words.append(element("p", { class: "banner-detail", lang: "en" }, problem.detail));
  const note = [`${say("code")} ${problem.code}`];
  if (problem.requestId) note.push(`${say("requestId")} ${problem.requestId}`);
  words.append(element("p", { class: "banner-code" }, note.join(" · ")));
  return part;
}

function verdictParts(verdict) {
  const kind = ["valid", "invalid"].includes(verdict.verdict) ? verdict.verdict : "indeterminate";
  const parts = [banner(kind, say(kind), both(verdict.message), both(verdict.nextStep))];
  if (verdict.chain && verdict.chain.assurance === "trial") parts.push(note("trial", [say("trial")]));
  if (verdict.warnings && verdict.warnings.length) parts.push(note("warning", verdict.warnings.map((w) => both(w.message)), say("warnings")));
  parts.push(factsPart(verdict), recordPart(verdict.record), checksPart(verdict.groups || []));
  return parts.filter((part) => part !== null);
}

function note(kind, lines, heading) {
  return element(
    "div",
    { class: `note note-${kind}`, role: "note" },
    icon(kind),
    element("div", {}, heading ? element("h3", {}, heading) : null, ...lines.map((line) => element("p", {}, line))),
  );
}

function rows(pairs) {
  const list = element("dl", { class: "rows" });
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(element("div", { class: "row" }, element("dt", {}, name), element("dd", {}, value)));
  }
  return list;
}

function factsPart(verdict) {
  const chain = verdict.chain || {};
  return element(
    "section",
    { class: "card part" },
    element("h3", {}, say("facts")),
    rows([
      [say("block"), chain.block === undefined ? null : shown(chain.block)],
      [say("blockTime"), chain.time ? moment(chain.time) : null],
      [say("chain"), chain.id === undefined ? null : shown(chain.id)],
      [say("assurance"), chain.assurance ? say(chain.assurance) || chain.assurance : null],
      [say("includedBy"), verdict.includedBy ? moment(verdict.includedBy) : null],
      [say("statusAsOf"), verdict.statusAsOf ? moment(verdict.statusAsOf) : null],
      [say("askedAt"), verdict.at ? moment(verdict.at) : null],
      [say("code"), element("code", {}, verdict.code)],
    ]),
  );
}

function recordPart(record) {
  if (!record) return null;
  const members = Object.entries(record.members || {})
    .filter(([name]) => name !== "kind")
    .sort(([one], [other]) => place(one) - place(other) || 0);
  return element(
    "section",
    { class: "card part" },
    element("h3", {}, say("members")),
    rows([
      [say("kind"), shown(record.kind)],
      [say("status"), record.status ? shown(record.status) : null],
      ...members.map(([name, value]) => [memberName(name), shown(value)]),
      [say("org"), record.org && !has(members, record.org) ? shown(record.org) : null],
      [say("type"), record.type && !has(members, record.type) ? shown(record.type) : null],
      [say("anchoredAt"), record.anchoredAt ? moment(record.anchoredAt) : null],
    ]),
  );
}

function has(members, value) {
  return members.some(([, shownValue]) => shownValue === value);
}

// What a clerk compares first comes first; members without a word of ours come last.
function place(path) {
  const known = Object.keys(MEMBERS).indexOf(path.split(".").pop());
  return known < 0 ? Infinity : known;
}

function memberName(path) {
  const parts = path.split(".");
  const last = parts[parts.length - 1];
  const label = MEMBERS[last] ? pick(MEMBERS[last]) : last;
  return parts[0] === "holders" && Number(parts[1]) > 0 ? `${label} ${Number(parts[1]) + 1}` : label;
}

function checksPart(groups) {
  return element(
    "section",
    { class: "card part" },
    element("h3", {}, say("checks")),
    ...groups.map((group) => {
      const name = group.name === "signature" ? say("groupSignature") : say("groupRecord");
      return element(
        "div",
        { class: "group" },
        groups.length > 1 || group.subject ? element("h4", {}, name, element("span", { class: "subject" }, group.subject || "")) : null,
        ...group.checks.map(checkPart),
      );
    }),
  );
}

function checkPart(check) {
  const outcome = OUTCOMES[check.outcome] ? check.outcome : "indeterminate";
  const evidence = Object.entries(check.evidence || {});
  return element(
    "details",
    { class: `check check-${outcome}`, open: outcome === "failed" || outcome === "indeterminate" },
    element(
      "summary",
      {},
      element("span", { class: "check-icon" }, icon(outcome)),
      element(
        "span",
        { class: "check-words" },
        element("span", { class: "check-name" }, CHECKS[check.name] ? pick(CHECKS[check.name]) : check.name),
        element("span", { class: "check-message" }, both(check.message)),
      ),
      element(
        "span",
        { class: "check-outcome" },
        element("span", { class: "check-outcome-word" }, say(check.code === "not_reached" ? "notJudged" : OUTCOMES[outcome])),
      ),
    ),
    element(
      "div",
      { class: "evidence" },
      rows([[say("code"), element("code", {}, check.code)], ...evidence.map(([name, value]) => [name, shown(value)])]),
      evidence.length ? null : element("p", { class: "hint" }, say("noEvidence")),
    ),
  );
}

function shown(value) {
  if (value === null || value === undefined) return "—";
  if (typeof value === "boolean") return value ? say("yes") : say("no");
  if (typeof value === "number") return String(value);
  if (typeof value === "string") {
    if (VALUES[value]) return pick(VALUES[value]);
    if (/^\d{4}-\d\d-\d\dT/.test(value)) return moment(value);
    return /^(0x|sha-256:|sm3:)?[0-9a-f]{24,}$/.test(value) ? element("code", {}, value) : value;
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return "—";
    if (value.length === 1) return shown(value[0]);
    return element("ol", { class: "values" }, ...value.map((item) => element("li", {}, shown(item))));
  }
  return rows(Object.entries(value).map(([name, item]) => [MEMBERS[name] ? pick(MEMBERS[name]) : name, shown(item)]));
}

function moment(text) {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const words = new Intl.DateTimeFormat(state.language === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "medium" });
  return element("time", { datetime: text, title: text }, words.format(date));
}

// ---- the page itself ----

function speak(language) {
  state.language = language;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("documentTitle");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  for (const node of document.querySelectorAll(".field-error")) node.textContent = node.textContent ? say("required") : "";
  showChosen();
  render();
}

function open(tab) {
  forget();
  for (const other of document.querySelectorAll("[role=tab]")) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !on;
  }
}

function start() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(index + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => speak(button.dataset.language));
  }
  const input = byId("files");
  input.addEventListener("change", async () => {
    await choose([...input.files]);
    input.value = "";
  });
  const drop = document.querySelector(".drop");
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    choose([...event.dataTransfer.files]);
  });
  byId("panel-identifier").addEventListener("input", forget);
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  byId("panel-files").addEventListener("submit", verifyFiles);
  byId("panel-identifier").addEventListener("submit", verifyIdentifier);
  speak((navigator.languages || [navigator.language]).some((name) => /^zh/i.test(name)) ? "zh" : "en");
}

start();
