// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./IVersioned.sol";

/// @title Heads of the append-only logs
/// @notice A log is organisation (18 ASCII bytes) | 10 zero bytes | generation (uint32, big-endian). Its tree is that of
///         RFC 9162 with SHA-256. Every head ever accepted stays readable and is never overwritten.
/// @dev Storage, read by offline proofs and never moved: slot 0 `size[log]`, slot 1 `root[log][size]`.
interface IRecordLog is IVersioned {
    event HeadAdvanced(bytes32 indexed log, address indexed account, uint64 size, bytes32 root);

    /// @notice Bytes 18 to 27 of the log are not zero.
    error MalformedLog(bytes32 log);
    /// @notice The log's generation is not the organisation's current one.
    error WrongGeneration(bytes32 log, uint32 current);
    /// @notice This very head stands: the call repeats an earlier one and nothing is lost.
    error AlreadyAnchored(bytes32 log, uint64 size);
    /// @notice The new head is not larger than the current one, or not provably its continuation.
    error HeadConflict(bytes32 log, uint64 currentSize, uint64 newSize);
    /// @notice More than 2^20 entries at once: one stolen key must not be able to jump to the end of the log.
    error GrowthTooLarge(bytes32 log, uint64 currentSize, uint64 newSize);

    /// @notice Accepts a larger head that provably continues the current one; needs the anchor right.
    ///         The first head must continue the tree of size 1 whose only entry is `foundingEntry(log)`.
    /// @param consistencyProof RFC 9162 section 2.1.4 from the current size (1 if there is none) to `newSize`.
    function advance(bytes32 log, uint64 newSize, bytes32 newRoot, bytes32[] calldata consistencyProof) external;

    /// @notice The current size, 0 for a log without a head.
    function sizeOf(bytes32 log) external view returns (uint64);

    /// @notice The root accepted at exactly this size, zero if no head had it.
    function rootAt(bytes32 log, uint64 size) external view returns (bytes32);

    /// @notice Entry 0: SHA-256("chain_service/log/1\0" | chain id (uint64, big-endian) | this address | log).
    function foundingEntry(bytes32 log) external view returns (bytes32);

    /// @notice Whether `entry` is at `index` of the tree whose accepted head has exactly this size.
    /// @param proof RFC 9162 section 2.1.3 inclusion path for that size.
    function verifyInclusion(bytes32 log, uint64 size, uint64 index, bytes32 entry, bytes32[] calldata proof)
        external
        view
        returns (bool);
}
