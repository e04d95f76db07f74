"""The error for what compatibility mode does not have."""


class OutOfReach(RuntimeError):
    """A script asks for something that exists in TileLang, or on a GPU, and not here."""

    code = "E0680"

    def __init__(self, what, why):
        super().__init__("error[%s]: %s is out of reach: %s" % (self.code, what, why))
        self.what = what


class Absent:
    """A name that scripts import; using it is the error, importing it is not."""

    def __init__(self, path, why):
        self.__dict__.update(_path=path, _why=why)

    def _refuse(self):
        raise OutOfReach(self._path, self._why)

    def __call__(self, *args, **kwargs):
        self._refuse()

    __mro_entries__ = __instancecheck__ = __getitem__ = __setitem__ = __iter__ = __len__ = __bool__ = \
        __contains__ = __enter__ = __exit__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = \
        __rmul__ = __lt__ = __gt__ = __le__ = __ge__ = __call__

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __setattr__(self, name, value):
        self._refuse()

    def __repr__(self):
        return "<%s: out of reach>" % self._path
