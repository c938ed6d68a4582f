"""Modules that grow in one way each: what a compiler's time or memory may grow with faster than with their size.

SHAPES has name -> Shape. `make(n)` gives the module's bytes, `large` is the n that the table is made with; growth is
counted at parts of it.
"""

import dataclasses
import typing

from wasm import *  # noqa: F403: a language of its own

SHAPES = {}


@dataclasses.dataclass
class Shape:
    make: typing.Callable
    large: int


def shape(large):
    def register(function):
        SHAPES[function.__name__.replace("_", "-")] = Shape(function, large)
        return function
    return register


def family(prefix, large, variants):
    """Registers make(variant, n) once per variant."""
    def register(function):
        for text, value in variants.items():
            SHAPES[f"{prefix}-{text}"] = Shape(lambda n, value=value: function(value, n), large)
        return function
    return register


TYPES = {"i32": I32, "i64": I64, "f64": F64, "v128": V128}


def finish(module, func):
    module.export("run", 0, func)
    return module.bytes()


# ---- live values
@family("live-across-call", 4000, TYPES)
def _(kind, n):
    """Locals that are all set before a call and all read behind it."""
    m = Module()
    other = m.import_function("env", "f", m.type())
    body = b"".join(i32(16 * i % 60000) + LOAD[kind] + put(i) for i in range(n))
    body += call(other) + b"".join(i32(16 * i % 60000) + get(i) + STORE[kind] for i in range(n))
    return finish(m, m.function(body, local_types=[(n, kind)]))


@family("live-across-calls", 3000, TYPES)
def _(kind, n):
    """The same with a call after each."""
    m = Module()
    other = m.import_function("env", "f", m.type())
    body = b"".join(i32(16 * i % 60000) + LOAD[kind] + put(i) + call(other) for i in range(n))
    body += b"".join(i32(16 * i % 60000) + get(i) + STORE[kind] for i in range(n))
    return finish(m, m.function(body, local_types=[(n, kind)]))


@family("results-on-stack", 4000, TYPES)
def _(kind, n):
    """Results of calls that wait on the operand stack."""
    m = Module()
    other = m.import_function("env", "f", m.type((I32,), (kind,)))
    body = b"".join(i32(i) + call(other) for i in range(n)) + ADD[kind] * (n - 1) + DROP
    return finish(m, m.function(body))


@shape(4000)
def results_of_own_calls(n):
    m = Module()
    leaf = m.function(get(0) + load32(), (I32,), (I32,))
    body = b"".join(i32(i) + call(leaf) for i in range(n)) + ADD32 * (n - 1)
    return finish(m, m.function(body, (), (I32,)))


@family("live-across-loop", 3000, TYPES)
def _(kind, n):
    m = Module()
    body = b"".join(i32(16 * i % 60000) + LOAD[kind] + put(i + 1) for i in range(n))
    body += LOOP + EMPTY + get(0) + i32(-1) + ADD32 + tee(0) + br_if(0) + END
    body += b"".join(i32(16 * i % 60000) + get(i + 1) + STORE[kind] for i in range(n))
    return finish(m, m.function(body, (I32,), (), [(n, kind)]))


@family("changed-in-loop", 3000, TYPES)
def _(kind, n):
    """Locals that each turn of a loop changes."""
    m = Module()
    body = LOOP + EMPTY + b"".join(get(i + 1) + get((i + 7) % n + 1) + ADD[kind] + put(i + 1) for i in range(n))
    body += get(0) + i32(-1) + ADD32 + tee(0) + br_if(0) + END
    body += b"".join(i32(16 * i % 60000) + get(i + 1) + STORE[kind] for i in range(n))
    return finish(m, m.function(body, (I32,), (), [(n, kind)]))


@shape(49000)
def live_locals(n):
    """Parameters of no loop and no call: set, then summed backwards."""
    m = Module()
    body = b"".join(get(0) + load32(4 * i) + put(i + 1) for i in range(n))
    body += b"".join(get(n - i) + get(0) + ADD32 + put(0) for i in range(n))
    return finish(m, m.function(body + get(0), (I32,), (I32,), [(n, I32)]))


