"""Descriptions of devices, as far as scripts make them only to pass them on."""


class TileDevice:
    """A device by the name of its target."""

    def __init__(self, target="cuda"):
        self.target = target


class CUDA(TileDevice):
    """A GPU of NVIDIA."""


class CDNA(TileDevice):
    """A GPU of AMD."""


class CPU(TileDevice):
    """The processor."""


def is_cuda_arch(arch):
    return isinstance(arch, CUDA)


def is_cdna_arch(arch):
    return isinstance(arch, CDNA)
