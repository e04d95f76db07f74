"""Numbers of tilec.h: kinds of values, flags of functions, operations."""

(UNBOUND, NONE, BOOL, INT, FLOAT, TEXT, NAME, TUPLE, LIST, SET, DICT, SLICE, FUNCTION, METHOD, RECORD,
 OBJECT, STAGED, VAR, EXPR, BUFFER) = range(20)

MACRO, KERNEL, ORDINARY, LAMBDA = 1, 2, 4, 8

ENCODE = -1  # asked of a resolver by the library: the four fields of an object

(BEGIN, END, ENTRY, RESULT, DEFINE, SOURCE, LOOKUP, DEFAULT, ANNOTATION, IMPORT, ITEM, GETATTR,
 SETATTR, GETITEM, SETITEM, CALL, ITERATE, NEXT, LEN, TRUTH, CONTAINS, BINARY, UNARY, COMPARE, STR,
 REPR) = range(26)

NAMES = ("begin end entry result define source lookup default annotation import item getattr setattr "
         "getitem setitem call iterate next len truth contains binary unary compare str repr").split()
