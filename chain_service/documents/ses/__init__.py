"""Electronic seals and seal signatures (GB/T 38540, GM/T 0031)."""
