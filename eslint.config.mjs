// Lints the scripts of both pages: `npm run lint`. What each part may use of the browser is listed, so that nothing else
// creeps in: the offline page has no way out, and what judges in it has no document either.

import js from "@eslint/js";

const named = (names) => Object.fromEntries(names.split(" ").map((name) => [name, "readonly"]));
const PAGES = "chain_service/web/pages";
const SHARED = named("document");
const JUDGING = named("atob DecompressionStream setTimeout TextDecoder TextEncoder");
const SHOWING = named("btoa document localStorage matchMedia navigator performance window");
const ASKING = named("AbortController clearTimeout crypto document fetch FormData matchMedia navigator scrollTo setTimeout window");
const using = (files, globals) => ({ files: files.map((name) => `${PAGES}/${name}`), languageOptions: { globals } });

export default [
  {
    files: [`${PAGES}/**/*.js`],
    languageOptions: { ecmaVersion: 2023, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      ...js.configs.recommended.rules,
      eqeqeq: "error",
      "no-undef": "error",
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
      "no-var": "error",
      "one-var": ["error", "never"],
      "prefer-const": ["error", { destructuring: "all" }],
    },
  },
  using(["offline/src/**/*.js"], JUDGING),
  using(["offline/src/page/*.js"], SHOWING),
  using(["static/dom.js"], SHARED),
  using(["static/app.js", "static/asking.js", "static/verdict.js"], ASKING),
];
