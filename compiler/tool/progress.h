// What a compile does now, on stderr: on a terminal a bar with the chunks that are done and the time, gone when the
// work is done; elsewhere a line, once it has taken two seconds.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace guardc::compiler_tool {

class Progress {
 public:
  // The guard `index` of `count`.
  Progress(std::string guard, size_t index, size_t count, bool is_shown);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // For CompileOptions; the progress outlives the compile.
  std::function<void(size_t, size_t)> Listener();

 private:
  void Run(const std::stop_token& stop);
  std::string Line() const;
  double Seconds() const;

  const std::string guard_;
  const std::string position_;  // "2/3 ", of several guards
  const bool is_terminal_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  size_t done_ = 0;
  size_t chunks_ = 0;    // 0: not known yet
  std::jthread thread_;  // the last member: it uses the others
};

}  // namespace guardc::compiler_tool
