;; A module that moves 8 bytes more often than it computes with them: moves are in halves, but in loops of one block.
(module
  (memory 1)
;; FUNCTION: move
;; HAS: load volatile i32
;; HAS: load volatile i32
;; HAS: store volatile i32
;; HAS: store volatile i32
;; HAS NOT: i64, ptr
  (func $move (export "move") (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.load (local.get $from))))
;; FUNCTION: add
;; HAS: load i64
;; HAS: store i64
;; HAS NOT: volatile
  (func $add (export "add") (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.add (i64.load (local.get $from)) (i64.const 1))))
;; FUNCTION: move_many
;; HAS NOT: volatile
  (func $move_many (export "move_many") (param $to i32) (param $from i32) (param $count i32)
    (loop $next
      (i64.store (local.get $to) (i64.load (local.get $from)))
      (i64.store offset=8 (local.get $to) (i64.load offset=8 (local.get $from)))
      (local.set $to (i32.add (local.get $to) (i32.const 16)))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))))
