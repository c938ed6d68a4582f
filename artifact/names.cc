// See names.h.
#include "artifact/names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>

#include "artifact/cache_layout.h"
#include "artifact/json_fields.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json_index.h"
#include "base/log.h"

namespace guardc::artifact {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestName = 64;
constexpr size_t kShortestPrefix = 4;
constexpr size_t kLongestPrefix = 64;
constexpr uint64_t kFileLimit = 4096;  // bytes
constexpr uint32_t kVersion = 1;
constexpr size_t kNamesInMessage = 20;
constexpr std::string_view kDigits = "0123456789";

fs::path NamesDirectory(const CacheStore& store) {
  return store.root() / layout::kVersionDirectory / layout::kNamesDirectory;
}

std::string Quoted(std::string_view name) { return "\"" + log::PrintableLine(name, kLongestName) + "\""; }

// Checked for owner and permissions on what was opened; empty where there is none.
Result<std::optional<Fd>> OpenDirectory(const CacheStore& store) {
  const fs::path path = NamesDirectory(store);
  GUARDC_TRY(const bool has_version, layout::CheckDirectory(path.parent_path(), /*may_be_link=*/false));
  if (!has_version) return std::nullopt;
  Fd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd && errno == ENOENT) return std::nullopt;
  // O_NOFOLLOW with O_DIRECTORY answers ENOTDIR for a link, too.
  if (!fd && errno == ENOTDIR) {
    return Fail(ErrorKind::kUntrusted,
                path.string() + " is no directory, and links are not followed: remove it, and name the guards again");
  }
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0) return FailErrno("open", path, errno);
  GUARDC_CHECK(CheckNotWritableByOthers(st, path));
  return std::optional(std::move(fd));
}

std::unexpected<Error> FailDamaged(const fs::path& path, const std::string& problem) {
  const std::string name = path.filename().string();
  return Fail(ErrorKind::kCorruptArtifact, path.string() + " is damaged: " + problem + "; run `guardc compile --name " +
                                               name + " GUARD.wasm` again, or `guardc cache rm " + name + "`");
}

std::unexpected<Error> FailUnknown(const CacheStore& store, std::string_view name) {
  const auto names = ListNames(store);
  std::string known;
  for (size_t i = 0; names && i < names->size() && i < kNamesInMessage; ++i)
    known += (i == 0 ? "" : ", ") + (*names)[i].name;
  if (names && names->size() > kNamesInMessage) {
    known += " and " + std::to_string(names->size() - kNamesInMessage) + " more";
  }
  return Fail(ErrorKind::kNotCached, "nothing in " + store.root().string() + " has the name " + Quoted(name) +
                                         (known.empty() ? "; it has no names" : "; its names are " + known) +
                                         ": run `guardc compile --name " + std::string(name) + " GUARD.wasm`");
}

Result<EntryName> Parse(const std::string& text, const fs::path& path) {
  const auto index = JsonIndex::Of(text, "its text");
  if (!index) return FailDamaged(path, index.error().message);
  const JsonValue json = index->root();
  if (json.Is(JsonType::kObject)) {
    const auto member = FindMember(json, "version");
    const auto version = member ? UnsignedNumber(*member) : std::nullopt;
    if (version && *version != kVersion) {
      return Fail(ErrorKind::kIncompatibleArtifact,
                  path.string() + ": version is " + std::to_string(*version) + ", expected " +
                      std::to_string(kVersion) + ": compile the guard under this name with this version of guardc");
    }
  }
  std::string problem, key;
  {
    const JsonPlace place;
    JsonFields fields(json, place, problem);
    uint32_t version = 0;
    fields.Get("version", version);
    fields.Get("key", key);
  }
  if (!problem.empty()) return FailDamaged(path, problem);
  const size_t dash = std::min(key.find('-'), key.size());
  EntryName out{.name = path.filename().string(),
                .wasm_sha256 = key.substr(0, dash),
                .key = key.substr(std::min(dash + 1, key.size()))};
  if (!IsSha256Hex(out.wasm_sha256) || !IsSha256Hex(out.key)) {
    return FailDamaged(path, "its key is " + Quoted(key) + ", expected two SHA-256 with a dash between them");
  }
  return out;
}

