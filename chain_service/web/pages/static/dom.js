// Elements and drawings, made without markup: every text of both pages goes through here.

import { visible } from "./visible.js";

export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : visible(value));
  }
  const given = children.flat().filter((child) => child !== null && child !== undefined);
  made.append(...given.map((child) => (typeof child === "string" ? visible(child) : child)));
  return made;
}

// A word of a table at the beginning of a row.
export const capitalised = (word) => word.charAt(0).toUpperCase() + word.slice(1);

// A picture of 24 by 24 that consists of these paths.
export function drawing(paths) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const line of paths) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