@shape(49000)
def live_locals_call(n):
    m = Module()
    other = m.import_function("env", "f", m.type((I32,), (I32,)))
    body = b"".join(get(0) + load32(4 * i) + put(i + 1) for i in range(n)) + get(0) + call(other) + put(0)
    body += b"".join(get(n - i) + get(0) + ADD32 + put(0) for i in range(n))
    return finish(m, m.function(body + get(0), (I32,), (I32,), [(n, I32)]))


@shape(49000)
def zero_locals(n):
    """Declared, never set, each read."""
    m = Module()
    body = i32(0) + b"".join(get(i) + ADD32 for i in range(n))
    return finish(m, m.function(body, (), (I32,), [(n, I32)]))


@shape(800)
def phis(n):
    """n locals, each changed in one of n blocks: every block's end joins all of them."""
    m = Module()
    body = b"".join(get(0) + i32(i) + AND32 + IF + EMPTY + get(i + 1) + get(0) + ADD32 + put((i * 7) % n + 1) + END
                    for i in range(n))
    body = LOOP + EMPTY + body + get(0) + i32(-1) + ADD32 + tee(0) + br_if(0) + END
    body += b"".join(i32(4 * i) + get(i + 1) + store32() for i in range(n))
    return finish(m, m.function(body, (I32,), (), [(n, I32)]))


@shape(400)
def phis_in_switch(n):
    """A state machine of n states with n locals, all alive in all of them."""
    return _switch(Module(), n, locals_live=True)


def _switch(m, n, locals_live):
    # loop; block $out; block x n; br_table; end; case 0; br loop; end; case 1; ...; end $out; end loop
    body = LOOP + EMPTY + BLOCK + EMPTY + (BLOCK + EMPTY) * n + get(1) + br_table(range(n), n)
    for i in range(n):
        at = i % n + 2 if locals_live else 2
        to = (i * 5) % n + 2 if locals_live else 2
        body += END + get(at) + get(0) + i32(i) + XOR32 + ADD32 + put(to)
        body += get(0) + i32(1) + ADD32 + tee(0) + i32(n) + b"\x70" + put(1)
        body += br(n - i)
    body += END + END
    live = n if locals_live else 1
    body += b"".join(i32(4 * i) + get(i + 2) + store32() for i in range(live))
    return finish(m, m.function(body, (I32,), (), [(1 + live, I32)]))


@shape(4000)
def state_machine(n):
    return _switch(Module(), n, locals_live=False)


# ---- control
@shape(9900)
def deep_blocks(n):
    m = Module()
    body = (BLOCK + EMPTY) * n + b"".join(get(0) + br_if(n - 1 - i % n) + END for i in range(n))
    return finish(m, m.function(body, (I32,)))


@shape(9900)
def deep_blocks_result(n):
    m = Module()
    body = (BLOCK + bytes([I32])) * n + i32(1) + b"".join(get(0) + br_if(0) + i32(1) + ADD32 + END for _ in range(n))
    return finish(m, m.function(body, (I32,), (I32,)))


@shape(4000)
def deep_ifs(n):
    m = Module()
    body = b"".join(get(0) + i32(i) + LT32 + IF + EMPTY for i in range(n))
    body += b"".join(i32(4 * i) + get(0) + store32() + ELSE + i32(8 * i) + get(0) + store32() + END for i in range(n))
    return finish(m, m.function(body, (I32,)))


@shape(8000)
def else_chain(n):
    m = Module()
    body = b"".join(get(0) + i32(i * 3) + b"\x46" + IF + EMPTY + i32(i * 7) + put(1) + ELSE for i in range(n))
    body += END * n + get(1)
    return finish(m, m.function(body, (I32,), (I32,), [(1, I32)]))


@shape(1000)
def loop_nest(n):
    m = Module()
    body = (LOOP + EMPTY) * n + get(0) + i32(1) + ADD32 + put(0)
    body += b"".join(get(0) + i32(i + 1) + b"\x70" + br_if(0) + END for i in range(n))
    return finish(m, m.function(body, (I32,)))


@shape(300)
def loop_nest_live(n):
    m = Module()
    body = b"".join(i32(4 * i) + load32() + put(i + 1) + LOOP + EMPTY for i in range(n))
    body += b"".join(get(i + 1) + get((i + 1) % n + 1) + ADD32 + tee(i + 1) + br_if(0) + END for i in range(n))
    body += b"".join(i32(4 * i) + get(i + 1) + store32() for i in range(n))
    return finish(m, m.function(body, (I32,), (), [(n, I32)]))


