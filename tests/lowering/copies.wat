;; Copies of unknown size: only an empty range is checked, and what copies leaves the registers alone. Growing is what is
;; unlikely.
(module
  (import "env" "grow" (func $grow (param i32)))
  (memory 1)
;; FUNCTION: append
;; HAS: br i1 .*!prof
;; HAS: call void %
;; HAS: icmp eq i32 .*, 0
;; HAS: icmp ult
;; HAS: call void @llvm.ubsantrap
;; HAS: call preserve_mostcc void @guardc.copy
;; HAS NOT: memmove
  (func $append (export "append") (param $vector i32) (param $from i32) (param $size i32)
    (if (i32.gt_u (local.get $size) (i32.load (local.get $vector))) (then (call $grow (local.get $vector))))
    (memory.copy (i32.load offset=4 (local.get $vector)) (local.get $from) (local.get $size))
    (i32.store offset=8 (local.get $vector) (local.get $size)))
;; FUNCTION: known
;; HAS: load i64
;; HAS: store i64
;; HAS NOT: icmp
;; HAS NOT: @guardc.copy
  (func $known (export "known") (param $to i32) (param $from i32)
    (memory.copy (local.get $to) (local.get $from) (i32.const 8))))
