;; A tail call is a jump where the callee shares our context; an imported function does not.
(module
  (import "env" "far" (func $far (param i32) (result i32)))
;; FUNCTION: even
;; HAS: musttail call tailcc
  (func $even (export "even") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
      (else (return_call $odd (i32.sub (local.get 0) (i32.const 1))))))
  (func $odd (export "odd") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (return_call $even (i32.sub (local.get 0) (i32.const 1))))))
;; FUNCTION: away
;; HAS: call tailcc i32 %
;; HAS NOT: musttail
  (func $away (export "away") (param i32) (result i32) (return_call $far (local.get 0))))
