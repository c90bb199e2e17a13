// Times as whoever reads has them on the wall.

import { element } from "../../../static/dom.js";
import { page, say } from "./state.js";

// A sentence in the page's language, its times in local time.
export const both = (pair) => pair[page.language].replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, (time) => moment(time).textContent);

export function ageWords(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [name, size] = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]].find(([, unit]) => seconds >= 2 * unit || unit === 1);
  return say(name, { n: String(Math.floor(seconds / size)) });
}

// Local time with its zone; a day alone where no clock is asked for.
export function moment(time, timeStyle = "medium") {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return time;
  const language = page.language === "zh" ? "zh-CN" : "en-GB";
  const words = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle });
  const zone = new Intl.DateTimeFormat(language, { timeZoneName: "shortOffset" }).formatToParts(date).find(({ type }) => type === "timeZoneName");
  return element("time", { datetime: time, title: time }, `${words.format(date)} ${zone ? zone.value : ""}`);
}
