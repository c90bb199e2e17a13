// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {
    IOrganisations,
    RIGHT_ANCHOR,
    RIGHT_CATALOG,
    RIGHT_SEAL,
    RIGHT_STATUS
} from "./interfaces/IOrganisations.sol";
import {Codes} from "./libraries/Codes.sol";
import {Versioned} from "./Versioned.sol";

/// @notice See {IOrganisations}.
contract Organisations is IOrganisations, Versioned, Ownable2Step {
    uint256 private constant REGISTERED = 1;
    uint256 private constant SUSPENDED = 2;
    uint256 private constant GENERATION_SHIFT = 8;
    uint8 private constant ALL_RIGHTS = RIGHT_ANCHOR | RIGHT_STATUS | RIGHT_SEAL | RIGHT_CATALOG;
    uint8 private constant PERMIT_GRANT = 1;
    uint8 private constant PERMIT_END = 2;
    uint256 private constant MAX_NAME_LENGTH = 800;

    mapping(bytes32 organisation => uint256) private _standingOf;
    mapping(address account => mapping(bytes32 organisation => uint256)) private _rightsOf;
    mapping(bytes32 organisation => mapping(uint256 n => bytes32)) private _logKeyAt;
    mapping(bytes32 key => mapping(uint256 n => uint256)) private _permitAt;

    constructor(address registrar) Ownable(registrar) {}

    /// @inheritdoc IOrganisations
    function registerOrganisations(Registration[] calldata registrations) external onlyOwner {
        for (uint256 i; i < registrations.length; ++i) {
            bytes32 organisation = registrations[i].organisation;
            if (!Codes.isOrganisation(organisation)) revert MalformedOrganisation(organisation);
            uint256 nameLength = bytes(registrations[i].name).length;
            if (nameLength == 0 || nameLength > MAX_NAME_LENGTH) revert MalformedName(organisation);
            if (_standingOf[organisation] != 0) revert OrganisationExists(organisation);
            _standingOf[organisation] = REGISTERED;
            emit OrganisationRegistered(organisation, registrations[i].name);
            _addLogKey(organisation, 0, registrations[i].logKey);
        }
    }

    /// @inheritdoc IOrganisations
    function setSuspended(Suspension[] calldata suspensions) external onlyOwner {
        for (uint256 i; i < suspensions.length; ++i) {
            bytes32 organisation = suspensions[i].organisation;
            uint256 standing = _requireRegistered(organisation);
            _standingOf[organisation] = suspensions[i].suspended ? standing | SUSPENDED : standing & ~SUSPENDED;
            emit OrganisationSuspended(organisation, suspensions[i].suspended);
        }
    }

    /// @inheritdoc IOrganisations
    function setRights(RightsGrant[] calldata grants) external onlyOwner {
        for (uint256 i; i < grants.length; ++i) {
            RightsGrant calldata grant = grants[i];
            _requireRegistered(grant.organisation);
            if (grant.rights > ALL_RIGHTS) revert MalformedRights(grant.rights);
            _rightsOf[grant.account][grant.organisation] = grant.rights;
            emit RightsSet(grant.account, grant.organisation, grant.rights);
        }
    }

    /// @inheritdoc IOrganisations
    function addLogKeys(LogKey[] calldata keys) external onlyOwner {
        for (uint256 i; i < keys.length; ++i) {
            _requireRegistered(keys[i].organisation);
            _addLogKey(keys[i].organisation, keys[i].n, keys[i].key);
        }
    }

    /// @inheritdoc IOrganisations
    function openGenerations(Generation[] calldata generations) external onlyOwner {
        for (uint256 i; i < generations.length; ++i) {
            Generation calldata next = generations[i];
            uint256 standing = _requireRegistered(next.organisation);
            uint32 current = uint32(standing >> GENERATION_SHIFT);
            if (next.generation != uint256(current) + 1) {
                revert GenerationConflict(next.organisation, current, next.generation);
            }
            _standingOf[next.organisation] = standing + (1 << GENERATION_SHIFT);
            emit GenerationOpened(next.organisation, next.generation);
        }
    }

    /// @inheritdoc IOrganisations
    function recordPermits(Permit[] calldata permits) external onlyOwner {
        for (uint256 i; i < permits.length; ++i) {
            Permit calldata permit = permits[i];
            _requireRegistered(permit.organisation);
            bool grant = permit.action == PERMIT_GRANT && permit.from <= permit.until;
            bool end = permit.action == PERMIT_END && permit.from == 0;
            if (!grant && !end) revert MalformedPermit(permit.organisation, permit.certificateType, permit.n);
            bytes32 key = _permitKey(permit.organisation, permit.certificateType);
            mapping(uint256 n => uint256) storage history = _permitAt[key];
            if (history[permit.n] != 0 || (permit.n != 0 && history[permit.n - 1] == 0)) {
                revert HistoryConflict(key, permit.n);
            }
            history[permit.n] = uint256(permit.action) | (uint256(permit.from) << 8) | (uint256(permit.until) << 40)
                | (uint256(uint64(block.timestamp)) << 72);
            emit PermitRecorded(
                permit.organisation, permit.certificateType, permit.n, permit.action, permit.from, permit.until
            );
        }
    }

    /// @notice Always refused: without a registrar nobody could be suspended any more.
    function renounceOwnership() public pure override {
        revert RegistrarRequired();
    }

    /// @inheritdoc IOrganisations
    function isRegistered(bytes32 organisation) external view returns (bool) {
        return _standingOf[organisation] & REGISTERED != 0;
    }

    /// @inheritdoc IOrganisations
    function isSuspended(bytes32 organisation) external view returns (bool) {
        return _standingOf[organisation] & SUSPENDED != 0;
    }

    /// @inheritdoc IOrganisations
    function generationOf(bytes32 organisation) external view returns (uint32) {
        return uint32(_standingOf[organisation] >> GENERATION_SHIFT);
    }

    /// @inheritdoc IOrganisations
    function rightsOf(address account, bytes32 organisation) external view returns (uint8) {
        return uint8(_rightsOf[account][organisation]);
    }

    /// @inheritdoc IOrganisations
    function logKeyAt(bytes32 organisation, uint256 n) external view returns (bytes32) {
        return _logKeyAt[organisation][n];
    }

    /// @inheritdoc IOrganisations
    function permitAt(bytes32 organisation, bytes32 certificateType, uint256 n) external view returns (uint256) {
        return _permitAt[_permitKey(organisation, certificateType)][n];
    }

    /// @inheritdoc IOrganisations
    function authorise(address account, bytes32 organisation, uint8 right) external view returns (uint32 generation) {
        uint256 standing = _requireRegistered(organisation);
        if (standing & SUSPENDED != 0) revert SuspendedOrganisation(organisation);
        if (right == 0 || _rightsOf[account][organisation] & right != right) {
            revert MissingRight(account, organisation, right);
        }
        return uint32(standing >> GENERATION_SHIFT);
    }

    function _addLogKey(bytes32 organisation, uint256 n, bytes32 key) private {
        if (key == 0) revert MalformedLogKey(organisation);
        mapping(uint256 n => bytes32) storage history = _logKeyAt[organisation];
        if (history[n] != 0 || (n != 0 && history[n - 1] == 0)) revert HistoryConflict(organisation, n);
        history[n] = key;
        emit LogKeyAdded(organisation, n, key);
    }

    function _requireRegistered(bytes32 organisation) private view returns (uint256 standing) {
        standing = _standingOf[organisation];
        if (standing == 0) revert UnknownOrganisation(organisation);
    }

    function _permitKey(bytes32 organisation, bytes32 certificateType) private pure returns (bytes32) {
        return keccak256(abi.encode(organisation, certificateType));
    }
}
