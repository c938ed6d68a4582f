;; For conformance runs every access is volatile.
;; OPTIONS: strict_traps
(module
  (memory 1)
;; FUNCTION: copy
;; HAS: load volatile i32, ptr .*, align 1$
;; HAS: store volatile i32 .*, align 1$
  (func $copy (export "copy") (param i32 i32) (i32.store (local.get 0) (i32.load (local.get 1))))

  ;; Globals, tables and dropped segments outlive a trap as well.
  (global $pointer (mut i32) (i32.const 0))
  (table 2 funcref)
  (elem $segment func $copy)
;; FUNCTION: state
;; HAS: store volatile i32 %1, ptr
;; HAS: store volatile ptr null, ptr
;; HAS: store volatile i64 0, ptr
  (func $state (export "state") (param i32)
    (global.set $pointer (local.get 0))
    (table.set 0 (i32.const 1) (ref.null func))
    (elem.drop $segment)))