@shape(3000)
def many_loops(n):
    m = Module()
    one = LOOP + EMPTY + get(0) + load32() + get(1) + ADD32 + put(1) + get(0) + i32(4) + ADD32 + tee(0) + br_if(0) + END
    return finish(m, m.function(one * n + get(1), (I32,), (I32,), [(1, I32)]))


@shape(3000)
def many_store_loops(n):
    """What the vectoriser looks at."""
    m = Module()
    one = i32(0) + put(0) + LOOP + EMPTY + get(0) + get(0) + get(1) + ADD32 + store32()
    one += get(0) + i32(4) + ADD32 + tee(0) + i32(1024) + b"\x48" + br_if(0) + END
    return finish(m, m.function(one * n, (I32,), (), [(1, I32)]))


@shape(65000)
def br_table_wide(n):
    """One table, two targets in turn."""
    m = Module()
    body = BLOCK + EMPTY + BLOCK + EMPTY + get(0) + br_table((i & 1 for i in range(n)), 1) + END + END
    return finish(m, m.function(body, (I32,)))


@shape(5000)
def br_table_targets(n):
    m = Module()
    body = (BLOCK + EMPTY) * n + get(0) + br_table(range(n), 0)
    body += b"".join(END + i32(4 * i) + get(0) + store32() for i in range(n))
    return finish(m, m.function(body, (I32,)))


@shape(1500)
def br_tables(n):
    """n tables of 20 targets each, all the same."""
    m = Module()
    one = (BLOCK + EMPTY) * 20 + get(0) + br_table(range(20), 0)
    one += b"".join(END + get(0) + i32(i * 3 + 1) + ADD32 + put(0) for i in range(20))
    return finish(m, m.function(one * n + get(0), (I32,), (I32,)))


@shape(250)
def br_tables_square(n):
    """n blocks, and n tables that each name all of them."""
    m = Module()
    body = LOOP + EMPTY + (BLOCK + EMPTY) * n
    body += b"".join(get(0) + br_table(range(n - i), n - i) + END + get(0) + i32(i) + ADD32 + put(0) for i in range(n))
    return finish(m, m.function(body + br(0) + END, (I32,)))


@shape(250)
def br_tables_values(n):
    """The same, carrying a value."""
    m = Module()
    body = (BLOCK + bytes([I32])) * n + get(0)
    body += b"".join(get(0) + br_table([(i + j) % (n - i) for j in range(n - i)], 0) + END + get(0) + ADD32
                     for i in range(n))
    return finish(m, m.function(body, (I32,), (I32,)))


@shape(1200)
def br_nest(n):
    """Loops and blocks that branch to all that enclose them."""
    m = Module()
    body = b""
    for i in range(n):
        body += (LOOP if i % 2 else BLOCK) + EMPTY + get(0) + i32(i) + AND32 + br_if(i * 7 % (i + 1))
    for i in range(n):
        body += get(0) + i32(i) + ADD32 + tee(0) + br_if((i * 13) % (n - i)) + END
    return finish(m, m.function(body, (I32,)))


@shape(40000)
def small_blocks(n):
    m = Module()
    one = BLOCK + EMPTY + get(0) + br_if(0) + get(0) + i32(1) + ADD32 + put(0) + END
    return finish(m, m.function(one * n, (I32,)))


@shape(20000)
def traps(n):
    m = Module()
    body = b"".join(get(0) + i32(i) + b"\x46" + IF + EMPTY + UNREACHABLE + END for i in range(n))
    return finish(m, m.function(body, (I32,)))


@shape(20000)
def divisions(n):
    m = Module()
    return finish(m, m.function(get(0) + (get(1) + b"\x6d") * n, (I32, I32), (I32,)))


@shape(1000000)
def dead_code(n):
    m = Module()
    return finish(m, m.function(UNREACHABLE + (i32(1) + DROP) * n, (), ()))


@shape(20000)
def early_returns(n):
    m = Module()
    return finish(m, m.function((get(0) + IF + EMPTY + get(0) + RETURN + END) * n + get(0), (I32,), (I32,)))


