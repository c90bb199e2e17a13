// Shows a verdict: the certificate first, what it rests on folded below. Words from outside are set as text, escaped.

import { inChinese } from "./details.js";
import { CODED, EVIDENCE, TOLD } from "./evidence_names.js";
import { capitalised, drawing, element } from "./dom.js";
import { CHECKS, PAPERS, PARTS, VALUES } from "./labels.js";
import { MEMBERS } from "./members.js";
import { TEXTS } from "./texts.js";
import { visible } from "./visible.js";

const ICONS = {
  valid: ["M5 12.5 10 17.5 19.5 7"],
  invalid: ["M6.5 6.5 17.5 17.5", "M17.5 6.5 6.5 17.5"],
  compare: ["M12 6v7.5", "M12 17.6v.1"],
  indeterminate: ["M8.6 9.2a3.4 3.4 0 1 1 5.2 2.9c-1.2.8-1.8 1.4-1.8 2.7", "M12 18.2v.1"],
  error: ["M12 6v7.5", "M12 17.6v.1"],
  passed: ["M5 12.5 10 17.5 19.5 7"],
  failed: ["M6.5 6.5 17.5 17.5", "M17.5 6.5 6.5 17.5"],
  skipped: ["M7 12h10"],
  trial: ["M12 11v6", "M12 7.2v.1", "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18"],
  warning: ["M12 9.5v4.5", "M12 17.3v.1", "M12 3.5 2.8 20h18.4z"],
};
const icon = (name) => drawing(ICONS[name] || ICONS.indeterminate);

const OUTCOMES = { passed: "passed", failed: "failed", indeterminate: "outcomeIndeterminate", skipped: "skipped" };

// `language` is "zh" or "en"; `asked` is {names: [file names], fields: what was typed}.
export function verdictParts(verdict, language, asked) {
  return new Showing(language).verdict(verdict, asked);
}

export function problemPart(problem, language) {
  return new Showing(language).problem(problem);
}

export function failurePart(why, language) {
  const showing = new Showing(language);
  const part = showing.banner("error", showing.say("error"), showing.say(`${why}Message`), showing.say(`${why}Next`));
  if (why !== "cancelled") part.querySelector(".banner-words").append(element("p", { class: "banner-next" }, element("a", { href: "/offline.html" }, showing.say("offlineHint"))));
  return part;
}

class Showing {
  constructor(language) {
    this.language = language;
  }

  say(name) {
    return TEXTS[this.language][name];
  }

  pick(pair) {
    return pair[this.language === "zh" ? 0 : 1];
  }

