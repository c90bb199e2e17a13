"""A permissioned network of several authorities: go-ethereum with Clique, or Hyperledger Besu with QBFT.

    create(directory, Plan(validators=4, funded=(address,)))
    up(directory, cache=directory / "bin")     # the own nodes under a supervisor, a first block sealed
    ...
    down(directory)

`join` makes the same genesis from descriptors of authorities that never see each other's keys.
"""
