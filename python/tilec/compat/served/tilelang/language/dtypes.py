"""Types of elements."""

from tilec.language import dtype

__all__ = ["dtype", "get_tvm_dtype"]


def get_tvm_dtype(value):
    """The type that any spelling means."""
    return dtype(value)


def __getattr__(name):
    from tilec import language
    return getattr(language, name)
