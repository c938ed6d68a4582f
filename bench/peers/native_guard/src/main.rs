//! Label calls on the Rust example guard as native code, by the protocol of bench/peers/label_host.h. The host's side is
//! the least that can be: the same buffers, a copy in and a copy out, a log that is off.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

const CAPACITY: u32 = 4 << 20;

/// # Safety
/// Called by the guard alone, with its own buffers.
#[no_mangle]
pub unsafe extern "C" fn call_backend(
    tool: *const u8,
    tool_len: u32,
    _args: *const u8,
    _args_len: u32,
    result: *mut u8,
    capacity: u32,
) -> i32 {
    static mut KNOWN: Option<HashMap<String, Vec<u8>>> = None;
    let name = std::str::from_utf8(std::slice::from_raw_parts(tool, tool_len as usize)).expect("a tool's name");
    let known = (*std::ptr::addr_of_mut!(KNOWN)).get_or_insert_with(HashMap::new);
    let answer = known.entry(name.to_string()).or_insert_with(|| {
        let directory = std::env::var("GUARDC_BENCH_BACKEND").unwrap_or_default();
        std::fs::read(format!("{directory}/{name}.json")).unwrap_or_default()
    });
    if answer.is_empty() || answer.len() > capacity as usize {
        return -1;
    }
    std::ptr::copy_nonoverlapping(answer.as_ptr(), result, answer.len());
    answer.len() as i32
}

#[no_mangle]
#[inline(never)]
pub extern "C" fn host_log(level: u32, message: *const u8, len: u32) {
    black_box((level, message, len));
}

fn label(function: &str, input: &[u8], out: &mut Vec<u8>) {
    let call = match function {
        "label_agent" => repo_guard::label_agent,
        "label_resource" => repo_guard::label_resource,
        _ => repo_guard::label_response,
    };
    unsafe {
        let source = repo_guard::alloc(input.len() as u32);
        let target = repo_guard::alloc(CAPACITY);
        std::ptr::copy_nonoverlapping(input.as_ptr(), source, input.len());
        let written = call(source, input.len() as u32, target, CAPACITY);
        out.clear();
        out.extend_from_slice(std::slice::from_raw_parts(target, usize::try_from(written).expect("an answer")));
        repo_guard::dealloc(target, CAPACITY);
        repo_guard::dealloc(source, input.len() as u32);
    }
}

fn main() {
    let mut answer = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let parts: Vec<&str> = line.split_whitespace().collect();
        let [function, path, count] = parts[..] else { panic!("{line}") };
        let input = std::fs::read(path).expect(path);
        let count: u32 = count.parse().expect("a count");
        label(function, &input, &mut answer);
        let start = Instant::now();
        for _ in 0..count {
            label(function, &input, &mut answer);
        }
        let time = start.elapsed().as_nanos();
        let hash = answer.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
        println!("{time} {} {hash:016x}", answer.len());
        std::io::stdout().flush().expect("stdout");
    }
}
