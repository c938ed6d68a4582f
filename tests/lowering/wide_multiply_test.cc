// Products of 128 bits put together from products of 32-bit halves, in every way that compilers and people write them:
// one multiplication is made of them, and the numbers are right. What only looks like one is left alone.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/fixtures/wat.h"
#include "tests/trap/guest_fixture.h"

namespace guardc {
namespace {

enum class Half { kLow, kHigh, kNone };  // which half of x * y it is, or neither

struct Shape {
  const char* name;
  Half half;
  const char* body;
};

// The locals $x and $y are the factors, $xh, $xl, $yh and $yl their halves; $p to $t are free.
constexpr Shape kShapes[] = {
    {"ladder", Half::kHigh, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))"},
    {"ladder_low", Half::kLow, R"(
      (local.set $p (i64.mul (local.get $xl) (local.get $yl)))
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl)) (i64.shr_u (local.get $p) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.store (i32.const 0) (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))
      (i64.or (i64.shl (local.get $s) (i64.const 32)) (i64.and (local.get $p) (i64.const 0xffffffff))))"},
    {"four_products", Half::kHigh, R"(
      (local.set $p (i64.mul (local.get $xh) (local.get $yl)))
      (local.set $q (i64.mul (local.get $xl) (local.get $yh)))
      (local.set $r (i64.add (i64.add (i64.and (local.get $p) (i64.const 0xffffffff)) (i64.and (local.get $q) (i64.const 0xffffffff)))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 32))))
      (i64.add (i64.add (i64.shr_u (local.get $p) (i64.const 32)) (i64.shr_u (local.get $q) (i64.const 32)))
               (i64.add (i64.shr_u (local.get $r) (i64.const 32)) (i64.mul (local.get $xh) (local.get $yh)))))"},
    {"carries", Half::kHigh, R"(
      (local.set $p (i64.mul (local.get $xh) (local.get $yl)))
      (local.set $q (i64.add (local.get $p) (i64.mul (local.get $xl) (local.get $yh))))
      (local.set $r (i64.mul (local.get $xl) (local.get $yl)))
      (local.set $s (i64.add (local.get $r) (i64.shl (local.get $q) (i64.const 32))))
      (i64.add (i64.add (i64.mul (local.get $xh) (local.get $yh)) (i64.shr_u (local.get $q) (i64.const 32)))
               (i64.add (i64.shl (i64.extend_i32_u (i64.lt_u (local.get $q) (local.get $p))) (i64.const 32))
                        (i64.extend_i32_u (i64.lt_u (local.get $s) (local.get $r))))))"},
    {"narrow_halves", Half::kHigh, R"(
      (local.set $p (i64.mul (i64.extend_i32_u (i32.wrap_i64 (local.get $x)))
                             (i64.extend_i32_u (i32.wrap_i64 (local.get $y)))))
      (local.set $t (i64.add (i64.mul (i64.extend_i32_u (i32.wrap_i64 (local.get $x))) (local.get $yh))
                             (i64.shr_u (local.get $p) (i64.const 32))))
      (local.set $s (i64.add (i64.extend_i32_u (i32.wrap_i64 (local.get $t)))
                      (i64.mul (i64.extend_i32_u (i32.wrap_i64 (local.get $y))) (local.get $xh))))
      (i64.add (i64.shr_u (local.get $s) (i64.const 32))
               (i64.add (i64.mul (local.get $yh) (local.get $xh)) (i64.shr_u (local.get $t) (i64.const 32)))))"},
    // Half a carry too little, a half too many, a sign, another mask, another shift, another factor.
    {"no_carry", Half::kNone, R"(
      (local.set $t (i64.mul (local.get $xh) (local.get $yl)))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))"},
    {"whole_middle", Half::kNone, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (local.get $t)))
      (i64.add (i64.mul (local.get $xh) (local.get $yh)) (i64.shr_u (local.get $s) (i64.const 32))))"},
    {"signed_shift", Half::kNone, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_s (local.get $s) (i64.const 32)))))"},
    {"narrow_mask", Half::kNone, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh))
                             (i64.and (local.get $t) (i64.const 0x7fffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))"},
    {"shift_31", Half::kNone, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $yl)) (i64.const 31))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))"},
    {"other_factor", Half::kNone, R"(
      (local.set $t (i64.add (i64.mul (local.get $xh) (local.get $yl))
                             (i64.shr_u (i64.mul (local.get $xl) (local.get $xl)) (i64.const 32))))
      (local.set $s (i64.add (i64.mul (local.get $xl) (local.get $yh)) (i64.and (local.get $t) (i64.const 0xffffffff))))
      (i64.add (i64.mul (local.get $xh) (local.get $yh))
               (i64.add (i64.shr_u (local.get $t) (i64.const 32)) (i64.shr_u (local.get $s) (i64.const 32)))))"},
    {"wrong_carry", Half::kNone, R"(
      (local.set $p (i64.mul (local.get $xh) (local.get $yl)))
      (local.set $q (i64.add (local.get $p) (i64.mul (local.get $xl) (local.get $yh))))
      (local.set $r (i64.mul (local.get $xl) (local.get $yl)))
      (local.set $s (i64.add (local.get $r) (i64.shl (local.get $q) (i64.const 32))))
      (i64.add (i64.add (i64.mul (local.get $xh) (local.get $yh)) (i64.shr_u (local.get $q) (i64.const 32)))
               (i64.add (i64.shl (i64.extend_i32_u (i64.lt_u (local.get $q) (local.get $r))) (i64.const 32))
                        (i64.extend_i32_u (i64.lt_u (local.get $s) (local.get $r))))))"},
};

