// What is written is what is mapped, and nobody else reaches it: in memory, and in an unnamed file where the system
// refuses memory files.
#include "base/memory_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/support/bytes.h"
#include "tests/support/refused_call.h"

namespace guardc {
namespace {

using test::Bytes;
using ::testing::HasSubstr;
using Use = MemoryFile::Use;

Result<Fd> Sealed(std::string_view text, Use use) {
  GUARDC_TRY(MemoryFile file, MemoryFile::Create("test", use));
  GUARDC_CHECK(file.Append(Bytes(text.substr(0, 3))));
  GUARDC_CHECK(file.Append(Bytes(text.substr(3))));
  return std::move(file).Seal();
}

// What is promised of both kinds.
void ExpectFinal(int fd, std::string_view text, Use use) {
  const int protection = PROT_READ | (use == Use::kCode ? PROT_EXEC : 0);
  void* const view = mmap(nullptr, text.size(), protection, MAP_PRIVATE, fd, 0);
  ASSERT_NE(view, MAP_FAILED) << std::strerror(errno);
  EXPECT_EQ(std::memcmp(view, text.data(), text.size()), 0);
  munmap(view, text.size());
  EXPECT_LT(pwrite(fd, "x", 1, 0), 0);
  EXPECT_NE(ftruncate(fd, 0), 0);
  EXPECT_EQ(mmap(nullptr, text.size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  struct stat st;
  ASSERT_EQ(fstat(fd, &st), 0);
  EXPECT_EQ(st.st_nlink, 0U);
  const std::string name = "/dev/shm/guardc-memory-file-test-" + std::to_string(getpid());
  EXPECT_NE(
      linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd)).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW), 0);
}

TEST(MemoryFile, NobodyChangesWhatIsSealed) {
  for (const Use use : {Use::kData, Use::kCode}) {
    const Result<Fd> fd = Sealed("some bytes", use);
    ASSERT_TRUE(fd) << fd.error().message;
    ExpectFinal(fd->get(), "some bytes", use);
    EXPECT_EQ(open(("/proc/self/fd/" + std::to_string(fd->get())).c_str(), O_RDWR | O_TRUNC | O_CLOEXEC), -1);
  }
}

TEST(MemoryFile, AnUnnamedFileTakesItsPlace) {
  for (const int error : {EPERM, ENOSYS, EACCES}) {
    for (const Use use : {Use::kData, Use::kCode}) {
      const bool is_refused = WithRefusedCall(SYS_memfd_create, error, [&] {
        const auto file = MemoryFile::Create("test", use);
        ASSERT_TRUE(file) << file.error().message;
        EXPECT_FALSE(file->directory().empty());
        const Result<Fd> fd = Sealed("some bytes", use);
        ASSERT_TRUE(fd) << fd.error().message;
        ExpectFinal(fd->get(), "some bytes", use);
        struct stat st;
        ASSERT_EQ(fstat(fd->get(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777, S_IRUSR);
        EXPECT_EQ(st.st_uid, geteuid());
      });
      if (!is_refused) GTEST_SKIP() << "no seccomp filters here";
    }
  }
}

TEST(MemoryFile, OtherErrorsAreNoRefusals) {
  const bool is_refused = WithRefusedCall(SYS_memfd_create, EMFILE, [] {
    const auto file = MemoryFile::Create("test", Use::kCode);
    ASSERT_FALSE(file);
    EXPECT_THAT(file.error().message, HasSubstr("Too many open files"));
  });
  if (!is_refused) GTEST_SKIP() << "no seccomp filters here";
}

}  // namespace
}  // namespace guardc
