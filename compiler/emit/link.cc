#include "compiler/emit/link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/raw_ostream.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>

#include "base/file.h"
#include "compiler/emit/llvm_guard.h"
#include "compiler/emit/support.h"

LLD_HAS_DRIVER(elf)

namespace guardc::compiler {
namespace {

// A file in memory that LLD reads by its path.
Result<Fd> WriteMemoryFile(const ObjectBytes& bytes) {
  Fd fd(memfd_create("guardc-object", MFD_CLOEXEC));
  if (!fd) return FailErrno("create", "a file in memory for an object", errno);
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("write", "a file in memory for an object", errno);
    done += static_cast<size_t>(n);
  }
  return fd;
}

// What LLD writes its output to. For a regular file it would make a temporary one beside it and, to remove that on a
// crash, take over all signals of the process for good; a pipe it just writes. A thread empties it meanwhile.
class OutputPipe {
 public:
  static Result<std::unique_ptr<OutputPipe>> Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return FailErrno("create", "a pipe for the linker's output", errno);
    return std::unique_ptr<OutputPipe>(new OutputPipe(Fd(fds[0]), Fd(fds[1])));
  }
  OutputPipe(const OutputPipe&) = delete;
  OutputPipe& operator=(const OutputPipe&) = delete;
  ~OutputPipe() { Join(); }

  std::string Path() const { return fmt::format("/proc/self/fd/{}", read_end_.get()); }

  // All that was written; to be called when the writer is done.
  Result<std::vector<std::byte>> Finish() {
    Join();
    if (error_ != 0) return FailErrno("read", "the linker's output", error_);
    return std::move(bytes_);
  }

 private:
  OutputPipe(Fd read_end, Fd write_end)
      : read_end_(std::move(read_end)), write_end_(std::move(write_end)), reader_([this] { ReadAll(); }) {}

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

// LLD holds global state: one link at a time.
std::mutex& LinkMutex() {
  static std::mutex mutex;
  return mutex;
}

Result<std::vector<std::byte>> Link(const std::vector<ObjectBytes>& objects, std::vector<std::string> arguments) {
  InstallLlvmGuard();
  std::vector<Fd> files;
  for (const ObjectBytes& object : objects) {
    GUARDC_TRY(Fd file, WriteMemoryFile(object));
    files.push_back(std::move(file));
  }
  GUARDC_TRY(const auto output, OutputPipe::Open());
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.push_back("-o");
  arguments.push_back(output->Path());
  for (const Fd& file : files) arguments.push_back(fmt::format("/proc/self/fd/{}", file.get()));

  std::vector<const char*> argv;
  argv.reserve(arguments.size());
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string errors;
  llvm::raw_string_ostream error_stream(errors);
  int code = 1;
  {
    const std::lock_guard lock(LinkMutex());
    code = lld::lldMain(argv, llvm::nulls(), error_stream, {{lld::Gnu, &lld::elf::link}}).retCode;
  }
  if (code != 0) return Fail(ErrorKind::kCompile, fmt::format("linking failed: {}", error_stream.str()));
  return output->Finish();
}

}  // namespace

Result<std::vector<std::byte>> LinkArtifact(const std::vector<ObjectBytes>& objects, const CompileTarget& target) {
  return Link(objects, {"-m", target.is_aarch64 ? "aarch64linux" : "elf_x86_64", "-shared",
                        // Imports nothing: what is not defined is an error.
                        "--no-undefined", "-Bsymbolic",
                        // Nothing to write at run time: no text relocation, all else read-only once relocated.
                        "-z", "text", "-z", "now", "-z", "relro", "-z", "noexecstack", "--pack-dyn-relocs=relr",
                        // The loader maps the image and checks the text by pages.
                        "-z", "separate-loadable-segments", "-z", fmt::format("max-page-size={}", target.page_size),
                        "--hash-style=gnu", "--build-id=none", "--gc-sections", "-z", "nostart-stop-gc",
                        fmt::format("--undefined={}", kTextAnchor), "--eh-frame-hdr",
                        // Names of guest functions stay for perf and gdb; LLVM's own labels go.
                        "--discard-all",
                        // The same bytes on any machine.
                        "--threads=1"});
}

Result<std::vector<std::byte>> LinkRelocatable(const std::vector<ObjectBytes>& objects, const CompileTarget& target) {
  return Link(objects, {"-m", target.is_aarch64 ? "aarch64linux" : "elf_x86_64", "-r", "--threads=1"});
}

}  // namespace guardc::compiler
