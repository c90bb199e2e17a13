// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Shapes of the codes that readers write into their own records, so that no entry is one they cannot read
/// @dev A set of ASCII characters is a word in which bit c stands for the character c.
library Codes {
    uint256 private constant DIGITS = ((1 << 10) - 1) << 48;
    uint256 private constant CAPITALS = ((1 << 26) - 1) << 65;
    uint256 private constant LOWER_CASE = ((1 << 26) - 1) << 97;
    uint256 private constant I_O_S_V_Z = (1 << 73) | (1 << 79) | (1 << 83) | (1 << 86) | (1 << 90);
    uint256 private constant DASH_DOT_UNDERSCORE = (1 << 45) | (1 << 46) | (1 << 95);

    uint256 private constant ORGANISATION_LENGTH = 18;
    uint256 private constant FIRST_REGION_DIGIT = 2;
    uint256 private constant LAST_REGION_DIGIT = 7;
    uint256 private constant MAX_SEAL_CODE_LENGTH = 64;

    /// @notice Whether this is a unified social credit code (GB 32100) by its shape, followed by zero bytes: 18 digits
    ///         and capitals without I, O, S, V, Z, the third to eighth digits only. Check characters are not looked at:
    ///         early codes that are in use fail them.
    function isOrganisation(bytes32 code) internal pure returns (bool shaped) {
        shaped = uint256(code) << (8 * ORGANISATION_LENGTH) == 0;
        for (uint256 i; shaped && i < ORGANISATION_LENGTH; ++i) {
            bool region = i >= FIRST_REGION_DIGIT && i <= LAST_REGION_DIGIT;
            shaped = _isIn(region ? DIGITS : DIGITS | (CAPITALS & ~I_O_S_V_Z), code[i]);
        }
    }

    /// @notice Whether this is a seal code: 1 to 64 ASCII letters, digits, dots, dashes and underscores, the first a
    ///         letter or digit.
    function isSeal(bytes calldata code) internal pure returns (bool shaped) {
        uint256 allowed = DIGITS | CAPITALS | LOWER_CASE;
        shaped = code.length != 0 && code.length <= MAX_SEAL_CODE_LENGTH;
        for (uint256 i; shaped && i < code.length; ++i) {
            shaped = _isIn(allowed, code[i]);
            allowed |= DASH_DOT_UNDERSCORE;
        }
    }

    function _isIn(uint256 set, bytes1 char) private pure returns (bool) {
        return (set >> uint8(char)) & 1 == 1;
    }
}
