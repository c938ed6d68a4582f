;; Found by fuzzing: faulting accesses that the default mode may drop. With strict traps each of them has to trap, and
;; what was stored before it has to be there.
(module
  (memory (export "memory") 1)
  (global $steps (export "steps") (mut i32) (i32.const 0))
  (func $step (global.set $steps (i32.add (global.get $steps) (i32.const 1))))

  ;; The value provably changes nothing.
  (func (export "useless_load") (param $address i32) (result i32)
    (i32.store (i32.const 8) (i32.const 1))
    (i32.and (i32.load (local.get $address)) (i32.const 0)))

  ;; A later store overwrites the first, which reaches farther.
  (func (export "overwritten_store") (param $address i32)
    (call $step)
    (i64.store (local.get $address) (i64.const -1))
    (i64.store (i32.const 0) (i64.const 2))
    (i64.store (local.get $address) (i64.const 3)))

  ;; Used on one path only: it may be moved there.
  (func (export "sunk_load") (param $address i32) (param $use i32) (result i32)
    (local $value i32)
    (local.set $value (i32.load (local.get $address)))
    (call $step)
    (if (result i32) (local.get $use) (then (local.get $value)) (else (i32.const 7)))))
