// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOrganisations, RIGHT_SEAL} from "./interfaces/IOrganisations.sol";
import {ISealRegistry} from "./interfaces/ISealRegistry.sol";
import {Codes} from "./libraries/Codes.sol";
import {Versioned} from "./Versioned.sol";

/// @notice See {ISealRegistry}.
contract SealRegistry is ISealRegistry, Versioned {
    uint8 private constant IN_FORCE = 1;
    uint8 private constant FROZEN = 2;
    uint8 private constant CANCELLED = 3;
    uint8 private constant PERSONAL = 5;
    uint256 private constant MAX_CERTIFICATES = 64;
    uint256 private constant OWNER = 0;
    uint256 private constant SHA256_DIGEST = 1;
    uint256 private constant SM3_DIGEST = 2;
    uint256 private constant PERIOD_AND_TYPE = 3;
    uint256 private constant FIRST_CERTIFICATE = 4;

    IOrganisations public immutable organisations;

    mapping(bytes32 seal => mapping(uint256 n => bytes32)) private _factAt;
    mapping(bytes32 seal => mapping(uint256 n => uint256)) private _stateAt;

    constructor(IOrganisations organisations_) {
        organisations = organisations_;
    }

    /// @inheritdoc ISealRegistry
    function register(Registration[] calldata registrations) external {
        for (uint256 i; i < registrations.length; ++i) {
            Registration calldata registration = registrations[i];
            organisations.authorise(msg.sender, registration.owner, RIGHT_SEAL);
            bytes32 seal = keccak256(bytes(registration.code));
            _requireWellFormed(seal, registration);
            if (_factAt[seal][OWNER] != 0) revert SealExists(seal);
            _writeFacts(seal, registration);
            emit SealRegistered(
                seal, registration.owner, registration.code, registration.sha256Digest, registration.sm3Digest
            );
            _writeState(seal, 0, IN_FORCE);
        }
    }

    /// @inheritdoc ISealRegistry
    function setStates(StateChange[] calldata changes) external {
        for (uint256 i; i < changes.length; ++i) {
            (bytes32 seal, uint256 n, uint8 to) = (changes[i].seal, changes[i].n, changes[i].state);
            bytes32 owner = _factAt[seal][OWNER];
            if (owner == 0) revert UnknownSeal(seal);
            organisations.authorise(msg.sender, owner, RIGHT_SEAL);
            // Entry 0 has been there since registration, so n - 1 is never reached with n = 0.
            if (_stateAt[seal][n] != 0 || _stateAt[seal][n - 1] == 0) revert HistoryConflict(seal, n);
            uint8 from = uint8(_stateAt[seal][n - 1]);
            bool legal = (from == IN_FORCE && (to == FROZEN || to == CANCELLED))
                || (from == FROZEN && (to == IN_FORCE || to == CANCELLED));
            if (!legal) revert IllegalSealState(seal, from, to);
            _writeState(seal, n, to);
        }
    }

    /// @inheritdoc ISealRegistry
    function factAt(bytes32 seal, uint256 n) external view returns (bytes32) {
        return _factAt[seal][n];
    }

    /// @inheritdoc ISealRegistry
    function stateAt(bytes32 seal, uint256 n) external view returns (uint256) {
        return _stateAt[seal][n];
    }

    function _writeFacts(bytes32 seal, Registration calldata registration) private {
        mapping(uint256 n => bytes32) storage facts = _factAt[seal];
        facts[OWNER] = registration.owner;
        facts[SHA256_DIGEST] = registration.sha256Digest;
        facts[SM3_DIGEST] = registration.sm3Digest;
        facts[PERIOD_AND_TYPE] = bytes32(
            uint256(registration.validFrom) | (uint256(registration.validUntil) << 64)
                | (uint256(registration.sealType) << 128)
        );
        for (uint256 i; i < registration.signerCertificates.length; ++i) {
            facts[FIRST_CERTIFICATE + i] = registration.signerCertificates[i];
        }
    }

    function _writeState(bytes32 seal, uint256 n, uint8 state) private {
        _stateAt[seal][n] = uint256(state) | (block.timestamp << 8);
        emit SealStateSet(seal, msg.sender, n, state);
    }

    function _requireWellFormed(bytes32 seal, Registration calldata registration) private pure {
        if (registration.sealType == PERSONAL) revert PersonalSeal(seal);
        bytes32[] calldata certificates = registration.signerCertificates;
        bool wellFormed = Codes.isSeal(bytes(registration.code)) && registration.sealType != 0
            && registration.sha256Digest != 0 && registration.sm3Digest != 0
            && registration.validFrom <= registration.validUntil && certificates.length <= MAX_CERTIFICATES;
        for (uint256 i; wellFormed && i < certificates.length; ++i) {
            wellFormed = certificates[i] != 0;
        }
        if (!wellFormed) revert MalformedSeal(seal);
    }
}
