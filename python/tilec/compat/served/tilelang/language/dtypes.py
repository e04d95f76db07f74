"""Types of elements."""

from tilec.language import dtype

__all__ = ["dtype", "get_tvm_dtype"]


def get_tvm_dtype(value):
    """The type that any spelling means."""
    return dtype(value)


def _of_torch():
    """{type of torch: its name}."""
    import torch
    return {value: str(value).partition(".")[2] for value in vars(torch).values()
            if isinstance(value, torch.dtype)}


def __getattr__(name):
    from tilec import language
    from tilec.compat._reach import Absent
    if name == "_TORCH_DTYPE_TO_STR":
        return _of_torch()
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return getattr(language, name)
    except AttributeError:
        return Absent("tilelang.language.dtypes." + name, "it is no type that kernels name")
