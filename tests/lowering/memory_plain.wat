;; MEM-1: the index and the offset are zero-extended and added in 64 bits; no branch, no load of the base, alignment 1.
;; TRAP-4: a load that nothing uses stays, volatile. (LLVM 22 adds the offset of 2^32 - 1 to the size of the context.)
(module
  (memory 1)
;; FUNCTION: load
;; HAS: zext i32 .* to i64
;; HAS: load i32, ptr .*, align 1$
;; HAS NOT: volatile
;; HAS NOT: br i1
;; HAS NOT: sext
  (func $load (export "load") (param i32) (result i32) (i32.load (local.get 0)))
;; FUNCTION: far
;; HAS: 4294967295|4294971391
;; HAS: load i8, ptr .*, align 1$
  (func $far (export "far") (param i32) (result i32) (i32.load8_u offset=4294967295 (local.get 0)))
;; FUNCTION: dropped
;; HAS: load volatile i32
  (func $dropped (export "dropped") (param i32) (drop (i32.load (local.get 0))))
;; FUNCTION: unread
;; HAS: load volatile i32
  (func $unread (export "unread") (param i32) (local $never i32)
    (local.set $never (i32.add (i32.const 1) (i32.load (local.get 0)))))
;; FUNCTION: store
;; HAS: store i32 .*, align 1$
;; HAS NOT: volatile
  (func $store (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))