# ---- straight code
@shape(60000)
def straight(n):
    m = Module()
    body = b"".join(get(0) + i32(i * 77) + ADD32 + get(1) + XOR32 + put(i & 1) for i in range(n))
    return finish(m, m.function(body + get(0), (I32, I32), (I32,)))


@shape(40000)
def chain_i64(n):
    """A sum that may be put in any order."""
    m = Module()
    body = i64(0) + b"".join(get(i % 3) + ADD64 + get((i + 1) % 3) + MUL64 for i in range(n))
    return finish(m, m.function(body, (I64, I64, I64), (I64,)))


@shape(40000)
def sum_of_loads(n):
    m = Module()
    body = i32(0) + b"".join(get(0) + load32(4 * i) + ADD32 for i in range(n))
    return finish(m, m.function(body, (I32,), (I32,)))


@shape(20000)
def deep_operands(n):
    """n values are pushed before the first is used."""
    m = Module()
    body = b"".join(get(0) + load32(4 * i) for i in range(n)) + ADD32 * (n - 1)
    return finish(m, m.function(body, (I32,), (I32,)))


@shape(40000)
def chain_f64(n):
    m = Module()
    body = f64(0) + b"".join(get(i % 3) + (MULF64 if i & 1 else ADDF64) for i in range(n))
    return finish(m, m.function(body, (F64, F64, F64), (F64,)))


@shape(20000)
def constants_f64(n):
    m = Module()
    body = get(0) + b"".join(f64(i * 1.1) + (MULF64 if i & 1 else ADDF64) for i in range(n))
    return finish(m, m.function(body, (F64,), (F64,)))


@shape(20000)
def constants_v128(n):
    m = Module()
    body = get(0) + b"".join(v128(i) + (XOR_V128 if i & 1 else ADD_I32X4) for i in range(n))
    return finish(m, m.function(i32(0) + body + STORE[V128], (V128,)))


@shape(10000)
def shuffles(n):
    m = Module()
    body = get(0) + b"".join(get(1) + b"\xfd\x0d" + bytes((i * 7 + j * (i % 5 + 1)) % 32 for j in range(16))
                             for i in range(n))
    return finish(m, m.function(i32(0) + body + STORE[V128], (V128, V128)))


@family("simd", 6000, {"swizzle": 14, "popcnt": 98, "i8x16-shl": 107, "i64x2-mul": 213, "trunc-sat": 248,
                            "f32x4-min": 232, "narrow": 101})
def _(op, n):
    m = Module()
    one = {98: b"", 107: get(1), 248: b""}.get(op, get(0)) + simd(op)
    return finish(m, m.function(i32(0) + get(0) + one * n + STORE[V128], (V128, I32)))


@family("convert", 10000, {"trunc-sat-u64": misc(7) + b"\xba", "trunc-s32": b"\xaa\xb7", "ceil": b"\x9b",
                                "min": b"\x20\x00\xa4", "u64-f64": misc(7) + b"\xba"})
def _(code, n):
    m = Module()
    return finish(m, m.function(get(0) + code * n, (F64,), (F64,)))


@shape(10000)
def popcnt_rotate(n):
    m = Module()
    return finish(m, m.function(get(0) + (b"\x7b" + get(1) + b"\x89" + get(0) + ADD64) * n, (I64, I64), (I64,)))


@shape(20000)
def selects(n):
    m = Module()
    body = get(0) + b"".join(get(1) + get(0) + i32(i) + LT32 + SELECT for i in range(n))
    return finish(m, m.function(body, (I32, I32), (I32,)))


@shape(20000)
def compares(n):
    m = Module()
    body = b"".join(get(0) + i32(i) + b"\x46" + get(1) + b"\x72" + put(1) for i in range(n))
    return finish(m, m.function(body + get(1), (I32,), (I32,), [(1, I32)]))


# ---- memory
@shape(20000)
def same_base(n):
    """Loads and stores of one base: what memory dependence walks back over."""
    m = Module()
    body = b"".join(get(0) + get(0) + load32(4 * i) + get(1) + ADD32 + store32(4 * i + 400000) for i in range(n))
    return finish(m, m.function(body, (I32, I32)))