// One of the names in the directory; empty where there is none.
Result<std::optional<EntryName>> ReadIn(const Fd& directory, const fs::path& path) {
  // Never waits for the writer of a pipe, never follows a link.
  const Fd fd(openat(directory.get(), path.filename().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd && errno == ELOOP) {
    return Fail(ErrorKind::kUntrusted, path.string() +
                                           " is a symbolic link, which is not followed: run `guardc cache rm " +
                                           path.filename().string() + "`");
  }
  struct stat st;
  if (!fd || fstat(fd.get(), &st) != 0) return FailErrno("open", path, errno);
  if (!S_ISREG(st.st_mode)) return FailDamaged(path, "it is not a regular file");
  GUARDC_CHECK(CheckNotWritableByOthers(st, path));
  const auto text = ReadAll(fd.get(), path, kFileLimit);
  if (!text && text.error().kind == ErrorKind::kLimit) return FailDamaged(path, text.error().message);
  if (!text) return std::unexpected(text.error());
  GUARDC_TRY(EntryName out, Parse(*text, path));
  return std::optional(std::move(out));
}

Result<FileLock> LockNames(const CacheStore& store) {
  const fs::path path = layout::LockPath(store.root(), layout::kNamesLock);
  GUARDC_CHECK(CreateDirectories(path.parent_path()));
  return FileLock::Acquire(path);
}

// Whether there is no entry at all. One that is damaged is there.
bool IsGone(const CacheStore& store, const EntryName& name) {
  struct stat st;
  return lstat(store.EntryPath(name.wasm_sha256, name.key).c_str(), &st) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

bool RefersTo(const Result<std::optional<EntryName>>& found, std::string_view wasm_sha256, std::string_view key) {
  return found && *found && (*found)->wasm_sha256 == wasm_sha256 && (*found)->key == key;
}

void Unlink(const fs::path& path, bool is_name, RemovedNames& out) {
  if (unlink(path.c_str()) == 0) {
    if (is_name) out.names.push_back(path.filename().string());
  } else if (errno != ENOENT) {
    out.failed.push_back({path, FailErrno("remove", path, errno).error()});
  }
}

Result<void> Write(const CacheStore& store, const EntryName& name) {
  const fs::path lock_path = layout::LockPath(store.root(), name.key);
  GUARDC_CHECK(CreateDirectories(lock_path.parent_path()));
  GUARDC_TRY(const FileLock key_lock, FileLock::Acquire(lock_path));
  if (IsGone(store, name)) return FailEntryIsGone(store, name);
  GUARDC_TRY(const FileLock lock, LockNames(store));
  GUARDC_CHECK(CreateDirectories(NamesDirectory(store)));
  GUARDC_CHECK(OpenDirectory(store));
  const std::string text =
      R"({"version":)" + std::to_string(kVersion) + R"(,"key":")" + name.wasm_sha256 + "-" + name.key + "\"}\n";
  return WriteFileAtomically(NamesDirectory(store) / name.name, std::as_bytes(std::span(text)));
}

}  // namespace

