// A guard that can be taught: label_agent takes a policy of which the first byte says what happens, the second what is
// learnt; the other functions do as the first byte of their input says.
#pragma once

#include <string_view>

namespace guardc {

// label_agent
//   T x  learns x; answers {"difc_mode":"strict"}      R x  learns x; answers {"success":false}
//   B x  learns x; answers with the backend's answer, or loops where that is empty
//   N x  learns x; fails with -7
//   u, l traps, loops
// label_resource, label_response
//   g    answers with three bytes: what was learnt ('-' if nothing), how often `g` was asked and `_initialize` ran ('1')
//   s    writes a mark to memory and to a global       m    answers '1' where one of them is there, else '0'
//   w    answers with the backend's answer             H    asks the backend, then does as `m`
//   W    grows memory by 16 MiB and fills it           f    fills memory for ever
//   u, o, l, e   traps (unreachable, out of bounds), loops, exits with 3
//   a    makes the next alloc loop                     d    makes the next dealloc trap
inline constexpr std::string_view kLessonGuard = R"((module
  (import "env" "call_backend" (func $backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "{\"difc_mode\":\"strict\"}")
  (data (i32.const 128) "{\"success\":false}")
  (data (i32.const 160) "q")
  (global $learnt (mut i32) (i32.const 45))
  (global $asked (mut i32) (i32.const 48))
  (global $started (mut i32) (i32.const 48))
  (global $mark (mut i64) (i64.const 0))
  (global $alloc_loops (mut i32) (i32.const 0))
  (global $dealloc_traps (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 65536))
  (func (export "_initialize") (global.set $started (i32.add (global.get $started) (i32.const 1))))
  (func (export "alloc") (param $size i32) (result i32) (local $ptr i32)
    (if (global.get $alloc_loops) (then (loop $l (br $l))))
    (local.set $ptr (global.get $top))
    (global.set $top (i32.add (local.get $ptr) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16))) (then
      (if (i32.eq (memory.grow (i32.sub (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16))
                                        (memory.size)))
                  (i32.const -1))
        (then (global.set $top (local.get $ptr)) (return (i32.const 0))))))
    (local.get $ptr))
  (func (export "dealloc") (param $ptr i32) (param $size i32)
    (if (global.get $dealloc_traps) (then unreachable))
    (if (i32.lt_u (local.get $ptr) (global.get $top)) (then (global.set $top (local.get $ptr)))))
  (func $loop (loop $l (br $l)))
  (func $bad (param $op i32)
    (if (i32.eq (local.get $op) (i32.const 117)) (then unreachable))
    (if (i32.eq (local.get $op) (i32.const 111)) (then (drop (i32.load (i32.const 0x7fffffff)))))
    (if (i32.eq (local.get $op) (i32.const 101)) (then (call $exit (i32.const 3))))
    (if (i32.eq (local.get $op) (i32.const 102)) (then
      (loop $l (memory.fill (i32.const 4096) (i32.const 1) (i32.const 60000)) (br $l))))
    (if (i32.eq (local.get $op) (i32.const 108)) (then (call $loop))))
  (func $ask (param $out i32) (param $cap i32) (result i32)
    (call $backend (i32.const 160) (i32.const 1) (i32.const 0) (i32.const 0) (local.get $out) (local.get $cap)))

  (func (export "label_agent") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
    (local $op i32)
    (local.set $op (i32.load8_u (local.get $in)))
    (call $bad (local.get $op))
    (global.set $learnt (i32.load8_u offset=1 (local.get $in)))
    (if (i32.eq (local.get $op) (i32.const 84)) (then
      (memory.copy (local.get $out) (i32.const 64) (i32.const 22)) (return (i32.const 22))))
    (if (i32.eq (local.get $op) (i32.const 82)) (then
      (memory.copy (local.get $out) (i32.const 128) (i32.const 17)) (return (i32.const 17))))
    (if (i32.eq (local.get $op) (i32.const 66)) (then
      (local.set $op (call $ask (local.get $out) (local.get $cap)))
      (if (i32.eqz (local.get $op)) (then (call $loop)))
      (return (local.get $op))))
    (i32.const -7))

  (func $label (export "label_resource") (export "label_response")
    (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32) (local $op i32)
    (local.set $op (i32.load8_u (local.get $in)))
    (call $bad (local.get $op))
    (if (i32.eq (local.get $op) (i32.const 103)) (then
      (global.set $asked (i32.add (global.get $asked) (i32.const 1)))
      (i32.store8 (local.get $out) (global.get $learnt))
      (i32.store8 offset=1 (local.get $out) (global.get $asked))
      (i32.store8 offset=2 (local.get $out) (global.get $started))
      (return (i32.const 3))))
    (if (i32.eq (local.get $op) (i32.const 115)) (then
      (i64.store (i32.const 1200) (i64.const 77))
      (global.set $mark (i64.const 77))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 109)) (then
      (i32.store8 (local.get $out) (i32.add (i32.const 48)
        (i32.or (i64.ne (i64.load (i32.const 1200)) (i64.const 0)) (i64.ne (global.get $mark) (i64.const 0)))))
      (return (i32.const 1))))
    (if (i32.eq (local.get $op) (i32.const 72)) (then
      (drop (call $ask (local.get $out) (local.get $cap)))
      (i32.store8 (local.get $out) (i32.add (i32.const 48)
        (i32.or (i64.ne (i64.load (i32.const 1200)) (i64.const 0)) (i64.ne (global.get $mark) (i64.const 0)))))
      (return (i32.const 1))))
    (if (i32.eq (local.get $op) (i32.const 119)) (then (return (call $ask (local.get $out) (local.get $cap)))))
    (if (i32.eq (local.get $op) (i32.const 87)) (then
      (memory.fill (i32.shl (memory.grow (i32.const 256)) (i32.const 16)) (i32.const 9) (i32.const 0x1000000))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 97)) (then (global.set $alloc_loops (i32.const 1))))
    (if (i32.eq (local.get $op) (i32.const 100)) (then (global.set $dealloc_traps (i32.const 1))))
    (i32.const 0))
))";

}  // namespace guardc
