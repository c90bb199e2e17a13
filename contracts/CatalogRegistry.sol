// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ICatalogRegistry} from "./interfaces/ICatalogRegistry.sol";
import {IOrganisations, RIGHT_CATALOG} from "./interfaces/IOrganisations.sol";
import {Versioned} from "./Versioned.sol";

/// @notice See {ICatalogRegistry}.
contract CatalogRegistry is ICatalogRegistry, Versioned {
    uint8 private constant PUBLISH = 1;
    uint8 private constant CHANGE = 2;
    uint8 private constant WITHDRAW = 3;
    uint256 private constant ACTION_SHIFT = 64;
    uint256 private constant ORGANISATION = ((1 << 144) - 1) << 112;

    IOrganisations public immutable organisations;

    mapping(bytes32 catalog => bytes32) private _digestOf;
    mapping(bytes32 catalog => uint256) private _standingOf;

    constructor(IOrganisations organisations_) {
        organisations = organisations_;
    }

    /// @inheritdoc ICatalogRegistry
    function publish(bytes32 organisation, Change[] calldata changes) external {
        organisations.authorise(msg.sender, organisation, RIGHT_CATALOG);
        for (uint256 i; i < changes.length; ++i) {
            Change calldata change = changes[i];
            _requireNext(organisation, change);
            _digestOf[change.catalog] = change.digest;
            _standingOf[change.catalog] = uint256(organisation) | change.what;
        }
        emit CatalogChanged(organisation, msg.sender, changes);
    }

    /// @inheritdoc ICatalogRegistry
    function digestOf(bytes32 catalog) external view returns (bytes32) {
        return _digestOf[catalog];
    }

    /// @inheritdoc ICatalogRegistry
    function standingOf(bytes32 catalog)
        external
        view
        returns (bytes32 organisation, uint8 action, uint64 sequence)
    {
        uint256 standing = _standingOf[catalog];
        return (bytes32(standing & ORGANISATION), uint8(standing >> ACTION_SHIFT), uint64(standing));
    }

    function _requireNext(bytes32 organisation, Change calldata change) private view {
        uint256 action = change.what >> ACTION_SHIFT;
        if (action < PUBLISH || action > WITHDRAW || change.digest == 0) revert MalformedChange(change.what);

        uint256 standing = _standingOf[change.catalog];
        bytes32 owner = bytes32(standing & ORGANISATION);
        if (standing != 0 && owner != organisation) revert ForeignCatalog(change.catalog, owner);

        uint64 sequence = uint64(standing);
        bytes32 digest = _digestOf[change.catalog];
        if (uint64(change.what) != uint256(sequence) + 1 || change.previous != digest) {
            revert CatalogConflict(change.catalog, sequence, digest);
        }
        uint8 last = uint8(standing >> ACTION_SHIFT);
        bool live = last == PUBLISH || last == CHANGE;
        if (live == (action == PUBLISH)) revert IllegalCatalogAction(change.catalog, last, uint8(action));
    }
}