bool IsKeyPrefix(std::string_view text) {
  return text.size() >= kShortestPrefix && text.size() <= kLongestPrefix &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<void> CheckName(std::string_view name) {
  const auto refuse = [&](std::string_view what) {
    return Fail(ErrorKind::kInvalidArgument,
                "the name " + Quoted(name) + " " + std::string(what) +
                    ": expected 1 to 64 letters of A-Z, digits, dots, dashes and underscores, first a letter, a digit "
                    "or an underscore, and not four or more hexadecimal digits alone");
  };
  if (name.empty()) return refuse("is empty");
  if (name.size() > kLongestName) return refuse("has " + std::to_string(name.size()) + " characters");
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  for (const char c : name) {
    if (is_letter(c) || kDigits.contains(c) || c == '.' || c == '_' || c == '-') continue;
    return refuse(c == '/' ? "is a path" : "has a character that no name has");
  }
  if (name.front() == '.') return refuse("begins with a dot");
  if (name.front() == '-') return refuse("begins with a dash");
  if (name.size() >= kShortestPrefix && name.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos) {
    return refuse("could be the first digits of a key");
  }
  return {};
}

Result<void> SetName(const CacheStore& store, const EntryName& name) {
  GUARDC_CHECK(CheckName(name.name));
  // Asked before any lock, so that a cache that is only read has its names all the same.
  const auto found = ReadName(store, name.name);
  if (found && *found == name) return {};
  Result<void> written = Write(store, name);
  if (written || written.error().kind == ErrorKind::kNotCached) return written;
  return Fail(written.error().kind, "cannot give the name " + Quoted(name.name) + " to the artifact " + name.key +
                                        ": " + written.error().message);
}

Result<EntryName> ReadName(const CacheStore& store, std::string_view name) {
  GUARDC_CHECK(CheckName(name));
  GUARDC_TRY(const auto directory, OpenDirectory(store));
  if (!directory) return FailUnknown(store, name);
  GUARDC_TRY(auto found, ReadIn(*directory, NamesDirectory(store) / name));
  if (!found) return FailUnknown(store, name);
  return *std::move(found);
}

Result<fs::path> EntryOfName(const CacheStore& store, std::string_view name) {
  GUARDC_TRY(const EntryName found, ReadName(store, name));
  GUARDC_TRY(const auto entries, store.EntriesOf(found.wasm_sha256));  // with the levels above them
  fs::path entry = store.EntryPath(found.wasm_sha256, found.key);
  if (std::ranges::find(entries, entry) == entries.end()) return FailEntryIsGone(store, found);
  return entry;
}

std::unexpected<Error> FailEntryIsGone(const CacheStore& store, const EntryName& name) {
  return Fail(ErrorKind::kNotCached, "the name " + Quoted(name.name) + " is that of the artifact " + name.key +
                                         ", which is not in " + store.root().string() +
                                         " any more: run `guardc compile --name " + name.name +
                                         " GUARD.wasm` again, with the options that it had");
}

Result<std::vector<EntryName>> ListNames(const CacheStore& store) {
  std::vector<EntryName> out;
  GUARDC_TRY(const auto directory, OpenDirectory(store));
  if (!directory) return out;
  GUARDC_TRY(const auto names, ListDirectory(NamesDirectory(store)));
  for (const std::string& name : names) {
    if (!CheckName(name)) continue;
    auto found = ReadIn(*directory, NamesDirectory(store) / name);
    if (found && *found) out.push_back(**std::move(found));
  }
  return out;
}

Result<bool> RemoveName(const CacheStore& store, std::string_view name) {
  GUARDC_CHECK(CheckName(name));
  GUARDC_TRY(const auto directory, OpenDirectory(store));
  if (!directory) return false;
  GUARDC_TRY(const FileLock lock, LockNames(store));
  RemovedNames removed;
  Unlink(NamesDirectory(store) / name, /*is_name=*/true, removed);
  if (!removed.failed.empty()) return std::unexpected(std::move(removed.failed.front().error));
  return !removed.names.empty();
}

RemovedNames RemoveNamesOf(const CacheStore& store, std::string_view wasm_sha256, std::string_view key) {
  RemovedNames out;
  // Without the lock of names: under the key's, no name can come to the entry.
  const auto names = ListNames(store);
  if (!names) {
    out.failed.push_back({NamesDirectory(store), names.error()});
    return out;
  }
  std::optional<FileLock> lock;
  for (const EntryName& name : *names) {
    if (name.wasm_sha256 != wasm_sha256 || name.key != key) continue;
    const fs::path path = NamesDirectory(store) / name.name;
    if (!lock) {
      auto locked = LockNames(store);
      if (!locked) {
        out.failed.push_back({path, std::move(locked).error()});
        return out;
      }
      lock = *std::move(locked);
    }
    // It may have moved to another entry meanwhile.
    const auto directory = OpenDirectory(store);
    if (directory && *directory && RefersTo(ReadIn(**directory, path), wasm_sha256, key)) {
      Unlink(path, /*is_name=*/true, out);
    }
  }
  return out;
}

RemovedNames SweepNames(const CacheStore& store, bool dry_run) {
  RemovedNames out;
  const auto directory = OpenDirectory(store);
  const auto names = directory && *directory ? ListDirectory(NamesDirectory(store)) : std::vector<std::string>{};
  if (!directory || !names) {
    out.failed.push_back({NamesDirectory(store), directory ? names.error() : directory.error()});
    return out;
  }
  std::optional<FileLock> lock;
  for (const std::string& name : *names) {
    const fs::path path = NamesDirectory(store) / name;
    const bool is_temporary = name.starts_with(layout::kTemporaryPrefix);
    if (!is_temporary && !CheckName(name)) continue;  // nothing of ours
    const auto is_due = [&] {
      if (is_temporary) return true;
      const auto found = ReadIn(**directory, path);
      if (!found) return found.error().kind == ErrorKind::kCorruptArtifact;
      return *found && IsGone(store, **found);
    };
    if (!is_due()) continue;
    if (dry_run) {
      if (!is_temporary) out.names.push_back(name);
      continue;
    }
    if (!lock) {
      auto locked = LockNames(store);
      if (!locked) {
        out.failed.push_back({path, std::move(locked).error()});
        return out;
      }
      lock = *std::move(locked);
    }
    // Who held the lock may have written it anew, and an entry that is being replaced is away for a moment on some file
    // systems: whoever does that holds the key's lock, for which we cannot wait while we hold that of names.
    const auto found = is_temporary ? std::optional<EntryName>() : ReadIn(**directory, path).value_or(std::nullopt);
    std::optional<FileLock> key_lock;
    if (found) {
      auto locked = FileLock::TryAcquire(layout::LockPath(store.root(), found->key));
      if (!locked || !*locked) continue;
      key_lock = std::move(*locked);
    }
    if (is_due()) Unlink(path, /*is_name=*/!is_temporary, out);
  }
  return out;
}

}  // namespace guardc::artifact
