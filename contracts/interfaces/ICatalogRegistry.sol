// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IVersioned} from "./IVersioned.sol";

/// @title Head of each catalog entry: sequence and digest, no forks
/// @notice A catalog entry is keccak256 of its code in UTF-8 and belongs for ever to the organisation that published it
///         first. Each version contains its predecessor's digest, so the head commits to the whole history.
/// @dev Storage, read by offline proofs and never moved: slot 0 `digest[catalog]`;
///      slot 1 `standing[catalog]`: organisation (top 18 bytes) | action << 64 | sequence (lowest 64 bits).
interface ICatalogRegistry is IVersioned {
    /// @param what sequence (uint64, from 1) | action << 64 (1 publish, 2 change, 3 withdraw); the bits above are zero.
    /// @param previous Digest of the version before, zero for the first.
    /// @param digest SHA-256 of the new version's canonical form.
    struct Change {
        bytes32 catalog;
        uint256 what;
        bytes32 previous;
        bytes32 digest;
    }

    event CatalogChanged(bytes32 indexed organisation, address indexed account, Change[] changes);

    /// @notice Unknown action, a digest of 32 zero bytes, or bits above the action.
    error MalformedChange(uint256 what);
    /// @notice The change does not follow the head that stands, which has this sequence and digest.
    error CatalogConflict(bytes32 catalog, uint64 sequence, bytes32 digest);
    /// @notice Publish needs an absent or withdrawn entry, change and withdraw a live one. `last` is the head's action.
    error IllegalCatalogAction(bytes32 catalog, uint8 last, uint8 action);
    error ForeignCatalog(bytes32 catalog, bytes32 owner);

    /// @notice Appends one version to each named entry, all or none; needs the catalog right over the organisation.
    function publish(bytes32 organisation, Change[] calldata changes) external;

    /// @notice Digest of the newest version, zero for an unknown entry.
    function digestOf(bytes32 catalog) external view returns (bytes32);

    /// @notice Owner, last action and sequence; zeros for an unknown entry.
    function standingOf(bytes32 catalog)
        external
        view
        returns (bytes32 organisation, uint8 action, uint64 sequence);
}