@shape(20000)
def stores(n):
    m = Module()
    return finish(m, m.function(b"".join(get(0) + get(1) + store32(4 * (i % 1000)) for i in range(n)), (I32, I32)))


@shape(20000)
def stores_apart(n):
    """Of a base each, that nothing is known of."""
    m = Module()
    body = b"".join(get(0) + i32(i) + MUL32 + get(1) + store32() + get(1) + load32(8) + put(0) for i in range(n))
    return finish(m, m.function(body, (I32, I32)))


@shape(10000)
def loads_in_blocks(n):
    m = Module()
    body = b"".join(get(0) + load32(4 * i) + IF + EMPTY + get(0) + get(1) + store32(4 * i) + END for i in range(n))
    return finish(m, m.function(body, (I32, I32)))


@family("bulk", 5000, {"copy": misc(10) + b"\0\0", "fill": misc(11) + b"\0"})
def _(code, n):
    m = Module()
    return finish(m, m.function((get(0) + get(1) + get(2) + code) * n, (I32, I32, I32)))


@shape(5000)
def small_copies(n):
    m = Module()
    body = b"".join(get(0) + get(1) + i32(i % 64 + 1) + misc(10) + b"\0\0" for i in range(n))
    return finish(m, m.function(body, (I32, I32)))


@shape(5000)
def grows(n):
    m = Module()
    return finish(m, m.function((get(0) + b"\x40\x00" + put(0)) * n, (I32,)))


@shape(6000)
def atomics(n):
    m = Module(memory=False)
    m.memories.append(b"\x03\x01\x02")
    return finish(m, m.function((get(0) + get(1) + b"\xfe\x1e\x02\x00" + put(1)) * n, (I32, I32)))


@shape(6000)
def compare_exchanges(n):
    m = Module(memory=False)
    m.memories.append(b"\x03\x01\x02")
    return finish(m, m.function((get(0) + get(1) + get(1) + b"\xfe\x48\x02\x00" + put(1)) * n, (I32, I32)))


@shape(20)
def memories(n):
    m = Module(memory=False)
    m.memories += [b"\x00\x01"] * 100
    body = b"".join(get(0) + b"\x28" + u(0x42) + u(i % 100) + u(4 * i) + put(0) for i in range(1000 * n))
    return finish(m, m.function(body, (I32,)))


@shape(20000)
def memory64(n):
    m = Module(memory=False)
    m.memories.append(b"\x04\x01")
    return finish(m, m.function(b"".join(get(0) + load64(8 * i) + put(0) for i in range(n)), (I64,)))


# ---- sections
@shape(100000)
def data_segments(n):
    m = Module()
    m.data = [b"\x00" + i32(i % 65000) + END + b"\x01x" for i in range(n)]
    return m.bytes()


@shape(100000)
def data_segments_spread(n):
    m = Module(memory=False)
    m.memories.append(b"\x00" + u(65536))
    m.data = [b"\x00" + i32(i * 40000 - (1 << 32 if i * 40000 >= 1 << 31 else 0)) + END + b"\x01x" for i in range(n)]
    return m.bytes()


@shape(100000)
def data_segments_moved(n):
    """Whose place only instantiation knows."""
    m = Module()
    m.imports.append(name("env") + name("g") + b"\x03" + bytes([I32, 0]))
    m.data = [b"\x00" + global_get(0) + END + b"\x01x"] * n
    return m.bytes()


@shape(100000)
def data_segments_outside(n):
    m = Module()
    m.data = [b"\x00" + i32(-1) + END + b"\x01x"] * n
    return m.bytes()


@shape(100000)
def data_segments_passive(n):
    m = Module()
    m.data_count = True
    m.data = [b"\x01\x04abcd"] * n
    return m.bytes()


@shape(30000)
def data_segments_used(n):
    m = Module()
    m.data_count = True
    m.data = [b"\x01\x04abcd"] * n
    body = b"".join(i32(4 * i % 60000) + i32(0) + i32(4) + misc(8) + u(i) + b"\0" + misc(9) + u(i) for i in range(n))
    return finish(m, m.function(body))


@shape(100000)
def elem_segments(n):
    m = Module()
    m.table(10000)
    f = m.function(b"")
    m.elements = [b"\x00" + i32(i % 10000) + END + b"\x01" + u(f) for i in range(n)]
    return m.bytes()


