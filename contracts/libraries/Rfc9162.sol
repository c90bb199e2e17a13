// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Merkle trees of RFC 9162 with SHA-256: inclusion and consistency
/// @notice The number of hashes a proof must have follows from sizes and index; it is compared before anything is
///         hashed, so no loop runs more than 64 times.
library Rfc9162 {
    /// @notice H(00 | entry) of a 32-byte entry (section 2.1.1).
    function leafHash(bytes32 entry) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 0)
            mstore(add(at, 1), entry)
            if iszero(staticcall(gas(), 2, at, 33, 0, 32)) { revert(0, 0) }
            hash := mload(0)
        }
    }

    /// @notice H(01 | left | right) (section 2.1.1).
    /// @dev The precompile from assembly costs a third of what `sha256(abi.encodePacked(…))` does.
    function nodeHash(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 1)
            mstore(add(at, 1), left)
            mstore(add(at, 33), right)
            if iszero(staticcall(gas(), 2, at, 65, 0, 32)) { revert(0, 0) }
            hash := mload(0)
        }
    }

    /// @notice Whether `leaf` is at `index` of the tree with this size and root (section 2.1.3.2).
    function includes(bytes32 root, uint64 size, uint64 index, bytes32 leaf, bytes32[] calldata path)
        internal
        view
        returns (bool)
    {
        if (index >= size) return false;
        unchecked {
            uint256 first = index;
            uint256 last = size - 1;
            if (path.length != _pathLength(first, last)) return false;
            bytes32 hash = leaf;
            for (uint256 i; i < path.length; ++i) {
                if (first & 1 == 1 || first == last) {
                    hash = nodeHash(path[i], hash);
                    (first, last) = _climb(first, last);
                } else {
                    hash = nodeHash(hash, path[i]);
                    first >>= 1;
                    last >>= 1;
                }
            }
            return hash == root;
        }
    }

    /// @notice Whether the tree (newSize, newRoot) begins with the leaves of the tree (oldSize, oldRoot), in their order
    ///         (section 2.1.4.2). A size of 0 proves nothing and is refused.
    function continues(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] calldata path)
        internal
        view
        returns (bool)
    {
        if (oldSize == 0 || oldSize > newSize) return false;
        if (oldSize == newSize) return path.length == 0 && oldRoot == newRoot;
        unchecked {
            uint256 first = oldSize - 1;
            uint256 last = newSize - 1;
            while (first & 1 == 1) {
                first >>= 1;
                last >>= 1;
            }
            // The old tree is one complete subtree exactly when nothing of its last index is left: its root is the start.
            uint256 given = first == 0 ? 0 : 1;
            if (path.length != _pathLength(first, last) + given) return false;
            bytes32 newHash = given == 0 ? oldRoot : path[0];
            bytes32 oldHash = newHash;
            for (uint256 i = given; i < path.length; ++i) {
                bytes32 sibling = path[i];
                if (first & 1 == 1 || first == last) {
                    (oldHash, newHash) = _nodeHashes(sibling, oldHash, newHash);
                    (first, last) = _climb(first, last);
                } else {
                    newHash = nodeHash(newHash, sibling);
                    first >>= 1;
                    last >>= 1;
                }
            }
            return oldHash == oldRoot && newHash == newRoot;
        }
    }

    /// @dev Hashes in the path of leaf `index` in a tree whose last leaf is `last`: the levels below the point where
    ///      both meet, then one for each left neighbour of the right edge.
    function _pathLength(uint256 index, uint256 last) private pure returns (uint256 length) {
        unchecked {
            uint256 different = index ^ last;
            if (different != 0) length = Math.log2(different) + 1;
            for (uint256 edge = index >> length; edge != 0; edge &= edge - 1) ++length;
        }
    }

    /// @dev H(01 | left | oldRight) and H(01 | left | newRight), with the shared part written once.
    function _nodeHashes(bytes32 left, bytes32 oldRight, bytes32 newRight)
        private
        view
        returns (bytes32 oldHash, bytes32 newHash)
    {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 1)
            mstore(add(at, 1), left)
            mstore(add(at, 33), oldRight)
            let done := staticcall(gas(), 2, at, 65, 0, 32)
            mstore(add(at, 33), newRight)
            if iszero(and(done, staticcall(gas(), 2, at, 65, 32, 32))) { revert(0, 0) }
            oldHash := mload(0)
            newHash := mload(32)
        }
    }

    /// @dev To the level above the hash just made, past those on which a right edge was promoted without a sibling.
    function _climb(uint256 first, uint256 last) private pure returns (uint256, uint256) {
        unchecked {
            while (first & 1 == 0 && first != 0) {
                first >>= 1;
                last >>= 1;
            }
            return (first >> 1, last >> 1);
        }
    }
}
