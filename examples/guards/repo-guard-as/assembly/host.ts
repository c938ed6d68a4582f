// What the gateway offers a guard: a log, and read-only tools of the backend.

@external("env", "call_backend")
declare function env_call_backend(
  tool: usize, toolLength: u32, args: usize, argsLength: u32, result: usize, capacity: u32
): i32;

@external("env", "host_log")
declare function env_host_log(level: u32, message: usize, length: u32): void;

const BUFFER_TOO_SMALL: i32 = -2;
const FIRST_CAPACITY: u32 = 256 << 10; // bytes
const LAST_CAPACITY: u32 = 4 << 20;

function log(level: u32, message: string): void {
  const bytes = String.UTF8.encode(message);
  env_host_log(level, changetype<usize>(bytes), bytes.byteLength);
}

export function debug(message: string): void {
  log(0, message);
}

export function info(message: string): void {
  log(1, message);
}

export function warn(message: string): void {
  log(2, message);
}

export function error(message: string): void {
  log(3, message);
}

// The backend's answer, or null.
export function callBackend(tool: string, args: string): string | null {
  const toolBytes = String.UTF8.encode(tool);
  const argsBytes = String.UTF8.encode(args);
  for (let capacity = FIRST_CAPACITY; capacity <= LAST_CAPACITY; capacity *= 2) {
    const buffer = heap.alloc(capacity);
    memory.fill(buffer, 0, capacity);
    const code = env_call_backend(
      changetype<usize>(toolBytes), toolBytes.byteLength, changetype<usize>(argsBytes), argsBytes.byteLength,
      buffer, capacity
    );
    const text: string | null = code >= 0 && <u32>code <= capacity ? String.UTF8.decodeUnsafe(buffer, code) : null;
    heap.free(buffer);
    if (code != BUFFER_TOO_SMALL) return text;
  }
  return null;
}
