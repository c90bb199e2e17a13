// The contracts as Hardhat compiles and runs them: one way through all five.
const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");

const { BrowserProvider, ContractFactory, concat, encodeBytes32String, id, keccak256, toBeHex, zeroPadBytes } =
  require("ethers");
const hardhat = require("hardhat");

const NAMES = ["Organisations", "RecordLog", "RecordStatus", "SealRegistry", "CatalogRegistry"];
const ORGANISATION = encodeBytes32String("11310000MB2F30012A");
const LOG = ORGANISATION;
const ZERO = zeroPadBytes("0x", 32);
const ALL_RIGHTS = 15;

const sha256 = (...parts) => "0x" + createHash("sha256").update(Buffer.from(concat(parts).slice(2), "hex")).digest("hex");
const leaf = (entry) => sha256("0x00", entry);
const node = (left, right) => sha256("0x01", left, right);

describe("The contracts", () => {
  let registrar, clerk, contracts;

  const refuses = async (call, name) => {
    await assert.rejects(call, (error) => {
      const errors = NAMES.map((contract) => contracts[contract].interface.parseError(error.data ?? "0x"));
      return errors.some((found) => found?.name === name);
    });
  };

  beforeEach(async () => {
    const provider = new BrowserProvider(hardhat.network.provider, undefined, { cacheTimeout: -1 });
    [registrar, clerk] = [await provider.getSigner(0), await provider.getSigner(1)];
    contracts = {};
    const deploy = async (name, ...args) => {
      const { abi, bytecode } = await hardhat.artifacts.readArtifact(name);
      contracts[name] = await new ContractFactory(abi, bytecode, registrar).deploy(...args);
      return contracts[name].getAddress();
    };
    const organisations = await deploy("Organisations", registrar.address);
    const recordLog = await deploy("RecordLog", organisations);
    await deploy("RecordStatus", organisations, recordLog);
    await deploy("SealRegistry", organisations);
    await deploy("CatalogRegistry", organisations);
    await contracts.Organisations.registerOrganisations([[ORGANISATION, "某市民政局", id("log key")]]);
    await contracts.Organisations.setRights([[clerk.address, ORGANISATION, ALL_RIGHTS]]);
  });

  it("are compiled to the very code that the Python package carries", async () => {
    for (const name of NAMES) {
      const built = await hardhat.artifacts.readArtifact(name);
      const packaged = require(`../../chain_service/chain/artifacts/${name}.json`);
      assert.equal(built.bytecode, packaged.bytecode);
      assert.equal(built.deployedBytecode, packaged.deployedBytecode);
    }
  });

  it("accept a head that continues the log, and no other", async () => {
    const log = contracts.RecordLog.connect(clerk);
    const first = leaf(await log.foundingEntry(LOG));
    const [second, third] = [leaf(id("a record")), leaf(id("another"))];
    await log.advance(LOG, 2, node(first, second), [second]);
    await refuses(log.advance(LOG, 2, node(first, second), []), "AlreadyAnchored");
    await refuses(log.advance(LOG, 3, node(node(second, first), third), [third]), "HeadConflict");
    await log.advance(LOG, 3, node(node(first, second), third), [third]);
    assert.equal(await log.sizeOf(LOG), 3n);
    assert.equal(await log.verifyInclusion(LOG, 3, 2, id("another"), [node(first, second)]), true);
    assert.equal(await log.verifyInclusion(LOG, 3, 1, id("another"), [node(first, second)]), false);
  });

  it("keep the status of a record and let nobody but the entitled change it", async () => {
    const root = leaf(await contracts.RecordLog.foundingEntry(LOG));
    const other = leaf(id("a record"));
    await contracts.RecordLog.connect(clerk).advance(LOG, 2, node(root, other), [other]);
    const revocation = [1n | (2n << 64n) | (1n << 72n), id("why")];
    await refuses(contracts.RecordStatus.set(LOG, [revocation]), "MissingRight");
    await contracts.RecordStatus.connect(clerk).set(LOG, [revocation]);
    assert.equal(await contracts.RecordStatus.statusOf(LOG, 1), 2n);
    await refuses(contracts.RecordStatus.connect(clerk).set(LOG, [revocation]), "IllegalTransition");
  });

  it("register seals and catalog entries of the organisation", async () => {
    const seals = contracts.SealRegistry.connect(clerk);
    await seals.register([["31011500000042", ORGANISATION, id("seal"), id("seal"), 1, 0, 1, [id("certificate")]]]);
    assert.equal(await seals.factAt(id("31011500000042"), 0), ORGANISATION);
    await refuses(seals.register([["p", ORGANISATION, id("seal"), id("seal"), 5, 0, 1, []]]), "PersonalSeal");
    const catalogs = contracts.CatalogRegistry.connect(clerk);
    const version = [keccak256(toBeHex(1)), 1n | (1n << 64n), ZERO, id("version")];
    await catalogs.publish(ORGANISATION, [version]);
    await refuses(catalogs.publish(ORGANISATION, [version]), "CatalogConflict");
  });
});
