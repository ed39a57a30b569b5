// What the programs here and the page's modules are held to: `npx eslint -c tests/js/eslint.config.mjs …` from the root.
import js from "@eslint/js";
import globals from "globals";

const RULES = {
  ...js.configs.recommended.rules,
  eqeqeq: "error",
  "no-shadow": "error",
  "no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true, destructuredArrayIgnorePattern: "^_" }],
  "no-var": "error",
  "prefer-const": "error",
  "no-implicit-globals": "error",
};

// What would put text from a client in as markup, or run it.
const MARKUP = ["innerHTML", "outerHTML", "insertAdjacentHTML", "write", "writeln"].map((property) => ({
  property,
  message: "Text from clients is never markup: use h() and say() of dom.js.",
}));

export default [
  { ignores: ["**/node_modules/**"] },
  { files: ["tests/**/*.mjs"], languageOptions: { globals: globals.node }, rules: RULES },
  {
    files: ["mockpbx/console/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.audioWorklet } },
    rules: { ...RULES, "no-restricted-properties": ["error", ...MARKUP], "no-eval": "error", "no-implied-eval": "error", "no-console": ["error", { allow: ["error"] }] },
  },
];