// What clang and rustc bring with them: (x, x', y, y') -> the product modulo 2^128, through memory. Called with both
// upper words zero, and with sums around it.
constexpr const char* kCompilerRt = R"(
  (func $multi3 (param $to i32) (param $x i64) (param $x_high i64) (param $y i64) (param $y_high i64) (local $p i64)
    (i64.store offset=8 (local.get $to)
      (i64.add (i64.add (i64.add
          (i64.add (i64.mul (local.get $y_high) (local.get $x)) (i64.mul (local.get $x_high) (local.get $y)))
          (i64.mul (local.tee $x_high (i64.shr_u (local.get $y) (i64.const 32)))
                   (local.tee $y_high (i64.shr_u (local.get $x) (i64.const 32)))))
        (i64.shr_u (local.tee $y (i64.add
            (i64.shr_u (local.tee $p (i64.mul (local.tee $y (i64.and (local.get $y) (i64.const 0xffffffff)))
                                              (local.tee $x (i64.and (local.get $x) (i64.const 0xffffffff)))))
                       (i64.const 32))
            (i64.mul (local.get $y) (local.get $y_high)))) (i64.const 32)))
        (i64.shr_u (local.tee $x (i64.add (i64.and (local.get $y) (i64.const 0xffffffff))
                                          (i64.mul (local.get $x_high) (local.get $x)))) (i64.const 32))))
    (i64.store (local.get $to) (i64.or (i64.shl (local.get $x) (i64.const 32))
                                       (i64.and (local.get $p) (i64.const 0xffffffff)))))
  (func (export "multi3_high") (param $x i64) (param $y i64) (result i64)
    (call $multi3 (i32.const 64) (local.get $x) (i64.const 0) (local.get $y) (i64.const 0))
    (i64.load offset=72 (i32.const 0)))
  (func (export "multi3_low") (param $x i64) (param $y i64) (result i64)
    (call $multi3 (i32.const 64) (local.get $x) (i64.const 0) (local.get $y) (i64.const 0))
    (i64.load offset=64 (i32.const 0)))
  (func (export "square_high") (param $x i64) (param $y i64) (result i64)
    (call $multi3 (i32.const 64) (local.get $x) (i64.const 0) (local.get $x) (i64.const 0))
    (i64.load offset=72 (i32.const 0)))
  (func (export "wide_high") (param $x i64) (param $y i64) (result i64)
    (call $multi3 (i32.const 64) (local.get $x) (local.get $y) (local.get $y) (local.get $x))
    (i64.load offset=72 (i32.const 0))))";

constexpr const char* kHalves = R"((local $xh i64) (local $xl i64) (local $yh i64) (local $yl i64)
  (local.set $xh (i64.shr_u (local.get $x) (i64.const 32)))
  (local.set $xl (i64.and (local.get $x) (i64.const 0xffffffff)))
  (local.set $yh (i64.shr_u (local.get $y) (i64.const 32)))
  (local.set $yl (i64.and (local.get $y) (i64.const 0xffffffff))))";

