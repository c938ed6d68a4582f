;; A table that nothing changes is read-only data; calls through it stay in the caller's context and are bound-checked
;; against a constant.
(module
  (type $unary (func (param i32) (result i32)))
  (table 3 funcref)
  (elem (i32.const 1) $twice $square)
  (func $twice (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
  (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
;; FUNCTION: apply
;; HAS: icmp ult i32 %1, 3|icmp ugt i32 %1, 2
;; HAS: guardc\.table\.0
;; HAS: call i32 %.*\(ptr .*swiftself %0
;; HAS NOT: load ptr
  (func $apply (export "apply") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0))))
