;; What is an address and a number lives once, extended.
(module
  (import "env" "host" (func $host (param i32)))
  (memory 1)
;; FUNCTION: across_a_call
;; HAS: zext i32 %1 to i64
;; HAS: trunc i64
;; HAS: call void
;; HAS NOT: zext i32 %[2-9]
  (func $across_a_call (export "across_a_call") (param $at i32) (result i32)
    (i32.store (local.get $at) (i32.const 1))
    (if (i32.load offset=8 (local.get $at)) (then (call $host (local.get $at))))
    (i32.add (local.get $at) (i32.load offset=4 (local.get $at)))))
