// The smallest C++ program that needs libstdc++: where starts of programs with a shared one begin.
#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  const std::string answer(static_cast<size_t>(argc), argv[0][0]);  // nothing that the compiler could leave out
  return std::puts(answer.c_str()) < 0;
}
