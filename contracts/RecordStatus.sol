// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IOrganisations, RIGHT_STATUS} from "./interfaces/IOrganisations.sol";
import {IRecordLog} from "./interfaces/IRecordLog.sol";
import {IRecordStatus} from "./interfaces/IRecordStatus.sol";
import {LogName} from "./libraries/LogName.sol";
import {Versioned} from "./Versioned.sol";

/// @notice See {IRecordStatus}.
/// @dev A change is two words, `what` and digest, instead of a struct of four members: of the 3,000 gas that each of a
///      hundred neighbouring changes costs, two more words in calldata and event would add a third.
contract RecordStatus is IRecordStatus, Versioned {
    /// @dev Bit 16 * from + to is set for each legal transition.
    uint256 private constant LEGAL = 0xfe // in force: to all others
        | (0xbd << 16) // suspended: in force and all final states
        | (0x81 << 96); // transferred: in force (the transfer's cancellation) and superseded

    IOrganisations public immutable organisations;
    IRecordLog public immutable recordLog;

    mapping(bytes32 log => mapping(uint64 word => uint256)) private _statusWordAt;

    constructor(IOrganisations organisations_, IRecordLog recordLog_) {
        organisations = organisations_;
        recordLog = recordLog_;
    }

    /// @inheritdoc IRecordStatus
    function set(bytes32 log, Change[] calldata changes) external {
        (bytes32 organisation,) = LogName.split(log);
        organisations.authorise(msg.sender, organisation, RIGHT_STATUS);
        uint64 size = recordLog.sizeOf(log);
        mapping(uint64 word => uint256) storage words = _statusWordAt[log];

        uint64 position;
        uint256 word;
        for (uint256 i; i < changes.length; ++i) {
            Change calldata change = changes[i];
            uint64 index = uint64(change.what);
            if (index == 0 || index >= size) revert IndexOutsideLog(log, index, size);
            if (i == 0 || index >> 6 != position) {
                if (i != 0) words[position] = word;
                position = index >> 6;
                word = words[position];
            }
            word = _changed(log, word, change);
        }
        if (changes.length != 0) words[position] = word;
        emit StatusSet(log, msg.sender, changes);
    }

    /// @inheritdoc IRecordStatus
    function statusOf(bytes32 log, uint64 index) external view returns (uint8) {
        return uint8((_statusWordAt[log][index >> 6] >> (4 * (index & 63))) & 15);
    }

    /// @inheritdoc IRecordStatus
    function statusWordAt(bytes32 log, uint64 word) external view returns (uint256) {
        return _statusWordAt[log][word];
    }

    /// @dev The storage word after the change; reverts if the change is malformed or not allowed from its state there.
    function _changed(bytes32 log, uint256 word, Change calldata change) private pure returns (uint256) {
        uint256 what = change.what;
        uint256 reason = what >> 72;
        if (reason == 0 || reason > type(uint16).max || change.digest == 0) revert MalformedChange(what);
        uint256 shift = (what & 63) << 2;
        uint256 from = (word >> shift) & 15;
        uint256 to = (what >> 64) & 255;
        if (to > 15 || (LEGAL >> ((from << 4) | to)) & 1 == 0) {
            revert IllegalTransition(log, uint64(what), uint8(from), uint8(to));
        }
        return word ^ ((from ^ to) << shift);
    }
}
