// Just enough JSON for a guard without a heap: values stay where they are, as slices of the text they came in.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *at, *end;
} Slice;

Slice JsonText(const char* text, size_t length);

// Checks one value and nothing after it. Everything below expects text that passed.
bool JsonValid(Slice text);

// Takes the first value off `rest`. False at the end, or where no value begins.
bool JsonTake(Slice* rest, Slice* value);

// The value of a member of an object; false where there is none. The last of two with one name wins.
bool JsonMember(Slice object, const char* name, Slice* value);

// Walks an array: `*cursor` starts as the array itself. False after the last element.
bool JsonNext(Slice* cursor, Slice* element);

bool JsonIs(Slice value, const char* literal);  // true, false, null
bool JsonIsObject(Slice value);
bool JsonIsArray(Slice value);
bool JsonIsString(Slice value);

// The text of a string with its escapes resolved, as UTF-8. Returns the length, or -1 where it is no string or does not
// fit. Ends with a zero.
ptrdiff_t JsonString(Slice value, char* out, size_t capacity);
