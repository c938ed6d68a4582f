;; Identities that would hand a signalling NaN through are guarded; other arithmetic is plain.
(module
;; FUNCTION: times_one
;; HAS: fcmp uno float
;; HAS: select i1
  (func $times_one (export "times_one") (param f32) (result f32) (local $one f32)
    (local.set $one (f32.const 1))
    (f32.mul (local.get 0) (local.get $one)))
;; FUNCTION: there_and_back
;; HAS: fcmp uno float
  (func $there_and_back (export "there_and_back") (param f32) (result f32)
    (f32.demote_f64 (f64.promote_f32 (local.get 0))))
;; FUNCTION: times_two
;; HAS: fmul float
;; HAS NOT: fcmp
  (func $times_two (export "times_two") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 2))))
