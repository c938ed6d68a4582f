// A guard for tests under load. Its tools have names of ten characters: what label_resource does first, what
// label_response does, and eight digits that come back as the resource's description.
//
//   E nothing                      b asks the backend                k asks the backend 60 times
//   u unreachable                  o loads out of bounds             d divides by zero          r recurses for ever
//   l loops                        f fills memory for ever           p sleeps for a minute      w sleeps for 30 ms
//   x exits with 3                 z exits with 0                    n answers -5               j answers no JSON
#pragma once

#include <string_view>

namespace guardc {

// `%` stands for what is done in a start function.
inline constexpr std::string_view kStressGuard = R"((module
  (import "env" "call_backend" (func $backend (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "{\"difc_mode\":\"filter\"}")
  (data (i32.const 128) "{\"resource\":{\"description\":\"........\",\"secrecy\":[],\"integrity\":[]},\"operation\":\"read\"}")
  (data (i32.const 300) "q")
  (global $top (mut i32) (i32.const 65536))
  (global $zero (mut i32) (i32.const 0))
  (func (export "alloc") (param $size i32) (result i32) (local $ptr i32)
    (local.set $ptr (global.get $top))
    (global.set $top (i32.add (local.get $ptr) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16))) (then
      (if (i32.eq (memory.grow (i32.sub (i32.shr_u (i32.add (global.get $top) (i32.const 65535)) (i32.const 16))
                                        (memory.size)))
                  (i32.const -1))
        (then (global.set $top (local.get $ptr)) (return (i32.const 0))))))
    (local.get $ptr))
  (func (export "dealloc") (param $ptr i32) (param $size i32)
    (if (i32.lt_u (local.get $ptr) (global.get $top)) (then (global.set $top (local.get $ptr)))))
  (func $recurse (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.load (i32.const 2000))))
  (func $sleep (param $milliseconds i64)
    (memory.fill (i32.const 2048) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 2064) (i32.const 1))
    (i64.store (i32.const 2072) (i64.mul (local.get $milliseconds) (i64.const 1000000)))
    (drop (call $poll (i32.const 2048) (i32.const 2112) (i32.const 1) (i32.const 2176))))
  (func $ask (param $times i32)
    (loop $again
      (drop (call $backend (i32.const 300) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const 4096)))
      (local.set $times (i32.sub (local.get $times) (i32.const 1)))
      (br_if $again (local.get $times))))
  ;; Answers -5 and -6 where the call is to end at once.
  (func $do (param $op i32) (result i32)
    (if (i32.eq (local.get $op) (i32.const 69)) (then (return (i32.const 0))))                        ;; E
    (if (i32.eq (local.get $op) (i32.const 98)) (then (call $ask (i32.const 1))))                     ;; b
    (if (i32.eq (local.get $op) (i32.const 107)) (then (call $ask (i32.const 60))))                   ;; k
    (if (i32.eq (local.get $op) (i32.const 117)) (then unreachable))                                  ;; u
    (if (i32.eq (local.get $op) (i32.const 111)) (then (drop (i32.load (i32.const 0x7fffffff)))))     ;; o
    (if (i32.eq (local.get $op) (i32.const 100)) (then
      (drop (i32.div_u (i32.const 1) (global.get $zero)))))                                           ;; d
    (if (i32.eq (local.get $op) (i32.const 114)) (then (drop (call $recurse (i32.const 0)))))         ;; r
    (if (i32.eq (local.get $op) (i32.const 108)) (then (loop $l (br $l))))                            ;; l
    (if (i32.eq (local.get $op) (i32.const 102)) (then
      (loop $l (memory.fill (i32.const 4096) (i32.const 0) (i32.const 61000)) (br $l))))              ;; f
    (if (i32.eq (local.get $op) (i32.const 112)) (then (call $sleep (i64.const 60000))))              ;; p
    (if (i32.eq (local.get $op) (i32.const 119)) (then (call $sleep (i64.const 30))))                 ;; w
    (if (i32.eq (local.get $op) (i32.const 120)) (then (call $exit (i32.const 3))))                   ;; x
    (if (i32.eq (local.get $op) (i32.const 122)) (then (call $exit (i32.const 0))))                   ;; z
    (if (i32.eq (local.get $op) (i32.const 110)) (then (return (i32.const -5))))                      ;; n
    (if (i32.eq (local.get $op) (i32.const 106)) (then (return (i32.const -6))))                      ;; j
    (i32.const 0))

  (func (export "label_agent") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
    (memory.copy (local.get $out) (i32.const 64) (i32.const 22)) (i32.const 22))
  ;; {"tool_name":"XY01234567", ...
  (func (export "label_resource") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
    (local $done i32)
    (local.set $done (call $do (i32.load8_u offset=14 (local.get $in))))
    (if (i32.eq (local.get $done) (i32.const -5)) (then (return (i32.const -5))))
    (if (i32.eq (local.get $done) (i32.const -6)) (then (i32.store8 (local.get $out) (i32.const 123)) (return (i32.const 1))))
    (memory.copy (local.get $out) (i32.const 128) (i32.const 86))
    (memory.copy (i32.add (local.get $out) (i32.const 28)) (i32.add (local.get $in) (i32.const 16)) (i32.const 8))
    (i32.const 86))
  (func (export "label_response") (param $in i32) (param $len i32) (param $out i32) (param $cap i32) (result i32)
    (local $done i32)
    (local.set $done (call $do (i32.load8_u offset=15 (local.get $in))))
    (if (i32.eq (local.get $done) (i32.const -5)) (then (return (i32.const -5))))
    (if (i32.eq (local.get $done) (i32.const -6)) (then (i32.store8 (local.get $out) (i32.const 123)) (return (i32.const 1))))
    (i32.const 0))
  (func $start %)
  (start $start)
))";

}  // namespace guardc
