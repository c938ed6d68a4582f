// Just enough JSON for a guard: values stay in the bytes they came in. Positions are addresses; 0 means "not JSON".

const MAX_DEPTH: i32 = 128;

// The text of one value.
export class Value {
  constructor(public at: usize, public end: usize) {}

  // The one value in the text, or null where it holds anything else.
  static parse(at: usize, length: usize): Value | null {
    const start = skipSpace(at, at + length);
    const end = skipValue(start, at + length, 0);
    return end != 0 && skipSpace(end, at + length) == at + length ? new Value(start, end) : null;
  }

  get isObject(): bool {
    return load<u8>(this.at) == 0x7b;
  }

  get isArray(): bool {
    return load<u8>(this.at) == 0x5b;
  }

  // The value of a member, or null. The last of two with one name wins.
  get(name: string): Value | null {
    if (!this.isObject) return null;
    let found: Value | null = null;
    let at = skipSpace(this.at + 1, this.end);
    while (load<u8>(at) != 0x7d) {
      const keyEnd = skipString(at, this.end);
      const start = skipSpace(skipSpace(keyEnd, this.end) + 1, this.end);
      const end = skipValue(start, this.end, 0);
      if (unescape(at, keyEnd) == name) found = new Value(start, end);
      at = next(end, this.end);
    }
    return found;
  }

  // The first `count` elements of an array.
  elements(count: i32): Array<Value> {
    const list = new Array<Value>();
    if (!this.isArray) return list;
    let at = skipSpace(this.at + 1, this.end);
    while (load<u8>(at) != 0x5d && list.length < count) {
      const end = skipValue(at, this.end, 0);
      list.push(new Value(at, end));
      at = next(end, this.end);
    }
    return list;
  }

  // The text of a string, or null.
  text(): string | null {
    return load<u8>(this.at) == 0x22 ? unescape(this.at, this.end) : null;
  }

  is(literal: string): bool {
    return String.UTF8.decodeUnsafe(this.at, this.end - this.at) == literal;
  }
}

// The text of a member of an object; "" where there is none.
export function textOf(object: Value, name: string): string {
  const value = object.get(name);
  const text: string | null = value === null ? null : value.text();
  return text === null ? "" : text;
}

// Takes an MCP envelope off, where there is one: the JSON in its first part, or null where that is no JSON.
export function unwrap(result: Value): Value | null {
  const content = result.get("content");
  if (content === null || !content.isArray) return result;
  const parts = content.elements(1);
  if (parts.length == 0) return null;
  const text = parts[0].get("text");
  if (text === null || load<u8>(text.at) != 0x22) return null;
  // The value points into these bytes, which therefore stay until the next label call.
  held = resolve(text.at, text.end);
  return Value.parse(changetype<usize>(held), resolved);
}

let held: ArrayBuffer = new ArrayBuffer(0);

// From behind an element of checked text to the next one, or to the closing bracket.
function next(at: usize, end: usize): usize {
  at = skipSpace(at, end);
  return load<u8>(at) == 0x2c ? skipSpace(at + 1, end) : at;
}

function skipSpace(at: usize, end: usize): usize {
  while (at < end) {
    const c = load<u8>(at);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) break;
    at++;
  }
  return at;
}

function skipString(at: usize, end: usize): usize {
  if (at >= end || load<u8>(at) != 0x22) return 0;
  for (at++; at < end; at++) {
    const c = load<u8>(at);
    if (c == 0x22) return at + 1;
    if (c < 0x20) return 0;
    if (c == 0x5c && (++at >= end || !'"\\/bfnrtu'.includes(String.fromCharCode(load<u8>(at))))) return 0;
  }
  return 0;
}

function skipWord(at: usize, end: usize): usize {
  const start = at;
  for (; at < end; at++) {
    const c = load<u8>(at);
    const number = (c >= 0x30 && c <= 0x39) || c == 0x2b || c == 0x2d || c == 0x2e;
    if (!number && !((c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a)) break;
  }
  if (at == start) return 0;
  const first = load<u8>(start);
  if (first == 0x2d || (first >= 0x30 && first <= 0x39)) return at;
  const word = String.UTF8.decodeUnsafe(start, at - start);
  return word == "true" || word == "false" || word == "null" ? at : 0;
}

function skipValue(at: usize, end: usize, depth: i32): usize {
  if (at >= end || depth > MAX_DEPTH) return 0;
  const c = load<u8>(at);
  if (c == 0x22) return skipString(at, end);
  if (c != 0x7b && c != 0x5b) return skipWord(at, end);
  const close: u8 = c + 2; // } follows { by two, and ] follows [
  at = skipSpace(at + 1, end);
  if (at < end && load<u8>(at) == close) return at + 1;
  while (true) {
    if (c == 0x7b) {
      at = skipString(at, end);
      if (at == 0) return 0;
      at = skipSpace(at, end);
      if (at >= end || load<u8>(at) != 0x3a) return 0;
      at = skipSpace(at + 1, end);
    }
    at = skipValue(at, end, depth + 1);
    if (at == 0) return 0;
    at = skipSpace(at, end);
    if (at >= end) return 0;
    const separator = load<u8>(at);
    if (separator == close) return at + 1;
    if (separator != 0x2c) return 0;
    at = skipSpace(at + 1, end);
  }
}

function hex(at: usize): u32 {
  return <u32>I32.parseInt(String.UTF8.decodeUnsafe(at, 4), 16);
}

// UTF-8 bytes at `at`; the position behind them.
function put(code: u32, at: usize): usize {
  if (code < 0x80) {
    store<u8>(at, code);
    return at + 1;
  }
  const size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (let i = size - 1; i > 0; i--, code >>= 6) store<u8>(at + i, 0x80 | (code & 0x3f));
  store<u8>(at, ((0xf00 >> size) & 0xff) | code);
  return at + size;
}

// The string at `at`, quotes included, with its escapes resolved, as UTF-8 of `resolved` bytes. A half of a surrogate
// pair becomes U+FFFD.
function resolve(at: usize, end: usize): ArrayBuffer {
  const bytes = new ArrayBuffer(<i32>(end - at));
  let out = changetype<usize>(bytes);
  end--;
  for (at++; at < end; ) {
    const c = load<u8>(at++);
    if (c != 0x5c) {
      store<u8>(out++, c);
      continue;
    }
    const name = load<u8>(at++);
    if (name != 0x75 || at + 4 > end) {
      const index = "bfnrt".indexOf(String.fromCharCode(name));
      store<u8>(out++, index < 0 ? name : <u8>"\b\f\n\r\t".charCodeAt(index));
      continue;
    }
    let code = hex(at);
    at += 4;
    if (code >> 11 == 0x1b) {
      const low = at + 6 <= end && load<u16>(at) == 0x755c ? hex(at + 2) : 0;
      const pair = code < 0xdc00 && low >> 10 == 0x37;
      if (pair) at += 6;
      code = pair ? 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff) : 0xfffd;
    }
    out = put(code, out);
  }
  resolved = <i32>(out - changetype<usize>(bytes));
  return bytes;
}

let resolved: i32 = 0;

function unescape(at: usize, end: usize): string {
  const bytes = resolve(at, end);
  return String.UTF8.decodeUnsafe(changetype<usize>(bytes), resolved);
}
