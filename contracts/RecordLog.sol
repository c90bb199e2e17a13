// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOrganisations, RIGHT_ANCHOR} from "./interfaces/IOrganisations.sol";
import {IRecordLog} from "./interfaces/IRecordLog.sol";
import {LogName} from "./libraries/LogName.sol";
import {Rfc9162} from "./libraries/Rfc9162.sol";
import {Versioned} from "./Versioned.sol";

/// @notice See {IRecordLog}.
contract RecordLog is IRecordLog, Versioned {
    uint64 private constant MAX_GROWTH = 1 << 20;

    IOrganisations public immutable organisations;

    mapping(bytes32 log => uint64) private _sizeOf;
    mapping(bytes32 log => mapping(uint64 size => bytes32)) private _rootAt;

    constructor(IOrganisations organisations_) {
        organisations = organisations_;
    }

    /// @inheritdoc IRecordLog
    function advance(bytes32 log, uint64 newSize, bytes32 newRoot, bytes32[] calldata consistencyProof) external {
        (bytes32 organisation, uint32 generation) = LogName.split(log);
        uint32 current = organisations.authorise(msg.sender, organisation, RIGHT_ANCHOR);
        if (generation != current) revert WrongGeneration(log, current);

        uint64 size = _sizeOf[log];
        if (newSize <= size) {
            if (newRoot != 0 && _rootAt[log][newSize] == newRoot) revert AlreadyAnchored(log, newSize);
            revert HeadConflict(log, size, newSize);
        }
        if (newSize - size > MAX_GROWTH) revert GrowthTooLarge(log, size, newSize);

        (uint64 provenSize, bytes32 provenRoot) =
            size == 0 ? (1, Rfc9162.leafHash(_foundingEntry(log))) : (size, _rootAt[log][size]);
        if (!Rfc9162.continues(provenSize, provenRoot, newSize, newRoot, consistencyProof)) {
            revert HeadConflict(log, size, newSize);
        }
        _sizeOf[log] = newSize;
        _rootAt[log][newSize] = newRoot;
        emit HeadAdvanced(log, msg.sender, newSize, newRoot);
    }

    /// @inheritdoc IRecordLog
    function sizeOf(bytes32 log) external view returns (uint64) {
        return _sizeOf[log];
    }

    /// @inheritdoc IRecordLog
    function rootAt(bytes32 log, uint64 size) external view returns (bytes32) {
        return _rootAt[log][size];
    }

    /// @inheritdoc IRecordLog
    function foundingEntry(bytes32 log) external view returns (bytes32) {
        LogName.split(log);
        return _foundingEntry(log);
    }

    /// @inheritdoc IRecordLog
    function verifyInclusion(bytes32 log, uint64 size, uint64 index, bytes32 entry, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = _rootAt[log][size];
        return root != 0 && Rfc9162.includes(root, size, index, Rfc9162.leafHash(entry), proof);
    }

    function _foundingEntry(bytes32 log) private view returns (bytes32) {
        return sha256(abi.encodePacked("chain_service/log/1\x00", chainId(), address(this), log));
    }
}
