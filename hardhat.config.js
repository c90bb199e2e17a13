// The contracts with Hardhat: the same sources, settings and local compiler as scripts/compile_contracts.py.
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");
const { subtask } = require("hardhat/config");

const { version, ...settings } = require("./contracts/settings.json");

// Hardhat would download a compiler; the npm package is one.
subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD).setAction(async ({ solcVersion }) => {
  const longVersion = require("solc").version().replace(".Emscripten.clang", "");
  if (solcVersion !== version || !longVersion.startsWith(`${version}+`)) {
    throw new Error(`contracts/settings.json asks for solc ${version}, node_modules has ${longVersion}: run "npm ci"`);
  }
  return { compilerPath: require.resolve("solc/soljson.js"), isSolcJs: true, version, longVersion };
});

/** @type {import("hardhat/config").HardhatUserConfig} */
module.exports = {
  solidity: { version, settings },
  networks: { hardhat: { hardfork: "berlin" } },
  paths: { sources: "contracts", tests: "tests/contracts", cache: "cache", artifacts: "hardhat-artifacts" },
};