  both(text) {
    const told = text ? visible(text[this.language] || text.en || text.zh || "") : "";
    return told.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (moment) => this.local(new Date(moment)));
  }

  // ---- banner ----

  verdict(verdict, asked) {
    const kind = this.kindOf(verdict);
    const word = this.say(kind);
    const next = kind === "compare" && verdict.code === "in_force" ? this.say("compareNext") : this.both(verdict.nextStep);
    const message = kind === "compare" ? (verdict.code === "in_force_not_compared" ? this.both(verdict.message) : this.say("compareMessage")) : this.both(verdict.message);
    const parts = [this.banner(kind, word, message, next, this.face(verdict, kind, asked))];
    if (verdict.chain && verdict.chain.assurance === "trial") parts.push(this.note("trial", [this.say("trial")]));
    const warnings = verdict.warnings || [];
    if (warnings.length) parts.push(this.note("warning", warnings.map((one) => this.both(one.message)), this.say("warnings")));
    parts.push(this.papers(verdict), this.record(verdict.record), this.checks(verdict.groups || []), this.facts(verdict));
    return parts.filter((part) => part !== null);
  }

  // Green only where what was presented was compared and is shown: `record.shown` is the service's word for that.
  kindOf(verdict) {
    if (verdict.verdict === "invalid") return "invalid";
    if (verdict.verdict !== "valid") return "indeterminate";
    const shown = verdict.record && verdict.record.shown === true;
    return verdict.code === "in_force_not_compared" || (verdict.record && !shown) ? "compare" : "valid";
  }

  banner(kind, word, message, next, face = null) {
    return element(
      "div",
      { class: `banner banner-${kind}`, "data-verdict": kind },
      element("span", { class: "banner-icon" }, icon(kind)),
      element(
        "div",
        { class: "banner-words" },
        element("h2", { class: "banner-word" }, word),
        message.toLowerCase() === word.toLowerCase() ? null : element("p", { class: "banner-message" }, message),
        face,
        next ? element("p", { class: "banner-next" }, element("strong", {}, `${this.say("nextStep")}  `), next) : null,
      ),
    );
  }

  // What a clerk compares with the paper: type, holder, number, issuer, dates, and what of it stays hidden.
  face(verdict, kind, asked) {
    const record = verdict.record;
    if (!record) return null;
    const members = record.members || {};
    const hidden = new Set(record.hidden || []);
    const names = record.names || {};
    const typed = verdict.code === "in_force_not_compared" ? asked.fields : {};
    const number = members.certificateNumber ?? members.documentNumber ?? typed.certificateNumber;
    const holders = Object.entries(members).filter(([name]) => /^holders\.\d+\.certificateHolderName$/.test(name));
    const holder = holders.length ? holders.map(([, name]) => visible(name)).join(this.language === "zh" ? "、" : ", ") : typed.certificateHolderName;
    const value = (text, ...paths) => (text !== undefined && text !== null ? visible(text) : kind !== "invalid" && paths.some((path) => hidden.has(path)) ? this.unseen() : null);
    const day = (...paths) => paths.map((path) => members[path]).find((found) => found !== undefined);
    const compared = kind === "valid" && number === undefined && asked.names.length ? asked.names.map(visible).join(", ") : null;
    return this.rows([
      [this.say(record.kind === "document" ? "document" : "type"), this.named(names.type, record.type)],
      [this.say("holderOnFace"), value(holder, "holders", "holders.0.certificateHolderName")],
      [this.say("numberOnFace"), value(number, "certificateNumber", "documentNumber")],
      [this.say("org"), this.named(names.issuer, record.org)],
      [capitalised(this.pick(MEMBERS.certificateIssuedDate)), day("certificateIssuedDate", "issuedDate")],
      [capitalised(this.pick(MEMBERS.certificateExpiringDate)), day("certificateExpiringDate", "expiringDate")],
      [this.say("comparedFile"), compared],
    ], "rows face");
  }

  unseen() {
    return element("span", { class: "unshown" }, this.say("notShown"));
  }

  named(name, code) {
    if (!name || !name.name) return name && name.code ? element("code", {}, visible(name.code)) : code ? element("code", {}, visible(code)) : null;
    const note = name.source === "record" && name.note ? element("span", { class: "as-stated" }, this.both(name.note)) : null;
    return element("span", {}, visible(name.name), note);
  }

  problem(problem) {
    if (!problem || !problem.message) return failurePart("network", this.language);
    const part = this.banner("error", this.say("error"), this.both(problem.message), this.say(problem.code === "identifier_mistyped" ? "mistypedNext" : "retryNext"));
    const words = part.querySelector(".banner-words");
    const mistyped = problem.code === "identifier_mistyped" && problem.errors && problem.errors[0];
    if (mistyped) words.append(element("p", { class: "banner-detail" }, this.both(mistyped.message)));
    else if (problem.detail) words.append(element("p", { class: "banner-detail", lang: "en" }, visible(problem.detail)));
    const note = [`${this.say("code")} ${problem.code}`];
    if (problem.requestId) note.push(`${this.say("requestId")} ${problem.requestId}`);
    words.append(element("p", { class: "banner-code" }, note.join(" · ")));
    return part;
  }

  // ---- below ----

  note(kind, lines, heading) {
    return element(
      "div",
      { class: `note note-${kind}`, role: "note" },
      icon(kind),
      element("div", {}, heading ? element("h3", {}, heading) : null, ...lines.map((line) => element("p", {}, line))),
    );
  }

  rows(pairs, name = "rows") {
    const list = element("dl", { class: name });
    for (const [label, value] of pairs) {
      if (value === null || value === undefined || value === "") continue;
      list.append(element("div", { class: "row" }, element("dt", {}, label), element("dd", {}, value)));
    }
    return list;
  }

  folded(heading, ...content) {
    return element("details", { class: "card part folded" }, element("summary", {}, element("h3", {}, heading)), ...content);
  }

  papers(verdict) {
    const parse = (verdict.groups || []).flatMap((group) => group.checks).find((check) => check.evidence && check.evidence.papers);
    if (!parse) return null;
    const lines = parse.evidence.papers.map((paper) =>
      element(
        "li",
        { class: paper.code ? "paper paper-wrong" : "paper" },
        element("span", { class: "chip-kind" }, PAPERS[paper.kind] ? this.pick(PAPERS[paper.kind]) : paper.kind),
        element("span", { class: "paper-name" }, visible(paper.paper)),
        element("span", { class: "paper-place" }, paper.belongsTo ? `${this.say("belongsTo")} ${visible(paper.belongsTo)}` : paper.kind === "trust" ? "" : this.say("belongsToNothing")),
      ),
    );
    return element("section", { class: "card part" }, element("h3", {}, this.say("papers")), element("ul", { class: "papers" }, ...lines));
  }

  facts(verdict) {
    const chain = verdict.chain || {};
    return this.folded(
      this.say("facts"),
      this.rows([
        [this.say("block"), chain.block === undefined ? null : this.shown(chain.block)],
        [this.say("blockTime"), chain.time ? this.moment(chain.time) : null],
        [this.say("chain"), chain.id === undefined ? null : this.shown(chain.id)],
        [this.say("assurance"), chain.assurance ? this.say(chain.assurance) || chain.assurance : null],
        [this.say("includedBy"), verdict.includedBy ? this.moment(verdict.includedBy) : null],
        [this.say("statusAsOf"), verdict.statusAsOf ? this.moment(verdict.statusAsOf) : null],
        [this.say("askedAt"), verdict.at ? this.moment(verdict.at) : null],
        [this.say("code"), element("code", {}, verdict.code)],
      ]),
    );
  }

  record(record) {
    if (!record) return null;
    const members = Object.entries(record.members || {})
      .filter(([name]) => name !== "kind")
      .sort(([one], [other]) => place(one) - place(other) || 0);
    const has = (value) => members.some(([, shown]) => shown === value);
    const hidden = record.hidden || [];
    return this.folded(
      this.say("members"),
      this.rows([
        [this.say("kind"), this.shown(record.kind)],
        [this.say("status"), record.status ? this.shown(record.status) : null],
        ...members.map(([name, value]) => [capitalised(this.memberName(name, record.labels)), this.asWritten(value, name)]),
        [this.say("orgCode"), record.org && !has(record.org) ? this.shown(record.org) : null],
        [this.say("typeCode"), record.type && !has(record.type) ? this.shown(record.type) : null],
        [this.say("hidden"), hidden.length ? hidden.map((name) => this.memberName(name, record.labels)).join(this.language === "zh" ? "、" : ", ") : null],
        [this.say("anchoredAt"), record.anchoredAt ? this.moment(record.anchoredAt) : null],
      ]),
    );
  }

  // Sector fields by the labels of the certificate's type, where it has some.
  memberName(path, labels = {}) {
    const parts = path.split(".");
    const field = parts.slice(1).join(".");
    if (parts[0] === "extension" && field) return Object.hasOwn(labels, field) ? this.both(labels[field]) : `${this.pick(MEMBERS.extension)} ${visible(field)}`;
    const last = parts[parts.length - 1];
    const label = MEMBERS[last] ? this.pick(MEMBERS[last]) : visible(last);
    return parts[0] === "holders" && Number(parts[1]) > 0 ? `${label} ${Number(parts[1]) + 1}` : label;
  }

  checks(groups) {
    return element(
      "section",
      { class: "card part" },
      element("h3", {}, this.say("checks")),
      ...groups.map((group) => {
        const name = group.name === "signature" ? this.say("groupSignature") : this.say("groupRecord");
        return element(
          "div",
          { class: "group" },
          groups.length > 1 || group.subject ? element("h4", {}, name, element("span", { class: "subject" }, visible(group.subject || ""))) : null,
          ...group.checks.map((check) => this.check(check)),
        );
      }),
    );
  }

  check(check) {
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
          element("span", { class: "check-name" }, CHECKS[check.name] ? this.pick(CHECKS[check.name]) : check.name),
          element("span", { class: "check-message" }, this.both(check.message)),
        ),
        element(
          "span",
          { class: "check-outcome" },
          element("span", { class: "check-outcome-word" }, this.say(check.code === "not_reached" ? "notJudged" : OUTCOMES[outcome])),
        ),
      ),
      element(
        "div",
        { class: "evidence" },
        this.rows([[this.say("code"), element("code", {}, check.code)], ...evidence.map(([name, value]) => [this.evidenceName(name), this.evidence(name, value)])]),
        evidence.length ? null : element("p", { class: "hint" }, this.say("noEvidence")),
      ),
    );
  }

  evidenceName(name) {
    const known = EVIDENCE[name] || MEMBERS[name];
    return known ? capitalised(this.pick(known)) : visible((this.language === "zh" && inChinese(name)) || name);
  }

  evidence(name, value) {
    if (name === "kind" && Object.hasOwn(PAPERS, value)) return this.pick(PAPERS[value]);
    if (name === "part" && PARTS[value]) return this.pick(PARTS[value]);
    if (Object.hasOwn(CODED, name) && Object.hasOwn(CODED[name], value)) return this.pick(CODED[name][value]);
    if (value && value.zh && value.en) return this.both(value);
    return TOLD.has(name) ? this.told(value) : this.shown(value);
  }

  told(value) {
    if (typeof value !== "string") return this.shown(value, (item) => this.told(item));
    const told = this.language === "zh" ? inChinese(value) : null;
    return told === null ? element("span", { lang: "en" }, this.shown(value)) : visible(told);
  }

  shown(value, each = (item) => this.shown(item)) {
    if (value === null || value === undefined) return "—";
    if (typeof value === "boolean") return value ? this.say("yes") : this.say("no");
    if (typeof value === "number") return String(value);
    if (typeof value === "string") {
      if (Object.hasOwn(VALUES, value)) return this.pick(VALUES[value]);
      if (/^\d{4}-\d\d-\d\dT/.test(value)) return this.moment(value);
      return /^(0x|sha-256:|sm3:)?[0-9a-f]{24,}$/.test(value) ? element("code", {}, value) : visible(value);
    }
    if (Array.isArray(value)) {
      if (value.length === 0) return "—";
      if (value.length === 1) return each(value[0]);
      return element("ol", { class: "values" }, ...value.map((item) => element("li", {}, each(item))));
    }
    return this.rows(Object.entries(value).map(([name, item]) => [this.evidenceName(name), this.evidence(name, item)]));
  }

  // What a record holds, as it is written there: no word of it is taken for one of ours.
  asWritten(value, path) {
    const inner = (item) => this.asWritten(item, path);
    if (Array.isArray(value)) return this.shown(value, inner);
    if (value !== null && typeof value === "object") return this.rows(Object.entries(value).map(([name, item]) => [path === "files" ? this.evidenceName(name) : visible(name), inner(item)]));
    return typeof value === "string" && Object.hasOwn(VALUES, value) ? visible(value) : this.shown(value);
  }

  // Everywhere the clock of whoever reads, with its zone.
  moment(text) {
    const date = new Date(text);
    if (Number.isNaN(date.getTime())) return visible(text);
    return element("time", { datetime: text, title: text }, this.local(date));
  }

  local(date) {
    const language = this.language === "zh" ? "zh-CN" : "en-GB";
    const format = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
    const parts = new Intl.DateTimeFormat(language, { timeZoneName: "shortOffset" }).formatToParts(date);
    const zone = parts.find(({ type }) => type === "timeZoneName"); // Chinese would have it between date and time
    return `${new Intl.DateTimeFormat(language, format).format(date)}${zone ? ` ${zone.value}` : ""}`;
  }
}

// What a clerk compares first comes first; members without a word of ours come last.
function place(path) {
  if (path.startsWith("extension.")) return Infinity;
  const known = Object.keys(MEMBERS).indexOf(path.split(".").pop());
  return known < 0 ? Infinity : known;
}
