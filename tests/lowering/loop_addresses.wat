;; Addresses of a loop that provably do not wrap need no 32-bit arithmetic: one counter of 64 bits does for all. The
;; counter begins below zero here, as compilers like it.
(module
  (memory 4)
;; FUNCTION: known
;; HAS: phi ptr
;; HAS NOT: zext i32
;; HAS NOT: add i32 .*, 3993
  (func $known (export "known") (local $i i32)
    (local.set $i (i32.const -3))
    (loop $next
      (i32.store8 offset=100000 (i32.add (local.get $i) (i32.const 3))
        (i32.xor (i32.load8_u (i32.add (local.get $i) (i32.const 3993)))
                 (i32.load8_u (i32.add (local.get $i) (i32.const 3994)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 3))) (i32.const 60000)))))
;; Where they may wrap, the counter stays what it was.
;; FUNCTION: unknown
;; HAS: zext i32
;; HAS NOT: phi ptr
  (func $unknown (export "unknown") (param $at i32) (param $i i32)
    (loop $next
      (i32.store8 (i32.add (local.get $i) (local.get $at))
        (i32.load8_u (i32.add (local.get $i) (i32.const 3993))))
      (br_if $next (local.tee $i (i32.sub (local.get $i) (i32.const 3)))))))
