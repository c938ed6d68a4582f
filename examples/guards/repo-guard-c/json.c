#include "json.h"

#include <string.h>

#define MAX_DEPTH 128

Slice JsonText(const char* text, size_t length) { return (Slice){text, text + length}; }

static void SkipSpace(Slice* rest) {
  while (rest->at < rest->end && strchr(" \t\r\n", *rest->at) && *rest->at) rest->at++;
}

static bool SkipString(Slice* rest) {
  rest->at++;  // the opening quote
  while (rest->at < rest->end) {
    char c = *rest->at++;
    if (c == '"') return true;
    if (c == '\\') {
      if (rest->at >= rest->end || !*rest->at || !strchr("\"\\/bfnrtu", *rest->at)) return false;
      rest->at++;
    } else if ((unsigned char)c < 0x20) {
      return false;
    }
  }
  return false;
}

static bool SkipWord(Slice* rest) {
  const char* start = rest->at;
  while (rest->at < rest->end && *rest->at && strchr("+-.0123456789Eaeflnrstu", *rest->at)) rest->at++;
  Slice word = {start, rest->at};
  if (word.at == word.end) return false;
  if ((*start >= '0' && *start <= '9') || *start == '-') return true;
  return JsonIs(word, "true") || JsonIs(word, "false") || JsonIs(word, "null");
}

static bool SkipValue(Slice* rest, int depth);

static bool SkipContainer(Slice* rest, char close, int depth) {
  rest->at++;
  SkipSpace(rest);
  if (rest->at < rest->end && *rest->at == close) return rest->at++, true;
  while (true) {
    if (close == '}') {
      SkipSpace(rest);
      if (rest->at >= rest->end || *rest->at != '"' || !SkipString(rest)) return false;
      SkipSpace(rest);
      if (rest->at >= rest->end || *rest->at++ != ':') return false;
    }
    if (!SkipValue(rest, depth + 1)) return false;
    SkipSpace(rest);
    if (rest->at >= rest->end) return false;
    char c = *rest->at++;
    if (c == close) return true;
    if (c != ',') return false;
  }
}

static bool SkipValue(Slice* rest, int depth) {
  SkipSpace(rest);
  if (rest->at >= rest->end || depth > MAX_DEPTH) return false;
  switch (*rest->at) {
    case '{':
      return SkipContainer(rest, '}', depth);
    case '[':
      return SkipContainer(rest, ']', depth);
    case '"':
      return SkipString(rest);
    default:
      return SkipWord(rest);
  }
}

bool JsonTake(Slice* rest, Slice* value) {
  SkipSpace(rest);
  value->at = rest->at;
  if (!SkipValue(rest, 0)) return false;
  value->end = rest->at;
  return true;
}

bool JsonValid(Slice text) {
  Slice value;
  if (!JsonTake(&text, &value)) return false;
  SkipSpace(&text);
  return text.at == text.end;
}

bool JsonIs(Slice value, const char* literal) {
  size_t length = strlen(literal);
  return (size_t)(value.end - value.at) == length && memcmp(value.at, literal, length) == 0;
}

bool JsonIsObject(Slice value) { return value.at < value.end && *value.at == '{'; }
bool JsonIsArray(Slice value) { return value.at < value.end && *value.at == '['; }
bool JsonIsString(Slice value) { return value.at < value.end && *value.at == '"'; }

// Steps over the bracket or comma before the next element; false at the closing bracket.
static bool Step(Slice* cursor) {
  if (cursor->at >= cursor->end) return false;
  cursor->at++;
  SkipSpace(cursor);
  return cursor->at < cursor->end && *cursor->at != ']' && *cursor->at != '}';
}

bool JsonNext(Slice* cursor, Slice* element) {
  if (!Step(cursor) || !JsonTake(cursor, element)) return false;
  SkipSpace(cursor);
  return true;
}

bool JsonMember(Slice object, const char* name, Slice* value) {
  if (!JsonIsObject(object)) return false;
  char key[64];
  bool found = false;
  while (Step(&object)) {
    Slice key_text, member;
    if (!JsonTake(&object, &key_text)) return false;
    SkipSpace(&object);
    object.at++;  // the colon
    if (!JsonTake(&object, &member)) return false;
    SkipSpace(&object);
    if (JsonString(key_text, key, sizeof key) >= 0 && strcmp(key, name) == 0) {
      *value = member;
      found = true;
    }
  }
  return found;
}

static int Hex4(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; i++) {
    const char* digits = "0123456789abcdef";
    char c = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] + 32) : at[i];
    const char* digit = c ? strchr(digits, c) : NULL;
    if (!digit) return -1;
    value = value * 16 + (int)(digit - digits);
  }
  return value;
}

static size_t PutUtf8(uint32_t code, char* out) {
  if (code < 0x80) return out[0] = (char)code, 1;
  if (code < 0x800) return out[0] = (char)(0xc0 | code >> 6), out[1] = (char)(0x80 | (code & 63)), 2;
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12), out[1] = (char)(0x80 | (code >> 6 & 63)), out[2] = (char)(0x80 | (code & 63));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18), out[1] = (char)(0x80 | (code >> 12 & 63));
  out[2] = (char)(0x80 | (code >> 6 & 63)), out[3] = (char)(0x80 | (code & 63));
  return 4;
}

// Resolves the escape that `*at` stands behind the backslash of. A lone half of a pair is an error.
static bool TakeEscape(const char** at, const char* end, uint32_t* code) {
  static const char kNames[] = "\"\\/bfnrt", kValues[] = "\"\\/\b\f\n\r\t";
  char c = *(*at)++;
  if (c != 'u') {
    const char* name = c ? strchr(kNames, c) : NULL;
    return name && (*code = (unsigned char)kValues[name - kNames], true);
  }
  int high = Hex4(*at, end);
  if (high < 0) return false;
  *at += 4;
  *code = (uint32_t)high;
  if (high < 0xd800 || high > 0xdfff) return true;
  if (high > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u') return false;
  int low = Hex4(*at + 2, end);
  if (low < 0xdc00 || low > 0xdfff) return false;
  *at += 6;
  *code = 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
  return true;
}

ptrdiff_t JsonString(Slice value, char* out, size_t capacity) {
  if (!JsonIsString(value)) return -1;
  size_t used = 0;
  const char *at = value.at + 1, *end = value.end - 1;
  while (at < end) {
    if (used + 5 > capacity) return -1;
    if (*at != '\\') {
      out[used++] = *at++;
      continue;
    }
    uint32_t code;
    at++;
    if (!TakeEscape(&at, end, &code)) return -1;
    used += PutUtf8(code, out + used);
  }
  if (used >= capacity) return -1;
  out[used] = 0;
  return (ptrdiff_t)used;
}
