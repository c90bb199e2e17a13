// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What every contract of the network says about itself
interface IVersioned {
    /// @notice Founding entries hold the chain id in 8 bytes.
    error ChainIdTooLarge(uint256 chainId);

    /// @notice Chain id at deployment, held in the code: a copy of this chain under another id keeps naming the original.
    function chainId() external view returns (uint64);

    /// @notice Semantic version of the contract, held in the code. A successor is a new deployment.
    function version() external pure returns (string memory);
}
