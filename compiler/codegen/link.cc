#include "compiler/codegen/link.h"

#include <fcntl.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/Signals.h>
#include <llvm/Support/raw_ostream.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/format.h"
#include "base/memory_file.h"
#include "base/quiet_writes.h"
#include "compiler/codegen/libc_ir.h"
#include "compiler/codegen/llvm_errors.h"

LLD_HAS_DRIVER(elf)

namespace guardc::compiler {
namespace {

constexpr uint64_t kMostOutput = uint64_t{1} << 40;

// What LLD reads and writes by a path: files in memory, by way of /proc; where there is no /proc, or the system refuses
// such files, those of a directory that goes with this object.
class LinkFiles {
 public:
  // The path of a file of these bytes.
  Result<std::string> Add(const ObjectBytes& bytes) {
    const QuietWrites quiet;
    if (has_proc_) {
      if (auto file = MemoryFile::Create("guardc-object", MemoryFile::Use::kData)) {
        GUARDC_CHECK(file->Append(std::as_bytes(std::span(bytes.data(), bytes.size()))));
        return Format("/proc/self/fd/{}", files_.emplace_back(std::move(*file)).fd());
      }
    }
    GUARDC_TRY(const std::filesystem::path path, NewPath());
    GUARDC_CHECK(
        WriteNewFile(path, std::as_bytes(std::span(bytes.data(), bytes.size())), kDefaultFileMode, Durability::kNone));
    return path.string();
  }

  // Of a file that is not there yet.
  Result<std::filesystem::path> NewPath() {
    if (!directory_) {
      GUARDC_TRY(auto made, TemporaryDirectory::Make());
      directory_.emplace(std::move(made));
    }
    return directory_->path() / std::to_string(count_++);
  }

  bool has_proc() const { return has_proc_; }

 private:
  const bool has_proc_ = ProcNote().empty();
  std::vector<MemoryFile> files_;
  std::optional<TemporaryDirectory> directory_;
  size_t count_ = 0;
};

// What LLD writes its output to. For a regular file it would make a temporary one beside it and, to remove that on a
// crash, take over all signals of the process for good; a pipe it just writes. A thread empties it meanwhile.
class OutputPipe {
 public:
  // Null where the system refuses another thread.
  static Result<std::unique_ptr<OutputPipe>> Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return FailErrno("create", "a pipe for the linker's output", errno);
    std::unique_ptr<OutputPipe> pipe(new OutputPipe(Fd(fds[0]), Fd(fds[1])));
    try {
      pipe->reader_ = std::thread([&pipe = *pipe] { pipe.ReadAll(); });
    } catch (const std::system_error&) {
      pipe.reset();
    }
    return pipe;
  }
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;
  ~OutputPipe() { Join(); }

  std::string Path() const { return Format("/proc/self/fd/{}", read_end_.get()); }

  // All that was written; to be called when the writer is done.
  Result<std::vector<std::byte>> Finish() {
    Join();
    if (error_ != 0) return FailErrno("read", "the linker's output", error_);
    return std::move(bytes_);
  }

 private:
  OutputPipe(Fd read_end, Fd write_end) : read_end_(std::move(read_end)), write_end_(std::move(write_end)) {}

  void Join() {
    write_end_.Reset();
    if (reader_.joinable()) reader_.join();
  }

  void ReadAll() try {
    std::vector<std::byte> buffer(65536);
    while (true) {
      const ssize_t n = read(read_end_.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) error_ = errno;
      if (n <= 0) return;
      bytes_.insert(bytes_.end(), buffer.begin(), buffer.begin() + n);
    }
  } catch (const std::bad_alloc&) {
    error_ = ENOMEM;
    read_end_.Reset();  // or LLD would wait for us
  }

