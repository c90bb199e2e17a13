// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./IVersioned.sol";

/// @dev The four rights an account can hold over an organisation; a rights mask is their sum, 0 stops the account.
uint8 constant RIGHT_ANCHOR = 1;
uint8 constant RIGHT_STATUS = 2;
uint8 constant RIGHT_SEAL = 4;
uint8 constant RIGHT_CATALOG = 8;

/// @title Who may act for whom, with which right; permits; log keys
/// @notice The owner is the registrar; the office is handed over in two steps and cannot be given up.
///         An organisation is its unified social credit code: 18 ASCII bytes, left-aligned in a bytes32.
///         Histories (log keys, permits) count from 0 without gap. The caller names the position of each new entry, so
///         that a repeated or reordered call fails instead of writing twice; an absent n+1 proves that n is the latest.
/// @dev Storage, read by offline proofs and never moved:
///      slot 2 `standing[organisation]`: bit 0 registered, bit 1 suspended, bits 8..39 generation;
///      slot 3 `rights[account][organisation]`: mask;
///      slot 4 `logKey[organisation][n]`: Ed25519 public key;
///      slot 5 `permit[keccak256(abi.encode(organisation, certificateType))][n]`:
///      action (8 bits) | from << 8 (32) | until << 40 (32) | recordedAt << 72 (64).
interface IOrganisations is IVersioned {
    /// @param organisation Unified social credit code (GB 32100) by its shape; its check characters are not looked at.
    /// @param name Public name, kept in the event only: 1 to 800 bytes, which nobody checks to be UTF-8.
    /// @param logKey Ed25519 public key that signs the organisation's receipts; becomes entry 0 of its key history.
    struct Registration {
        bytes32 organisation;
        string name;
        bytes32 logKey;
    }

    struct Suspension {
        bytes32 organisation;
        bool suspended;
    }

    /// @param rights The whole new mask of the account over the organisation; 0 takes everything away.
    struct RightsGrant {
        address account;
        bytes32 organisation;
        uint8 rights;
    }

    struct LogKey {
        bytes32 organisation;
        uint256 n;
        bytes32 key;
    }

    struct Generation {
        bytes32 organisation;
        uint32 generation;
    }

    /// @param certificateType keccak256 of the type code in UTF-8.
    /// @param action 1 grant, 2 end.
    /// @param from First permitted day of a grant, in days since 1970-01-01; 0 for an end.
    /// @param until Last permitted day, included; 2^32-1 leaves a grant open. An end cuts whatever is longer.
    struct Permit {
        bytes32 organisation;
        bytes32 certificateType;
        uint256 n;
        uint8 action;
        uint32 from;
        uint32 until;
    }

    event OrganisationRegistered(bytes32 indexed organisation, string name);
    event OrganisationSuspended(bytes32 indexed organisation, bool suspended);
    event RightsSet(address indexed account, bytes32 indexed organisation, uint8 rights);
    event LogKeyAdded(bytes32 indexed organisation, uint256 n, bytes32 key);
    event GenerationOpened(bytes32 indexed organisation, uint32 generation);
    event PermitRecorded(
        bytes32 indexed organisation,
        bytes32 indexed certificateType,
        uint256 n,
        uint8 action,
        uint32 from,
        uint32 until
    );

    /// @notice Not 2 characters, 6 digits and 10 characters followed by zero bytes, a character being one of 0-9 and A-Z
    ///         without I, O, S, V, Z.
    error MalformedOrganisation(bytes32 organisation);
    /// @notice A name of no bytes, or of more than 800.
    error MalformedName(bytes32 organisation);
    error OrganisationExists(bytes32 organisation);
    error UnknownOrganisation(bytes32 organisation);
    error SuspendedOrganisation(bytes32 organisation);
    error MissingRight(address account, bytes32 organisation, uint8 right);
    /// @notice A mask with bits beyond the four rights.
    error MalformedRights(uint8 rights);
    /// @notice An Ed25519 key of 32 zero bytes, which could not be told from an absent one.
    error MalformedLogKey(bytes32 organisation);
    /// @notice Unknown action, a grant that ends before it begins, or an end that names a first day.
    error MalformedPermit(bytes32 organisation, bytes32 certificateType, uint256 n);
    /// @notice Entry n exists already, or n-1 does not.
    error HistoryConflict(bytes32 key, uint256 n);
    /// @notice The generation to open is not the one after `current`.
    error GenerationConflict(bytes32 organisation, uint32 current, uint32 generation);
    /// @notice Without a registrar nobody could be suspended any more.
    error RegistrarRequired();

    /// @notice Registers organisations, generation 0, not suspended, with their first log key. Registrar only.
    function registerOrganisations(Registration[] calldata registrations) external;

    /// @notice Suspends organisations or ends their suspension. A suspended one can write nothing. Registrar only.
    function setSuspended(Suspension[] calldata suspensions) external;

    /// @notice Sets the mask of accounts over organisations, whichever organisation the account belongs to. Registrar only.
    function setRights(RightsGrant[] calldata grants) external;

    /// @notice Appends log keys; the earlier ones stay readable for the receipts they signed. Registrar only.
    function addLogKeys(LogKey[] calldata keys) external;

    /// @notice Opens the next generation of each log; the log before takes no more heads. Registrar only.
    function openGenerations(Generation[] calldata generations) external;

    /// @notice Appends permit entries, each with the block's time. Registrar only.
    function recordPermits(Permit[] calldata permits) external;

    function isRegistered(bytes32 organisation) external view returns (bool);

    function isSuspended(bytes32 organisation) external view returns (bool);

    /// @notice The generation whose log takes heads; 0 for an unknown organisation.
    function generationOf(bytes32 organisation) external view returns (uint32);

    function rightsOf(address account, bytes32 organisation) external view returns (uint8);

    /// @notice The n-th log key, zero if there is none.
    function logKeyAt(bytes32 organisation, uint256 n) external view returns (bytes32);

    /// @notice The n-th packed permit word, zero if there is none.
    function permitAt(bytes32 organisation, bytes32 certificateType, uint256 n) external view returns (uint256);

    /// @notice Reverts unless `account` holds `right` over a registered organisation that is not suspended.
    /// @param right One right, or a sum of which all are needed.
    /// @return generation The organisation's current generation.
    function authorise(address account, bytes32 organisation, uint8 right) external view returns (uint32 generation);
}
