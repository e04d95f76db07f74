"""What scripts ask about the device that they run on; nothing here compiles."""


def get_target_compute_version(target=None):
    """The compute capability of the device as text: "9.0"."""
    import torch
    return "%d.%d" % torch.cuda.get_device_capability()


def parse_compute_version(compute_version):
    """(major, minor) of such a text."""
    major, _, minor = str(compute_version).partition(".")
    return int(major), int(minor or 0)


def have_fp16(compute_version):
    return parse_compute_version(compute_version) >= (5, 3)


def have_tensorcore(compute_version=None, target=None):
    return parse_compute_version(compute_version or get_target_compute_version()) >= (7, 0)
