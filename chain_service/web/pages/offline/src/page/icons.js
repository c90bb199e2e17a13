// Icons of the page.

import { drawing } from "../../../static/dom.js";

const ICONS = {
  valid: ["M5 12.5 10 17.5 19.5 7"],
  invalid: ["M6.5 6.5 17.5 17.5", "M17.5 6.5 6.5 17.5"],
  indeterminate: ["M8.6 9.2a3.4 3.4 0 1 1 5.2 2.9c-1.2.8-1.8 1.4-1.8 2.7", "M12 18.2v.1"],
  error: ["M12 6v7.5", "M12 17.6v.1"],
  skipped: ["M7 12h10"],
  trust: ["M12 3.5 19 6v5.5c0 4.3-2.9 7.4-7 9-4.1-1.6-7-4.7-7-9V6z", "M8.8 12 11 14.2 15.4 9.6"],
  receipt: ["M6 3.5h12v17l-3-1.8-3 1.8-3-1.8-3 1.8z", "M9 8.5h6", "M9 12.5h6"],
  disclosure: ["M4 6.5h16v11H4z", "M7.3 14.4c.4-1.3 3.8-1.3 4.2 0", "M9.4 11.6v-.1", "M14.5 10.5h3", "M14.5 13.5h3"],
  file: ["M7 3.5h7l4 4v13H7z", "M14 3.5v4h4"],
  proof: ["M9.5 14.5 14.5 9.5", "M11 6.5 13 4.6a4 4 0 0 1 5.7 5.7L16.8 12", "M13 17.5l-2 1.9a4 4 0 0 1-5.7-5.7L7.2 12"],
};

const ALIKE = { passed: "valid", failed: "invalid", warning: "error", trial: "error" };
export const icon = (name) => drawing(ICONS[ALIKE[name] || name]);
