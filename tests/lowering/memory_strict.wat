;; For conformance runs every access is volatile.
;; OPTIONS: strict_traps
(module
  (memory 1)
;; FUNCTION: copy
;; HAS: load volatile i32, ptr .*, align 1$
;; HAS: store volatile i32 .*, align 1$
  (func $copy (export "copy") (param i32 i32) (i32.store (local.get 0) (i32.load (local.get 1)))))
