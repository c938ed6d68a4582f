;; Found by fuzzing: globals, tables and dropped segments between two stores of them, where a fault ends the call. With
;; strict traps the first store has to be seen afterwards, though the second would have overwritten it.
(module
  (memory (export "memory") 1)
  (global $pointer (mut i32) (i32.const 1024))
  (table $table 4 funcref)
  (elem $segment func $a)
  (data $bytes "x")
  (func $a)

  ;; A stack frame: the pointer moves down, and up again.
  (func (export "frame") (param $address i32)
    (global.set $pointer (i32.sub (global.get $pointer) (i32.const 16)))
    (i32.store (local.get $address) (i32.const 1))
    (global.set $pointer (i32.add (global.get $pointer) (i32.const 16))))
  (func (export "pointer") (result i32) (global.get $pointer))

  ;; Set in each round of a loop that faults at some point.
  (func (export "rounds") (param $address i32)
    (local $i i32)
    (loop $again
      (global.set $pointer (local.get $i))
      (i32.store8 (local.get $address) (local.get $i))
      (local.set $address (i32.add (local.get $address) (i32.const 16)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 100)))))

  (func (export "element") (param $address i32)
    (table.set $table (i32.const 0) (ref.func $a))
    (i32.store (local.get $address) (i32.const 1))
    (table.set $table (i32.const 0) (ref.null func)))
  (func (export "has_element") (result i32) (ref.is_null (table.get $table (i32.const 0))))

  (func (export "drop_segments") (param $address i32)
    (elem.drop $segment)
    (data.drop $bytes)
    (i32.store (local.get $address) (i32.const 1))
    (elem.drop $segment)
    (data.drop $bytes))
  (func (export "use_segments")
    (table.init $table $segment (i32.const 1) (i32.const 0) (i32.const 1)))
  (func (export "use_bytes")
    (memory.init $bytes (i32.const 1) (i32.const 0) (i32.const 1))))
