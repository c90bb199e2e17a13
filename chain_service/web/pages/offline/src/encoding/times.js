// Moments in unix seconds, and days as the calendar of China (UTC+8) has them.

import { refuse } from "../errors.js";

export const LAST_SECOND = 253402300799;
export const rfc3339 = (moment) => new Date(Math.min(moment, LAST_SECOND) * 1000).toISOString().replace(".000Z", "Z");
export const localDay = (moment) => rfc3339(Math.min(moment, LAST_SECOND - 28800) + 28800).slice(0, 10);
export const CLOCK_SKEW = 5; // seconds that the moment asked about may lie ahead
export const dayNumber = (date) => Date.parse(date) / 86400000;
export const dateOfDay = (number) => (number < 2932897 ? rfc3339(number * 86400).slice(0, 10) : null);

// Unix seconds of an RFC 3339 time; without a zone it is UTC+8, and a bare date is its beginning.
export function readMoment(written) {
  const found = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:[0-5]\d)?$/.exec(written.trim());
  const [, day, clock = "00:00", zone = "+08:00"] = found || refuse("an RFC 3339 time is needed");
  const moment = new Date(`${day}T${clock}${zone.toUpperCase()}`).getTime() / 1000;
  const isDay = new Date(dayNumber(day) * 86400000 || 0).toISOString().startsWith(day);
  return isDay && day >= "1970" && clock < "24" && moment >= 0 ? moment : refuse("the time is not one since 1970");
}
