;; OPTIONS: strict_traps
;; Nothing is written where a range leaves the memory, checked beforehand.
(module
  (memory 1)
;; FUNCTION: append
;; HAS: icmp ugt
;; HAS: icmp ugt
;; HAS: memmove.*i1 true
;; HAS NOT: @guardc.copy
  (func $append (export "append") (param $to i32) (param $from i32) (param $size i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $size))))
