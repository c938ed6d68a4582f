//! What the gateway offers a guard: a log, and read-only tools of the backend.

#[link(wasm_import_module = "env")]
extern "C" {
    #[link_name = "call_backend"]
    fn env_call_backend(
        tool: *const u8,
        tool_len: u32,
        args: *const u8,
        args_len: u32,
        result: *mut u8,
        result_capacity: u32,
    ) -> i32;
    #[link_name = "host_log"]
    fn env_host_log(level: u32, message: *const u8, len: u32);
}

fn log(level: u32, message: &str) {
    unsafe { env_host_log(level, message.as_ptr(), message.len() as u32) }
}

pub fn debug(message: &str) {
    log(0, message)
}

pub fn info(message: &str) {
    log(1, message)
}

pub fn warn(message: &str) {
    log(2, message)
}

pub fn error(message: &str) {
    log(3, message)
}

const BUFFER_TOO_SMALL: i32 = -2;
const LARGEST_BUFFER: usize = 16 << 20;

/// Calls a tool of the backend; `capacity` bytes are offered first, and more when the host asks for more. `None` is any
/// failure: the host does not say which.
pub fn call_backend(tool: &str, args: &str, mut capacity: usize) -> Option<Vec<u8>> {
    loop {
        let mut buffer = vec![0u8; capacity];
        let code = unsafe {
            env_call_backend(
                tool.as_ptr(),
                tool.len() as u32,
                args.as_ptr(),
                args.len() as u32,
                buffer.as_mut_ptr(),
                buffer.len() as u32,
            )
        };
        match code {
            0.. if code as usize <= buffer.len() => {
                buffer.truncate(code as usize);
                return Some(buffer);
            }
            BUFFER_TOO_SMALL if capacity < LARGEST_BUFFER => {
                let needed = u32::from_le_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
                debug(&format!("{tool}: {needed} bytes needed, {capacity} offered"));
                if needed > LARGEST_BUFFER {
                    return None;
                }
                capacity = needed.max(capacity * 2).min(LARGEST_BUFFER);
            }
            _ => return None,
        }
    }
}
