;; A module that computes with 8 bytes: they are moved as they are.
(module
  (memory 1)
;; FUNCTION: move
;; HAS: load i64
;; HAS: store i64
;; HAS NOT: volatile
  (func $move (export "move") (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.load (local.get $from))))
  (func $add (export "add") (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.add (i64.load (local.get $from)) (i64.load offset=8 (local.get $from))))))
