"""How many runs may be refused for a GPU, by target and code: of quick runs, and with every
parameter. More is a failure: something is refused that once was compiled. When it becomes less,
lower the number."""

QUICK = {
    "placed:sm_80": {"E0391": 4, "E0832": 5, "E0840": 11},
    "placed:sm_90a": {"E0832": 5},
    "sim:cuda:sm_80": {"E0391": 4, "E0396": 40, "E0832": 5, "E0840": 11},
    "sim:cuda:sm_90a": {"E0396": 44, "E0832": 5},
}
ALL = {
    "placed:sm_80": {"E0391": 4, "E0832": 5, "E0840": 11},
    "placed:sm_90a": {"E0832": 5},
}
