// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./IVersioned.sol";

/// @title Status of each record, by log and leaf index
/// @notice 0 in force, 1 suspended, 2 withdrawn, 3 cancelled, 4 penalised, 5 lapsed, 6 transferred, 7 superseded.
///         In force goes to every other; suspended to in force and to 2, 3, 4, 5, 7; transferred to in force and 7; the
///         rest are final. A record that was never changed occupies no storage, so "in force" is an absence proof.
/// @dev Storage, read by offline proofs and never moved: slot 0 `statusWord[log][index >> 6]`, four bits for each index
///      at shift 4 * (index & 63).
interface IRecordStatus is IVersioned {
    /// @param what index (uint64) | new state << 64 (uint8) | reason code << 72 (uint16, not 0); the bits above
    ///        are zero.
    /// @param digest Salted digest of the change record, which is kept off chain; never 32 zero bytes.
    struct Change {
        uint256 what;
        bytes32 digest;
    }

    event StatusSet(bytes32 indexed log, address indexed account, Change[] changes);

    /// @notice No reason code, bits set above it, or a digest of 32 zero bytes.
    error MalformedChange(uint256 what);
    error IllegalTransition(bytes32 log, uint64 index, uint8 from, uint8 to);
    /// @notice Index 0 is the founding entry; from `size` on nothing is anchored.
    error IndexOutsideLog(bytes32 log, uint64 index, uint64 size);

    /// @notice Applies the changes in their order, all or none; needs the status right over the log's organisation.
    ///         Logs of earlier generations stay open to changes. Neighbouring indexes in ascending order share writes.
    function set(bytes32 log, Change[] calldata changes) external;

    function statusOf(bytes32 log, uint64 index) external view returns (uint8);

    /// @notice The states of the 64 records from index 64 * word on, four bits each, lowest first.
    function statusWordAt(bytes32 log, uint64 word) external view returns (uint256);
}