@shape(100000)
def elem_segments_moved(n):
    m = Module()
    m.imports.append(name("env") + name("g") + b"\x03" + bytes([I32, 0]))
    m.table(10000)
    f = m.function(b"")
    m.elements = [b"\x00" + global_get(0) + END + b"\x01" + u(f)] * n
    return m.bytes()


@shape(100000)
def elem_segments_passive(n):
    m = Module()
    m.table(1)
    f = m.function(b"")
    m.elements = [b"\x01\x00\x01" + u(f)] * n
    return m.bytes()


@shape(1000000)
def table_items(n):
    m = Module()
    m.table(n)
    m.function(b"")
    m.elements = [b"\x00" + i32(0) + END + u(n) + b"\0" * n]
    return m.bytes()


@shape(100000)
def table_of_functions(n):
    m = Module()
    m.table(n)
    for _ in range(n):
        m.function(b"")
    m.elements = [b"\x00" + i32(0) + END + u(n) + b"".join(map(u, range(n)))]
    return m.bytes()


@shape(100000)
def table_items_null(n):
    m = Module()
    m.table(n, EXTERNREF)
    m.elements = [b"\x06\x00" + i32(0) + END + bytes([EXTERNREF]) + u(n) + b"\xd0\x6f\x0b" * n]
    return m.bytes()


@shape(9900000)
def table_huge(n):
    m = Module()
    m.table(n)
    f = m.function(b"")
    m.elements = [b"\x00" + i32(0) + END + b"\x01" + u(f)]
    return finish(m, m.function(get(0) + call_indirect(m.type()), (I32,)))


@shape(90000)
def tables(n):
    m = Module()
    for _ in range(n):
        m.table(1)
    return m.bytes()


@shape(20000)
def tables_filled(n):
    m = Module()
    f = m.function(b"")
    for i in range(n):
        m.table(1)
        m.elements.append(b"\x02" + u(i) + i32(0) + END + b"\x00\x01" + u(f))
    body = b"".join(i32(0) + call_indirect(m.type(), i) for i in range(n))
    return finish(m, m.function(body))


@family("globals", 1000000, {"mutable": True, "constant": False})
def _(mutable, n):
    m = Module()
    m.globals = [bytes([I32, mutable]) + i32(i % 50) + END for i in range(n)]
    return m.bytes()


@shape(300000)
def globals_exported(n):
    m = Module()
    m.globals = [bytes([I32, 0]) + i32(i % 50) + END for i in range(n)]
    for i in range(n):
        m.export(f"{i:x}", 3, i)
    return m.bytes()


@shape(100000)
def globals_imported(n):
    m = Module()
    m.imports = [name("e") + name(f"{i:x}") + b"\x03" + bytes([I32, 0]) for i in range(n)]
    m.globals = [bytes([I32, 1]) + global_get(i) + END for i in range(n)]
    return m.bytes()


@shape(100000)
def globals_funcref(n):
    m = Module()
    f = m.function(b"")
    m.globals = [bytes([FUNCREF, 1]) + b"\xd2" + u(f) + END] * n
    return m.bytes()


@shape(100000)
def globals_v128(n):
    m = Module()
    m.globals = [bytes([V128, 1]) + v128(i) + END for i in range(n)]
    return m.bytes()


@shape(20000)
def globals_touched(n):
    m = Module()
    m.globals = [bytes([I32, 1]) + i32(i) + END for i in range(n)]
    body = b"".join(global_get(i) + i32(1) + ADD32 + global_set((i + 1) % n) for i in range(n))
    return finish(m, m.function(body))


@shape(100000)
def global_sum(n):
    """One constant expression of n additions."""
    m = Module()
    m.imports.append(name("env") + name("g") + b"\x03" + bytes([I32, 0]))
    m.global_(I32, global_get(0) + (global_get(0) + ADD32) * n, True)
    return m.bytes()


@shape(300000)
def types(n):
    m = Module()
    for i in range(n):
        kinds = [I32, I64, F32, F64]
        m.new_type([kinds[i >> 2 * j & 3] for j in range(10)])
    return m.bytes()


