#include "compiler/emit/link.h"

#include <fmt/format.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/raw_ostream.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/file.h"
#include "compiler/emit/llvm_guard.h"

LLD_HAS_DRIVER(elf)

namespace guardc::compiler {
namespace {

constexpr uint64_t kMaxOutput = uint64_t{4} << 30;

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

// LLD writes to a temporary file beside its output and renames it: it needs a directory, not a file in memory.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> Create() {
    std::error_code error;
    const auto base = std::filesystem::temp_directory_path(error);
    std::string path = ((error ? std::filesystem::path("/tmp") : base) / "guardc-link-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) return FailErrno("create a directory for linking", path, errno);
    return ScratchDirectory(std::move(path));
  }
  ScratchDirectory(ScratchDirectory&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path File() const { return path_ / "guard.so"; }

 private:
  explicit ScratchDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
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
  GUARDC_TRY(const ScratchDirectory directory, ScratchDirectory::Create());
  arguments.insert(arguments.begin(), "ld.lld");
  arguments.push_back("-o");
  arguments.push_back(directory.File().string());
  for (const Fd& file : files) arguments.push_back(fmt::format("/proc/self/fd/{}", file.get()));

  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string errors;
  llvm::raw_string_ostream error_stream(errors);
  int code = 1;
  {
    const std::lock_guard lock(LinkMutex());
    code = lld::lldMain(argv, llvm::nulls(), error_stream, {{lld::Gnu, &lld::elf::link}}).retCode;
  }
  if (code != 0) return Fail(ErrorKind::kCompile, fmt::format("linking failed: {}", error_stream.str()));
  return ReadFile(directory.File(), kMaxOutput);
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
                        "--hash-style=gnu", "--build-id=none", "--gc-sections", "--eh-frame-hdr",
                        // Names of guest functions stay for perf and gdb; LLVM's own labels go.
                        "--discard-all",
                        // The same bytes on any machine.
                        "--threads=1"});
}

Result<std::vector<std::byte>> LinkRelocatable(const std::vector<ObjectBytes>& objects, const CompileTarget& target) {
  return Link(objects, {"-m", target.is_aarch64 ? "aarch64linux" : "elf_x86_64", "-r", "--threads=1"});
}

}  // namespace guardc::compiler
