;; Plain accesses of alignment 1 let a loop become vector code.
(module
  (memory 1)
;; FUNCTION: scale
;; HAS: load <4 x float>, ptr .*, align 1
;; HAS: fmul <4 x float>
;; HAS: store <4 x float> .*, align 1
  (func $scale (export "scale") (param $factor f32) (local $i i32)
    (loop $next
      (f32.store offset=8192 (local.get $i) (f32.mul (local.get $factor) (f32.load offset=1024 (local.get $i))))
      (br_if $next (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 4096))))))