@shape(20000)
def types_called(n):
    m = Module()
    kinds = [I32, I64]
    m.table(10)
    body = b""
    for i in range(n):
        signature = [kinds[i >> j & 1] for j in range(16)]
        t = m.new_type(signature)
        body += b"".join(CONSTANT[kind](0) for kind in signature) + i32(0) + call_indirect(t)
    return finish(m, m.function(body))


@shape(20000)
def types_exported(n):
    m = Module()
    kinds = [I32, I64]
    for i in range(n):
        t = m.new_type([kinds[i >> j & 1] for j in range(16)])
        m.export(f"{i:x}", 0, m.function(b"", type_index=t))
    return m.bytes()


@shape(100000)
def imports(n):
    m = Module()
    t = m.type()
    for i in range(n):
        m.import_function("e", f"{i:x}", t)
    return m.bytes()


@shape(50000)
def imports_called(n):
    m = Module()
    t = m.type()
    for i in range(n):
        m.import_function("e", f"{i:x}", t)
    return finish(m, m.function(b"".join(map(call, range(n)))))


@shape(50000)
def imports_exported(n):
    m = Module()
    t = m.type()
    for i in range(n):
        m.import_function("e", f"{i:x}", t)
        m.export(f"{i:x}", 0, i)
    return m.bytes()


@shape(10000)
def imports_of_types(n):
    m = Module()
    kinds = [I32, I64]
    for i in range(n):
        m.import_function("e", f"{i:x}", m.new_type([kinds[i >> j & 1] for j in range(16)]))
    return m.bytes()


@shape(100000)
def exports_of_one(n):
    m = Module()
    f = m.function(b"")
    for i in range(n):
        m.export(f"{i:x}", 0, f)
    return m.bytes()


# ---- functions
@shape(200000)
def functions_empty(n):
    m = Module()
    for _ in range(n):
        m.function(b"")
    return m.bytes()


@shape(5000)
def functions_tiny_exported(n):
    m = Module()
    for i in range(n):
        m.export(f"{i:x}", 0, m.function(get(0) + i32(i) + ADD32, (I32,), (I32,)))
    return m.bytes()


@shape(100000)
def functions_exported(n):
    m = Module()
    for i in range(n):
        m.export(f"{i:x}", 0, m.function(get(0) + i32(i) + ADD32, (I32,), (I32,)))
    return m.bytes()


@shape(300000)
def functions_chain(n):
    """Each calls the next."""
    m = Module()
    for i in range(n):
        m.function(call(min(i + 1, n - 1)) if i < n - 1 else b"")
    return finish(m, 0)


@shape(300000)
def functions_ring(n):
    m = Module()
    for i in range(n):
        m.function(call((i + 1) % n))
    return finish(m, 0)


@shape(300000)
def functions_scattered(n):
    """Each calls one far away."""
    m = Module()
    for i in range(n):
        m.function(call((i * 7919 + 13) % n))
    return finish(m, 0)


@shape(100000)
def functions_scattered_two(n):
    m = Module()
    for i in range(n):
        m.function(get(0) + i32(i) + ADD32 + call((i * 7919 + 13) % n) + call((i * 104729 + 1) % n), (I32,), (I32,))
    return finish(m, 0)


@shape(100000)
def functions_all_to_one(n):
    m = Module()
    leaf = m.function(get(0) + i32(1) + ADD32, (I32,), (I32,))
    for i in range(n):
        m.export(f"{i:x}", 0, m.function(get(0) + call(leaf), (I32,), (I32,)))
    return m.bytes()


@shape(50000)
def functions_one_to_all(n):
    m = Module()
    for i in range(n):
        m.function(get(0) + i32(i) + XOR32, (I32,), (I32,))
    return finish(m, m.function(get(0) + b"".join(map(call, range(n))), (I32,), (I32,)))


@shape(24)
def functions_doubling(n):
    """Each calls the next twice: inlining all would double the code each time."""
    m = Module()
    for i in range(n):
        m.function(get(0) + (call(i + 1) * 2 if i < n - 1 else i32(3) + MUL32) , (I32,), (I32,))
    return finish(m, 0)


@shape(300)
def functions_complete(n):
    """All call all."""
    m = Module()
    for _ in range(n):
        m.function(b"".join(map(call, range(n))))
    return finish(m, 0)


