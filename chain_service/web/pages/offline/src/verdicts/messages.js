// Texts in both languages, filled with values.

// {name} is filled in; a part in square brackets is left out where one of its values is missing.
export function fill(template, values) {
  const whole = template.replace(/\[([^\]]*)\]/g, (_, part) => ([...part.matchAll(/\{(\w+)\}/g)].every(([, name]) => values[name]) ? part : ""));
  return whole.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

// Values are text, or text in both languages.
export const fillBoth = (text, values) => {
  const inLanguage = (language) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value !== null && typeof value === "object" ? value[language] : value]));
  return { zh: fill(text.zh, inLanguage("zh")), en: fill(text.en, inLanguage("en")) };
};

export const CHANGED = { zh: "验证节点此后已变更，该区块不能说明现在的状态", en: "the validators have changed since this block; it does not prove the state of today" };
export const RETIRED = { zh: "签署该区块的验证节点均已停用", en: "every validator that sealed the block has since been removed" };
export const UNKNOWN = { zh: "区块由该信任文件未列出的验证节点签署", en: "the block is sealed by validators that the trust file does not list" };
