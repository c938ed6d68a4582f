;; The context lies just below memory 0, so that a guest store cannot alias it: within a loop that writes memory, a
;; global stays in a register.
(module
  (memory 1)
  (global $sum (mut i32) (i32.const 7))
;; FUNCTION: fill
;; HAS: load i32, ptr .*, align 16
;; HAS: phi i32
;; HAS: store i32 .*, align 1$
;; HAS: br i1
;; HAS: store i32 .*, align 16
  (func $fill (export "fill") (param $at i32)
    (loop $next
      (global.set $sum (i32.add (global.get $sum) (i32.const 3)))
      (i32.store (local.get $at) (local.get $at))
      (br_if $next (local.tee $at (i32.sub (local.get $at) (i32.const 4)))))))
