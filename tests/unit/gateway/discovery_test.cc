// docs/guard-abi.md, 5.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "guardc/registry.h"

namespace guardc {
namespace {

namespace fs = std::filesystem;

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    std::string pattern = (fs::temp_directory_path() / "guardc-discovery-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    options_.guards_dir = (root_ / "guards").string();
    options_.baked_guard = root_ / "baked" / "00-github-guard.wasm";
    fs::create_directories(*options_.guards_dir);
  }
  ~DiscoveryTest() override { fs::remove_all(root_); }

  fs::path Touch(const fs::path& relative) {
    fs::path path = root_ / relative;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
    return path;
  }
  std::string Find(std::string_view server) {
    auto found = FindGuardFile(server, options_);
    if (!found) return std::string(ErrorKindName(found.error().kind));
    return *found ? fs::relative(**found, root_).string() : "none";
  }

  fs::path root_;
  DiscoveryOptions options_;
};

TEST_F(DiscoveryTest, TheFirstInNameOrderWhateverItsExtensionsCase) {
  EXPECT_EQ(Find("slack"), "none");
  fs::create_directories(root_ / "guards/slack/00.wasm");
  Touch("guards/slack/01.wasm.txt");
  Touch("guards/slack/03.wasm");
  Touch("guards/slack/02.WaSm");
  Touch("guards/slack/00sub/0.wasm");
  EXPECT_EQ(Find("slack"), "guards/slack/02.WaSm");
  Touch("guards/slack/A.wasm");
  Touch("guards/slack/-.wasm");
  EXPECT_EQ(Find("slack"), "guards/slack/-.wasm");
  Touch("guards/other/readme");
  EXPECT_EQ(Find("other"), "none");
}

TEST_F(DiscoveryTest, TheBakedGuardIsForGithubUnlessTheVariableIsEmpty) {
  Touch("guards/github/x.wasm");
  EXPECT_EQ(Find("github"), "guards/github/x.wasm");
  Touch("baked/00-github-guard.wasm");
  EXPECT_EQ(Find("github"), "baked/00-github-guard.wasm");
  EXPECT_EQ(Find("slack"), "none");
  options_.guards_dir = std::nullopt;
  EXPECT_EQ(Find("github"), "baked/00-github-guard.wasm");
  options_.guards_dir = "";
  EXPECT_EQ(Find("github"), "none");
}

TEST_F(DiscoveryTest, AServerIdIsAPlainName) {
  Touch("secret.wasm");
  for (const char* id : {"", ".", "..", "../guards", "a/b", "/"}) EXPECT_EQ(Find(id), "invalid_argument") << id;
}

TEST_F(DiscoveryTest, WhatCannotBeReadIsAnError) {
  Touch("guards/slack");
  EXPECT_EQ(Find("slack"), "io");
}

TEST_F(DiscoveryTest, EveryServer) {
  Touch("guards/slack/a.wasm");
  Touch("guards/empty/readme");
  Touch("guards/file.wasm");
  Touch("baked/00-github-guard.wasm");
  auto all = FindGuardFiles(options_);
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].server_id, "github");
  EXPECT_EQ((*all)[1].server_id, "slack");
}

TEST_F(DiscoveryTest, TheEnvironment) {
  ::unsetenv("MCP_GATEWAY_WASM_GUARDS_DIR");
  EXPECT_EQ(DiscoveryOptions::FromEnvironment().guards_dir, std::nullopt);
  ::setenv("MCP_GATEWAY_WASM_GUARDS_DIR", "", 1);
  EXPECT_EQ(DiscoveryOptions::FromEnvironment().guards_dir, "");
  ::setenv("MCP_GATEWAY_WASM_GUARDS_DIR", "/g", 1);
  EXPECT_EQ(DiscoveryOptions::FromEnvironment().guards_dir, "/g");
  ::unsetenv("MCP_GATEWAY_WASM_GUARDS_DIR");
}

}  // namespace
}  // namespace guardc
