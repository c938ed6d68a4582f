// Takes the place of AssemblyScript's imported `abort`: says why, then traps.

import { error } from "./host";

export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  error(`${message === null ? "abort" : message} at ${file === null ? "?" : file}:${line}:${column}`);
  unreachable();
}
