"""WebAssembly modules as bytes, written directly: wat2wasm takes minutes for what the shapes need."""

import struct

I32, I64, F32, F64, V128, FUNCREF, EXTERNREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70, 0x6F
EMPTY = b"\x40"
END = b"\x0b"


def u(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def s(value):
    out = bytearray()
    while True:
        byte = value & 0x7F
        value >>= 7
        if value == (-1 if byte & 0x40 else 0):
            out.append(byte)
            return bytes(out)
        out.append(byte | 0x80)


def name(text):
    raw = text.encode()
    return u(len(raw)) + raw


def vector(items):
    items = list(items)
    return u(len(items)) + b"".join(items)


# ---- instructions
def i32(value):
    return b"\x41" + s(value)


def i64(value):
    return b"\x42" + s(value)


def f64(value):
    return b"\x44" + struct.pack("<d", value)


def v128(value):
    return b"\xfd\x0c" + struct.pack("<4I", *[(value * 2654435761 + i) & 0xFFFFFFFF for i in range(4)])


def get(local):
    return b"\x20" + u(local)


def put(local):
    return b"\x21" + u(local)


def tee(local):
    return b"\x22" + u(local)


def global_get(index):
    return b"\x23" + u(index)


def global_set(index):
    return b"\x24" + u(index)


def call(func):
    return b"\x10" + u(func)


def call_indirect(type_index, table=0):
    return b"\x11" + u(type_index) + u(table)


def load32(offset=0):
    return b"\x28\x02" + u(offset)


def store32(offset=0):
    return b"\x36\x02" + u(offset)


def load64(offset=0):
    return b"\x29\x03" + u(offset)


def br(depth):
    return b"\x0c" + u(depth)


def br_if(depth):
    return b"\x0d" + u(depth)


def br_table(targets, default):
    return b"\x0e" + vector(map(u, targets)) + u(default)


def simd(op):
    return b"\xfd" + u(op)


def misc(op):
    return b"\xfc" + u(op)


BLOCK, LOOP, IF, ELSE = b"\x02", b"\x03", b"\x04", b"\x05"
UNREACHABLE, RETURN, DROP, SELECT = b"\x00", b"\x0f", b"\x1a", b"\x1b"
ADD32, SUB32, MUL32, AND32, XOR32, EQZ32, LT32 = b"\x6a", b"\x6b", b"\x6c", b"\x71", b"\x73", b"\x45", b"\x48"
ADD64, MUL64, ADDF64, MULF64 = b"\x7c", b"\x7e", b"\xa0", b"\xa2"
ADD_I32X4, XOR_V128 = simd(174), simd(81)
CONSTANT = {I32: i32, I64: i64, F64: f64, V128: v128}
ADD = {I32: ADD32, I64: ADD64, F64: ADDF64, V128: ADD_I32X4}
LOAD = {I32: b"\x28\x02\x00", I64: b"\x29\x03\x00", F64: b"\x2b\x03\x00", V128: b"\xfd\x00\x04\x00"}
STORE = {I32: b"\x36\x02\x00", I64: b"\x37\x03\x00", F64: b"\x39\x03\x00", V128: b"\xfd\x0b\x04\x00"}


class Module:
    def __init__(self, memory=True):
        self.types, self.imports, self.functions, self.tables, self.memories = [], [], [], [], []
        self.globals, self.exports, self.elements, self.code, self.data = [], [], [], [], []
        self.start, self.custom, self.data_count = None, [], False
        self.imported_functions = 0
        self._type_of = {}
        if memory:
            self.memories.append(b"\x00\x01")

    def type(self, params=(), results=()):
        key = (tuple(params), tuple(results))
        if key not in self._type_of:
            self._type_of[key] = self.new_type(params, results)
        return self._type_of[key]

    def new_type(self, params=(), results=()):
        self.types.append(b"\x60" + u(len(params)) + bytes(params) + u(len(results)) + bytes(results))
        return len(self.types) - 1

    def import_function(self, module, field, type_index):
        self.imports.append(name(module) + name(field) + b"\x00" + u(type_index))
        self.imported_functions += 1
        return self.imported_functions - 1

    def function(self, body, params=(), results=(), local_types=(), type_index=None):
        """`local_types`: (count, type) pairs. Returns the function's index."""
        self.functions.append(u(self.type(params, results) if type_index is None else type_index))
        local = vector(u(count) + bytes([kind]) for count, kind in local_types)
        whole = local + body + END
        self.code.append(u(len(whole)) + whole)
        return self.imported_functions + len(self.functions) - 1

    def table(self, least, kind=FUNCREF):
        self.tables.append(bytes([kind]) + b"\x00" + u(least))
        return len(self.tables) - 1

    def global_(self, kind, init, mutable=True):
        self.globals.append(bytes([kind, mutable]) + init + END)
        return len(self.globals) - 1

    def export(self, text, kind, index):
        self.exports.append(name(text) + bytes([kind]) + u(index))

    def bytes(self):
        out = [b"\0asm\1\0\0\0"]

        def section(number, items):
            if items:
                body = u(len(items)) + b"".join(items)
                out.append(bytes([number]) + u(len(body)) + body)

        section(1, self.types)
        section(2, self.imports)
        section(3, self.functions)
        section(4, self.tables)
        section(5, self.memories)
        section(6, self.globals)
        section(7, self.exports)
        if self.start is not None:
            body = u(self.start)
            out.append(b"\x08" + u(len(body)) + body)
        section(9, self.elements)
        if self.data_count:
            body = u(len(self.data))
            out.append(b"\x0c" + u(len(body)) + body)
        section(10, self.code)
        section(11, self.data)
        for text, content in self.custom:
            body = name(text) + content
            out.append(b"\x00" + u(len(body)) + body)
        return b"".join(out)