@shape(10000)
def functions_returning_calls(n):
    m = Module()
    for i in range(n):
        m.function(get(0) + i32(1) + ADD32 + b"\x12" + u((i * 7919 + 13) % n), (I32,), (I32,))
    return finish(m, 0)


@shape(20000)
def functions_own_memory(n):
    """Leaves that load and store."""
    m = Module()
    for i in range(n):
        m.function(get(0) + get(0) + load32(i) + store32(8), (I32,))
        m.export(f"{i:x}", 0, i)
    return m.bytes()


@shape(10000)
def calls(n):
    m = Module()
    other = m.import_function("env", "f", m.type((I32,), (I32,)))
    return finish(m, m.function(get(0) + call(other) * n, (I32,), (I32,)))


@shape(10000)
def calls_indirect(n):
    m = Module()
    m.table(10)
    f = m.function(get(0), (I32,), (I32,))
    m.elements = [b"\x00" + i32(0) + END + b"\x01" + u(f)]
    t = m.type((I32,), (I32,))
    return finish(m, m.function(get(0) + (get(1) + call_indirect(t)) * n, (I32, I32), (I32,)))


@shape(10000)
def calls_indirect_dynamic(n):
    m = Module()
    m.imports.append(name("env") + name("t") + b"\x01" + bytes([FUNCREF, 0, 10]))
    t = m.type((I32,), (I32,))
    return finish(m, m.function(get(0) + (get(1) + call_indirect(t)) * n, (I32, I32), (I32,)))


# ---- values of types
@shape(4000)
def many_params(n):
    """Calls of 100 parameters."""
    m = Module()
    other = m.import_function("env", "f", m.type((I32,) * 100))
    return finish(m, m.function((get(0) * 100 + call(other)) * (n // 20), (I32,)))


@shape(400)
def many_results(n):
    """Calls of 100 results, each of which is used."""
    m = Module()
    other = m.import_function("env", "f", m.type((), (I32,) * 100))
    return finish(m, m.function((call(other) + ADD32 * 99 + get(0) + ADD32 + put(0)) * n, (I32,)))


@shape(400)
def results_to_params(n):
    """1,000 values from call to call: two bytes each."""
    m = Module()
    other = m.import_function("env", "f", m.type((I32,) * 1000, (I32,) * 1000))
    return finish(m, m.function(get(0) * 1000 + call(other) * n + DROP * 1000, (I32,)))


@shape(300)
def blocks_of_values(n):
    """Blocks that take and give 500 values."""
    m = Module()
    t = m.type((I32,) * 500, (I32,) * 500)
    one = BLOCK + s(t) + get(0) + br_if(0) + END
    return finish(m, m.function(get(0) * 500 + one * n + DROP * 500, (I32,)))


@shape(300)
def loops_of_values(n):
    m = Module()
    t = m.type((I32,) * 500, (I32,) * 500)
    one = LOOP + s(t) + get(0) + br_if(0) + END
    return finish(m, m.function(get(0) * 500 + one * n + DROP * 500, (I32,)))


@shape(6000)
def locals_declared(n):
    """Functions that declare 100 locals each and use none."""
    m = Module()
    for _ in range(n):
        m.function(b"", local_types=[(100, I64)])
    return m.bytes()


# ---- names and other texts
@shape(100000)
def names(n):
    m = Module()
    for _ in range(n):
        m.function(b"")
    body = u(n) + b"".join(u(i) + name("f" * 20 + str(i)) for i in range(n))
    m.custom.append(("name", b"\x01" + u(len(body)) + body))
    return m.bytes()


@shape(100)
def names_long(n):
    m = Module()
    for i in range(n):
        m.export(f"{i}" + "x" * 50000, 0, m.function(b""))
    return m.bytes()


@shape(10000000)
def custom_section(n):
    m = Module()
    m.custom.append(("junk", b"\x5a" * n))
    return m.bytes()


@shape(200000)
def custom_sections(n):
    m = Module()
    m.custom = [("j", b"")] * n
    return m.bytes()


@shape(8000000)
def data_bytes(n):
    m = Module(memory=False)
    m.memories.append(b"\x00" + u(200))
    m.data = [b"\x00" + i32(0) + END + u(n) + bytes(i * 7 & 255 for i in range(1000)) * (n // 1000)]
    return m.bytes()
