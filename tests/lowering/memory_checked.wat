;; With explicit checks every access compares with the memory's size first.
;; OPTIONS: bounds_checks
(module
  (memory 1)
;; FUNCTION: load
;; HAS: zext i32 .* to i64
;; HAS: icmp ugt i64
;; HAS: br i1
;; HAS: llvm.ubsantrap\(i8 2\)
;; HAS: load i64, ptr .*, align 1$
  (func $load (export "load") (param i32) (result i64) (i64.load offset=12 (local.get 0))))
