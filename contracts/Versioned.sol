// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./interfaces/IVersioned.sol";

/// @notice See {IVersioned}.
abstract contract Versioned is IVersioned {
    uint64 private immutable _chainId;

    constructor() {
        if (block.chainid > type(uint64).max) revert ChainIdTooLarge(block.chainid);
        _chainId = uint64(block.chainid);
    }

    /// @inheritdoc IVersioned
    function chainId() public view returns (uint64) {
        return _chainId;
    }

    /// @inheritdoc IVersioned
    function version() external pure returns (string memory) {
        return "1.0.0";
    }
}
