// Labels as JSON, and the levels of trust.

export const LEVELS: string[] = ["none", "unapproved", "approved", "merged"];
export const BLOCKED: i32 = -1;

// The tags of a level include those of the levels below it.
export function tags(level: i32): string {
  const names = LEVELS.slice(0, level + 1);
  return names.length == 0 ? "[]" : `["${names.join('","')}"]`;
}

// Names of owners and repositories need no escapes in JSON.
export function isName(text: string): bool {
  if (text.length == 0 || text.length > 100) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const word = (c >= 48 && c <= 57) || (c >= 65 && c <= 90) || (c >= 97 && c <= 122);
    if (!word && c != 45 && c != 46 && c != 95) return false;
  }
  return true;
}

export class Labels {
  constructor(public description: string, public repository: string, public hidden: bool, public level: i32) {}

  toJson(): string {
    const place = this.repository.length > 0 ? this.repository : "unknown";
    const secrecy = this.hidden ? `["private:${place}"]` : "[]";
    return `{"description":"${this.description}","secrecy":${secrecy},"integrity":${tags(this.level)}}`;
  }
}