std::string Text() {
  std::string text = "(module (memory 1)";
  for (const Shape& shape : kShapes) {
    text += "(func (export \"" + std::string(shape.name) + "\") (param $x i64) (param $y i64) (result i64) ";
    text += "(local $p i64) (local $q i64) (local $r i64) (local $s i64) (local $t i64)";
    text += std::string(kHalves) + shape.body + ")";
  }
  return text + kCompilerRt + ")";
}

CompileOptions Options(int opt_level) { return {.opt_level = opt_level, .profile = Profile::kWasi}; }

class Products {
 public:
  explicit Products(int opt_level) : module_(*testing::CompileWat(Text(), Options(opt_level))), guest_({}, module_) {}

  uint64_t Call(const char* function, uint64_t x, uint64_t y) {
    abi::Value values[2] = {{.i64 = x}, {.i64 = y}};
    auto bound = GuestFunction::Bind(*guest_.instance, function, {{ValType::kI64, ValType::kI64}, {ValType::kI64}});
    EXPECT_TRUE(bound && bound->Call(values, guest_.host, {}));
    return values[0].i64;
  }

 private:
  std::shared_ptr<const Module> module_;
  Guest guest_;
};

std::vector<uint64_t> Numbers() {
  std::vector<uint64_t> numbers;
  for (const uint64_t high : {0u, 1u, 2u, 0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu}) {
    for (const uint64_t low : {0u, 1u, 2u, 0x7fffffffu, 0x80000000u, 0xfffffffeu, 0xffffffffu}) {
      numbers.push_back(high << 32 | low);
    }
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 50; ++i) numbers.push_back(random());
  return numbers;
}

TEST(WideMultiply, Numbers) {
  Products optimised(2);
  Products plain(0);
  for (const uint64_t x : Numbers()) {
    for (const uint64_t y : Numbers()) {
      const auto product = static_cast<unsigned __int128>(x) * y;
      const auto high = static_cast<uint64_t>(product >> 64);
      for (const Shape& shape : kShapes) {
        const uint64_t result = optimised.Call(shape.name, x, y);
        EXPECT_EQ(result, plain.Call(shape.name, x, y)) << shape.name << " of " << x << " and " << y;
        if (shape.half == Half::kHigh) {
          EXPECT_EQ(result, high) << shape.name << " of " << x << " and " << y;
        }
        if (shape.half == Half::kLow) {
          EXPECT_EQ(result, x * y) << shape.name << " of " << x << " and " << y;
        }
      }
      EXPECT_EQ(optimised.Call("multi3_high", x, y), high);
      EXPECT_EQ(optimised.Call("multi3_low", x, y), x * y);
      EXPECT_EQ(optimised.Call("square_high", x, y),
                static_cast<uint64_t>((static_cast<unsigned __int128>(x) * x) >> 64));
      EXPECT_EQ(optimised.Call("wide_high", x, y), high + x * x + y * y);
    }
  }
}

// The lines of optimised IR of an exported function.
std::string CodeOf(const std::string& ir, const std::string& name) {
  const size_t begin = ir.find("::" + name + "\"(");
  return begin == std::string::npos ? "" : ir.substr(begin, ir.find("\n}", begin) - begin);
}

TEST(WideMultiply, OneMultiplication) {
  const auto compiled = Compile(testing::WatToWasm(Text()), Options(2), Emit::kLlvmIr);
  ASSERT_TRUE(compiled) << compiled.error().message;
  const std::string ir(reinterpret_cast<const char*>(compiled->bytes.data()), compiled->bytes.size());
  for (const Shape& shape : kShapes) {
    const std::string code = CodeOf(ir, shape.name);
    ASSERT_NE(code, "") << shape.name;
    EXPECT_EQ(code.find("mul nuw i128") != std::string::npos, shape.half != Half::kNone) << code;
    if (shape.half != Half::kNone) {
      EXPECT_EQ(code.find(" mul "), code.rfind(" mul ")) << code;
    }
  }
  for (const char* name : {"multi3_high", "multi3_low", "square_high"}) {
    const std::string code = CodeOf(ir, name);
    EXPECT_NE(code.find("mul nuw i128"), std::string::npos) << code;
    EXPECT_EQ(code.find(" mul "), code.rfind(" mul ")) << code;
  }
}

}  // namespace
}  // namespace guardc
