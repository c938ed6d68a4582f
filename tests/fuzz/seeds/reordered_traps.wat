;; Found by fuzzing: two traps are due, and the default mode may report either. With strict traps it is the first one,
;; and memory shows how far the guest came.
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (type $nothing (func))

  (func (export "load_then_divide") (param $address i32) (param $divisor i32) (result i32)
    (i32.add (i32.load (local.get $address)) (i32.div_u (i32.const 1) (local.get $divisor))))

  (func (export "divide_then_load") (param $address i32) (param $divisor i32) (result i32)
    (i32.add (i32.div_u (i32.const 1) (local.get $divisor)) (i32.load (local.get $address))))

  (func (export "store_then_unreachable") (param $address i32)
    (i32.store (i32.const 16) (i32.const 5))
    (i32.store (local.get $address) (i32.const 6))
    (unreachable))

  (func (export "stores_then_call") (param $address i32) (param $element i32)
    (local $i i32)
    (loop $again
      (i32.store8 offset=100 (local.get $i) (local.get $i))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64))))
    (i32.store (local.get $address) (i32.const 6))
    (call_indirect (type $nothing) (local.get $element))))
