// The script guard: every label function looks at the first byte of its input.
//
//   e       answers with its input             0        answers with nothing
//   n I32   answers with that number           s TEXT   writes TEXT, answers with 0
//   2 U32   -2 and that size, until the capacity is that large; then as "c"
//   =       -2, and leaves the output buffer as it is
//   +       -2 and a size of one more than the capacity
//   c       answers with its counters          r        forgets the capacities
//   a U32   alloc and dealloc misbehave: 1 null for sizes below 1 MiB, 2 null for others, 3 a pointer outside memory,
//           4 alloc traps, 5 dealloc traps, 6 dealloc loops, 7 alloc exits with 0, 8 alloc's last bytes lie outside
//   u       traps (unreachable)                o        traps (out of bounds)
//   x U32   proc_exit of that code             l        loops
//   p U32   sleeps that many milliseconds      w TEXT   writes TEXT to stdout
//   g U32   answers with memory.grow of that many pages, as 4 bytes
//   b U32   calls the backend so many times; answers with the last result, as 4 bytes
//   q       asks the backend's tool "q"; answers with its text
//   h       logs "hello" at level 1            m        answers with the 8 bytes at 60000
#include "tests/unit/label/guard_fixture.h"

namespace guardc {

std::string ScriptGuardWat(const ScriptOptions& options) {
  return R"((module
  (import "env" "call_backend" (func $call_backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "host_log" (func $host_log (param i32 i32 i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") )" +
         options.memory + ")\n" + options.data + options.exports + R"(
  (export "label_agent" (func $agent))
  (export "label_resource" (func $resource))
  (export "label_response" (func $response))
  (export "_start" (func $start))
  (data (i32.const 16) "hello")
  (data (i32.const 32) "q")
  (global $top (mut i32) (i32.const 65536))  ;; the bump allocator's; counters are at 1024, scratch at 2048
  (global $mode (mut i32) (i32.const 0))
  (global $capacities (mut i32) (i32.const 0))

  (func $start unreachable)
  (func $initialize
    (i32.store (i32.const 1036) (i32.add (i32.load (i32.const 1036)) (i32.const 1))))

  (func $alloc (param $size i32) (result i32) (local $ptr i32)
    (i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (i32.const 1)))
    (if (i32.eq (global.get $mode) (i32.const 4)) (then unreachable))
    (if (i32.eq (global.get $mode) (i32.const 7)) (then (call $proc_exit (i32.const 0))))
    (if (i32.eq (global.get $mode) (i32.const 3)) (then (return (i32.const 0xfffffff0))))
    (if (i32.eq (global.get $mode) (i32.const 8)) (then
      (return (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.sub (local.get $size) (i32.const 1))))))
    (if (i32.eq (global.get $mode) (i32.const 1)) (then
      (if (i32.lt_u (local.get $size) (i32.const 0x100000)) (then (return (i32.const 0))))))
    (if (i32.eq (global.get $mode) (i32.const 2)) (then
      (if (i32.ge_u (local.get $size) (i32.const 0x100000)) (then (return (i32.const 0))))))
    (local.set $ptr (global.get $top))
    (global.set $top (i32.add (local.get $ptr) (local.get $size)))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16))) (then
      (if (i32.eq (memory.grow (i32.sub (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16))
                                        (memory.size)))
                  (i32.const -1))
        (then (global.set $top (local.get $ptr)) (return (i32.const 0))))))
    (local.get $ptr))

  ;; Only the last allocation can be freed, so `top` comes back only if buffers are freed in reverse order.
  (func $dealloc (param $ptr i32) (param $size i32)
    (i32.store (i32.const 1028) (i32.add (i32.load (i32.const 1028)) (i32.const 1)))
    (if (i32.eq (global.get $mode) (i32.const 5)) (then unreachable))
    (if (i32.eq (global.get $mode) (i32.const 6)) (then (loop $l (br $l))))
    (if (i32.eq (i32.add (local.get $ptr) (local.get $size)) (global.get $top)) (then
      (global.set $top (local.get $ptr)))))

  (func $count (param $in i32) (param $len i32) (param $out i32) (param $cap i32)
    (i32.store (i32.const 1032) (i32.add (i32.load (i32.const 1032)) (i32.const 1)))
    (i32.store (i32.const 1040) (local.get $in))
    (i32.store (i32.const 1044) (local.get $len))
    (i32.store (i32.const 1048) (local.get $out))
    (i32.store (i32.const 1052) (local.get $cap))
    (i32.store (i32.const 1056) (i32.shl (memory.size) (i32.const 16)))
    (i32.store (i32.const 1064) (global.get $top))
    (if (i32.lt_u (global.get $capacities) (i32.const 4)) (then
      (i32.store (i32.add (i32.const 1068) (i32.shl (global.get $capacities) (i32.const 2))) (local.get $cap))
      (global.set $capacities (i32.add (global.get $capacities) (i32.const 1))))))

  (func $counters (param $out i32) (result i32)
    (memory.copy (local.get $out) (i32.const 1024) (i32.const 60))
    (i32.const 60))

  (func $label (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
    (local $op i32) (local $n i32)
    (call $count (local.get $in) (local.get $len) (local.get $out) (local.get $cap))
    (local.set $op (i32.load8_u (local.get $in)))
    (if (i32.ge_u (local.get $len) (i32.const 5)) (then (local.set $n (i32.load offset=1 align=1 (local.get $in)))))
    (if (i32.eq (local.get $op) (i32.const 101)) (then  ;; e
      (memory.copy (local.get $out) (local.get $in) (local.get $len))
      (return (local.get $len))))
    (if (i32.eq (local.get $op) (i32.const 48)) (then (return (i32.const 0))))  ;; 0
    (if (i32.eq (local.get $op) (i32.const 110)) (then (return (local.get $n))))  ;; n
    (if (i32.eq (local.get $op) (i32.const 115)) (then  ;; s
      (memory.copy (local.get $out) (i32.add (local.get $in) (i32.const 1)) (i32.sub (local.get $len) (i32.const 1)))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 50)) (then  ;; 2
      (if (i32.ge_u (local.get $cap) (local.get $n)) (then (return (call $counters (local.get $out)))))
      (i32.store align=1 (local.get $out) (local.get $n))
      (return (i32.const -2))))
    (if (i32.eq (local.get $op) (i32.const 61)) (then (return (i32.const -2))))  ;; =
    (if (i32.eq (local.get $op) (i32.const 43)) (then  ;; +
      (i32.store align=1 (local.get $out) (i32.add (local.get $cap) (i32.const 1)))
      (return (i32.const -2))))
    (if (i32.eq (local.get $op) (i32.const 99)) (then (return (call $counters (local.get $out)))))  ;; c
    (if (i32.eq (local.get $op) (i32.const 114)) (then  ;; r
      (global.set $capacities (i32.const 0))
      (memory.fill (i32.const 1068) (i32.const 0) (i32.const 16))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 97)) (then (global.set $mode (local.get $n)) (return (i32.const 0))))  ;; a
    (if (i32.eq (local.get $op) (i32.const 117)) (then unreachable))  ;; u
    (if (i32.eq (local.get $op) (i32.const 111)) (then (return (i32.load (i32.const 0x7fffffff)))))  ;; o
    (if (i32.eq (local.get $op) (i32.const 120)) (then (call $proc_exit (local.get $n))))  ;; x
    (if (i32.eq (local.get $op) (i32.const 108)) (then (loop $forever (br $forever))))  ;; l
    (if (i32.eq (local.get $op) (i32.const 112)) (then  ;; p
      (memory.fill (i32.const 2048) (i32.const 0) (i32.const 48))
      (i32.store (i32.const 2064) (i32.const 1))
      (i64.store (i32.const 2072) (i64.mul (i64.extend_i32_u (local.get $n)) (i64.const 1000000)))
      (drop (call $poll (i32.const 2048) (i32.const 2112) (i32.const 1) (i32.const 2176)))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 119)) (then  ;; w
      (i32.store (i32.const 2048) (i32.add (local.get $in) (i32.const 1)))
      (i32.store (i32.const 2052) (i32.sub (local.get $len) (i32.const 1)))
      (drop (call $fd_write (i32.const 1) (i32.const 2048) (i32.const 1) (i32.const 2056)))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 103)) (then  ;; g
      (i32.store align=1 (local.get $out) (memory.grow (local.get $n)))
      (return (i32.const 4))))
    (if (i32.eq (local.get $op) (i32.const 98)) (then  ;; b
      (loop $again
        (i32.store align=1 (local.get $out)
          (call $call_backend (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 2048) (i32.const 64)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $again (local.get $n)))
      (return (i32.const 4))))
    (if (i32.eq (local.get $op) (i32.const 113)) (then  ;; q
      (return (call $call_backend (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 0)
                                  (local.get $out) (local.get $cap)))))
    (if (i32.eq (local.get $op) (i32.const 104)) (then  ;; h
      (call $host_log (i32.const 1) (i32.const 16) (i32.const 5))
      (return (i32.const 0))))
    (if (i32.eq (local.get $op) (i32.const 109)) (then  ;; m
      (memory.copy (local.get $out) (i32.const 60000) (i32.const 8))
      (return (i32.const 8))))
    (i32.const -99))

  (func $agent (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 1060) (i32.const 1))
    (call $label (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func $resource (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 1060) (i32.const 2))
    (call $label (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func $response (param i32 i32 i32 i32) (result i32)
    (i32.store (i32.const 1060) (i32.const 3))
    (call $label (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
))";
}

}  // namespace guardc
