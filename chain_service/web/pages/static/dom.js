// Elements and icons, made without markup.

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

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  for (const line of ICONS[name] || ICONS.indeterminate) {
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
