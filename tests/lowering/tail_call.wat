;; A tail call is a jump where the callee shares our context; an imported function does not. Whoever has tail calls is
;; tailcc, but for the code that funcrefs hold.
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
;; HAS: call i32 %
;; HAS NOT: musttail
  (func $away (export "away") (param i32) (result i32) (return_call $far (local.get 0)))
;; FUNCTION: through
;; HAS: call i32 %
;; HAS: musttail call tailcc i32 %
  (type $unary (func (param i32) (result i32)))
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $even $odd)
  (func $through (export "through") (param i32) (result i32)
    (return_call_indirect (type $unary) (i32.const 7) (local.get 0))))
