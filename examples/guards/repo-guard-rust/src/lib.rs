//! repo-guard: an example guard that labels the tools of a GitHub-like MCP server.
//!
//! The gateway asks three questions: what may this agent see (`label_agent`), what would this tool call touch
//! (`label_resource`), and what is in this answer (`label_response`). This file is the binary interface: pointers in,
//! JSON out, a negative number where that failed.

mod author;
mod backend;
mod host;
mod integrity;
mod items;
mod label_agent;
mod label_resource;
mod label_response;
mod labels;
mod mcp;
mod policy;
mod repository;
mod state;
mod tools;

use std::alloc::Layout;

const FAILED: i32 = -1;
const NO_LABELS: i32 = 0;

/// Gives the host `size` bytes to write to, or null.
#[no_mangle]
pub extern "C" fn alloc(size: u32) -> *mut u8 {
    host::debug(&format!("alloc {size} bytes"));
    match Layout::from_size_align(size.max(1) as usize, 8) {
        // Not zeroed: the host offers 4 MiB a call and reads no more than the answer.
        Ok(layout) => unsafe { std::alloc::alloc(layout) },
        Err(_) => std::ptr::null_mut(),
    }
}

/// Takes back what `alloc` gave.
///
/// # Safety
/// `pointer` came from `alloc(size)` and was not given back before.
#[no_mangle]
pub unsafe extern "C" fn dealloc(pointer: *mut u8, size: u32) {
    host::debug(&format!("dealloc {size} bytes"));
    if let (false, Ok(layout)) = (pointer.is_null(), Layout::from_size_align(size.max(1) as usize, 8)) {
        std::alloc::dealloc(pointer, layout);
    }
}

type Label = fn(&[u8]) -> Result<Vec<u8>, String>;

/// Runs `label` and copies its answer to the host's buffer. An answer that does not fit is `too_big`, never cut short.
///
/// # Safety
/// Both buffers lie in this module's memory and are not touched by anybody else during the call.
unsafe fn answer(name: &str, label: Label, too_big: i32, input: (*const u8, u32), output: (*mut u8, u32)) -> i32 {
    let text = if input.1 == 0 { &[][..] } else { std::slice::from_raw_parts(input.0, input.1 as usize) };
    match label(text) {
        Ok(json) if json.len() <= output.1 as usize => {
            std::ptr::copy_nonoverlapping(json.as_ptr(), output.0, json.len());
            json.len() as i32
        }
        Ok(json) => {
            host::error(&format!("{name}: the answer has {} bytes, the host offers {}", json.len(), output.1));
            too_big
        }
        Err(message) => {
            host::error(&format!("{name}: {message}"));
            FAILED
        }
    }
}

/// # Safety
/// See `answer`.
#[no_mangle]
pub unsafe extern "C" fn label_agent(input: *const u8, len: u32, output: *mut u8, capacity: u32) -> i32 {
    answer("label_agent", label_agent::label, FAILED, (input, len), (output, capacity))
}

/// # Safety
/// See `answer`.
#[no_mangle]
pub unsafe extern "C" fn label_resource(input: *const u8, len: u32, output: *mut u8, capacity: u32) -> i32 {
    answer("label_resource", label_resource::label, FAILED, (input, len), (output, capacity))
}

/// # Safety
/// See `answer`.
#[no_mangle]
pub unsafe extern "C" fn label_response(input: *const u8, len: u32, output: *mut u8, capacity: u32) -> i32 {
    answer("label_response", label_response::label, NO_LABELS, (input, len), (output, capacity))
}