  Fd read_end_;
  Fd write_end_;  // kept open, so that the end is not seen before LLD has opened its own
  std::vector<std::byte> bytes_;
  int error_ = 0;
  std::thread reader_;
};

// LLVM takes the process's signals when it makes the first file that is to go with a crash. Let it do so now, and give
// them back: it does not ask for them again.
void KeepSignals() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::array<struct sigaction, NSIG> actions;
    for (int i = 1; i < NSIG; ++i) sigaction(i, nullptr, &actions[i]);
    stack_t stack;
    sigaltstack(nullptr, &stack);
    constexpr const char* kNoFile = "/dev/null/none";
    llvm::sys::RemoveFileOnSignal(kNoFile);
    llvm::sys::DontRemoveFileOnSignal(kNoFile);
    sigaltstack(&stack, nullptr);
    for (int i = 1; i < NSIG; ++i) sigaction(i, &actions[i], nullptr);
  });
}

// LLD holds global state: one link at a time.
std::mutex& LinkMutex() {
  static std::mutex mutex;
  return mutex;
}

Result<std::vector<std::byte>> Link(const std::vector<ObjectBytes>& objects, std::vector<std::string> arguments) {
  InstallLlvmGuard();
  LinkFiles place;
  std::vector<std::string> files;
  for (const ObjectBytes& object : objects) {
    GUARDC_TRY(std::string file, place.Add(object));
    files.push_back(std::move(file));
  }
  std::unique_ptr<OutputPipe> pipe;
  if (place.has_proc()) {
    GUARDC_TRY(pipe, OutputPipe::Open());
  }
  std::filesystem::path file;
  if (pipe == nullptr) {
    GUARDC_TRY(file, place.NewPath());
    KeepSignals();
    // A disk that is full is an error of a write, and no SIGBUS.
    arguments.emplace_back("--no-mmap-output-file");
  }
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.insert(arguments.end(), {"-o", pipe != nullptr ? pipe->Path() : file.string()});
  std::ranges::move(files, std::back_inserter(arguments));

  std::vector<const char*> argv;
  argv.reserve(arguments.size());
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string errors;
  llvm::raw_string_ostream error_stream(errors);
  TakeFatalMessage();
  int code = 1;
  {
    const QuietWrites quiet;
    const std::lock_guard lock(LinkMutex());
    code = lld::lldMain(argv, llvm::nulls(), error_stream, {{lld::Gnu, &lld::elf::link}}).retCode;
  }
  if (code != 0) {
    const std::string fatal = TakeFatalMessage();
    return Fail(ErrorKind::kCompile, Format("linking failed: {}{}", error_stream.str(), fatal));
  }
  return pipe != nullptr ? pipe->Finish() : ReadFile(file, kMostOutput);
}

}  // namespace

Result<std::vector<std::byte>> LinkArtifact(const std::vector<ObjectBytes>& objects, const CompileTarget& target) {
  return Link(objects, {"-m", target.is_aarch64 ? "aarch64linux" : "elf_x86_64", "-shared",
                        // Imports nothing: what is not defined is an error.
                        "--no-undefined", "-Bsymbolic",
                        // Nothing to write at run time: no text relocation, all else read-only once relocated.
                        "-z", "text", "-z", "now", "-z", "relro", "-z", "noexecstack", "--pack-dyn-relocs=relr",
                        // The loader maps the image and checks the text by pages.
                        "-z", "separate-loadable-segments", "-z", Format("max-page-size={}", target.page_size),
                        "--hash-style=gnu", "--build-id=none", "--gc-sections", "-z", "nostart-stop-gc",
                        Format("--undefined={}", kTextAnchor), "--eh-frame-hdr",
                        // Names of guest functions stay for perf and gdb; LLVM's own labels go.
                        "--discard-all",
                        // The same bytes on any machine.
                        "--threads=1"});
}

Result<std::vector<std::byte>> LinkRelocatable(const std::vector<ObjectBytes>& objects, const CompileTarget& target) {
  return Link(objects, {"-m", target.is_aarch64 ? "aarch64linux" : "elf_x86_64", "-r", "--threads=1"});
}

}  // namespace guardc::compiler
