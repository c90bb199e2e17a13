// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./IVersioned.sol";

/// @title Electronic seals of organisations: digests, signer certificates, owner, period, state
/// @notice A seal is keccak256 of its code in ASCII. Personal seals are refused. States: 1 in force, 2 frozen,
///         3 cancelled (final); that a period is over is computed by the reader. State entries count from 0 without gap.
/// @dev Storage, read by offline proofs and never moved:
///      slot 0 `fact[seal][n]`: 0 owner, 1 SHA-256, 2 SM3, 3 validFrom | validUntil << 64 | sealType << 128,
///      from 4 on SHA-256 of the signer certificates without gap;
///      slot 1 `state[seal][n]`: state (8 bits) | recordedAt << 8.
interface ISealRegistry is IVersioned {
    /// @param code Seal code (esID): 1 to 64 of A-Z, a-z, 0-9, '.', '-', '_', the first a letter or digit.
    /// @param owner Organisation, 18 ASCII bytes left-aligned.
    /// @param sha256Digest SHA-256 of the seal's DER bytes.
    /// @param sm3Digest SM3 of the seal's DER bytes.
    /// @param sealType 1 statutory name, 2 special purpose, 3 finance, 4 contract; 5 (personal) is refused.
    /// @param validFrom Unix seconds.
    /// @param validUntil Unix seconds, not before `validFrom`.
    /// @param signerCertificates SHA-256 of each DER certificate that may sign with the seal, at most 64.
    struct Registration {
        string code;
        bytes32 owner;
        bytes32 sha256Digest;
        bytes32 sm3Digest;
        uint8 sealType;
        uint64 validFrom;
        uint64 validUntil;
        bytes32[] signerCertificates;
    }

    /// @param n Position of the new entry in the seal's state history.
    struct StateChange {
        bytes32 seal;
        uint256 n;
        uint8 state;
    }

    event SealRegistered(
        bytes32 indexed seal,
        bytes32 indexed owner,
        string code,
        bytes32 sha256Digest,
        bytes32 sm3Digest
    );
    /// @notice Also emitted at registration, with n = 0 and state 1.
    event SealStateSet(bytes32 indexed seal, address indexed account, uint256 n, uint8 state);

    error SealExists(bytes32 seal);
    error UnknownSeal(bytes32 seal);
    error PersonalSeal(bytes32 seal);
    /// @notice A code outside its shape, no type, a digest of 32 zero bytes, a period that ends before it begins, or more
    ///         than 64 certificates.
    error MalformedSeal(bytes32 seal);
    error IllegalSealState(bytes32 seal, uint8 from, uint8 to);
    /// @notice Entry n exists already, or n-1 does not.
    error HistoryConflict(bytes32 key, uint256 n);

    /// @notice Registers seals, in force from now on; needs the seal right over each owner.
    function register(Registration[] calldata registrations) external;

    /// @notice Appends states: in force to frozen and back, either to cancelled; needs the seal right over each owner.
    function setStates(StateChange[] calldata changes) external;

    /// @notice The n-th fact of the seal, zero if there is none.
    function factAt(bytes32 seal, uint256 n) external view returns (bytes32);

    /// @notice The n-th packed state word, zero if there is none.
    function stateAt(bytes32 seal, uint256 n) external view returns (uint256);
}
