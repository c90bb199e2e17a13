// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRecordLog} from "../interfaces/IRecordLog.sol";

/// @title What a log's 32 bytes say: organisation (18) | zero (10) | generation (4)
library LogName {
    uint256 private constant MIDDLE = ((1 << 80) - 1) << 32;

    /// @notice The organisation, left-aligned, and the generation; reverts MalformedLog if the middle is not zero.
    function split(bytes32 log) internal pure returns (bytes32 organisation, uint32 generation) {
        if (uint256(log) & MIDDLE != 0) revert IRecordLog.MalformedLog(log);
        generation = uint32(uint256(log));
        organisation = bytes32(uint256(log) ^ generation);
    }
}
