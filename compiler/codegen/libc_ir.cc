#include "compiler/codegen/libc_ir.h"

#include <llvm/AsmParser/Parser.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SourceMgr.h>

#include <string>

#include "base/format.h"

namespace guardc::compiler {
namespace {

// Written as IR, since it must come out for any target that LLVM knows. Small sizes are covered by two accesses that
// overlap, all loads before all stores; larger ones by a loop over 64 bytes with the far end loaded first, so that one
// body serves memcpy and memmove. Vectors are 32 bytes wide: two halves where the target has 16.
constexpr const char kSupportIr[] = R"(
@memcpy = hidden alias ptr (ptr, ptr, i64), ptr @memmove

define hidden ptr @memmove(ptr noundef returned %to, ptr noundef %from, i64 noundef %n) #0 {
entry:
  %to.end = getelementptr i8, ptr %to, i64 %n
  %from.end = getelementptr i8, ptr %from, i64 %n
  %above16 = icmp ugt i64 %n, 16
  br i1 %above16, label %large, label %small

small:
  %above7 = icmp ugt i64 %n, 7
  br i1 %above7, label %copy8, label %below8
copy8:
  %from8 = getelementptr i8, ptr %from.end, i64 -8
  %to8 = getelementptr i8, ptr %to.end, i64 -8
  %a8 = load i64, ptr %from, align 1
  %b8 = load i64, ptr %from8, align 1
  store i64 %a8, ptr %to, align 1
  store i64 %b8, ptr %to8, align 1
  ret ptr %to
below8:
  %above3 = icmp ugt i64 %n, 3
  br i1 %above3, label %copy4, label %below4
copy4:
  %from4 = getelementptr i8, ptr %from.end, i64 -4
  %to4 = getelementptr i8, ptr %to.end, i64 -4
  %a4 = load i32, ptr %from, align 1
  %b4 = load i32, ptr %from4, align 1
  store i32 %a4, ptr %to, align 1
  store i32 %b4, ptr %to4, align 1
  ret ptr %to
below4:
  %is0 = icmp eq i64 %n, 0
  br i1 %is0, label %done, label %copy1
copy1:
  %half = lshr i64 %n, 1
  %from.mid = getelementptr i8, ptr %from, i64 %half
  %from.last = getelementptr i8, ptr %from.end, i64 -1
  %to.mid = getelementptr i8, ptr %to, i64 %half
  %to.last = getelementptr i8, ptr %to.end, i64 -1
  %a1 = load i8, ptr %from, align 1
  %b1 = load i8, ptr %from.mid, align 1
  %c1 = load i8, ptr %from.last, align 1
  store i8 %a1, ptr %to, align 1
  store i8 %b1, ptr %to.mid, align 1
  store i8 %c1, ptr %to.last, align 1
  ret ptr %to
done:
  ret ptr %to

large:
  %above32 = icmp ugt i64 %n, 32
  br i1 %above32, label %above.32, label %copy16
copy16:
  %from16 = getelementptr i8, ptr %from.end, i64 -16
  %to16 = getelementptr i8, ptr %to.end, i64 -16
  %a16 = load <16 x i8>, ptr %from, align 1
  %b16 = load <16 x i8>, ptr %from16, align 1
  store <16 x i8> %a16, ptr %to, align 1
  store <16 x i8> %b16, ptr %to16, align 1
  ret ptr %to
above.32:
  %above64 = icmp ugt i64 %n, 64
  br i1 %above64, label %above.64, label %copy32
copy32:
  %from32 = getelementptr i8, ptr %from.end, i64 -32
  %to32 = getelementptr i8, ptr %to.end, i64 -32
  %a32 = load <32 x i8>, ptr %from, align 1
  %b32 = load <32 x i8>, ptr %from32, align 1
  store <32 x i8> %a32, ptr %to, align 1
  store <32 x i8> %b32, ptr %to32, align 1
  ret ptr %to

above.64:
  %to.int = ptrtoint ptr %to to i64
  %from.int = ptrtoint ptr %from to i64
  %distance = sub i64 %to.int, %from.int
  %last = add i64 %n, -64
  %backward = icmp ult i64 %distance, %n
  br i1 %backward, label %down.entry, label %up.entry

up.entry:
  %tail0.from = getelementptr i8, ptr %from.end, i64 -64
  %tail1.from = getelementptr i8, ptr %from.end, i64 -32
  %tail0 = load <32 x i8>, ptr %tail0.from, align 1
  %tail1 = load <32 x i8>, ptr %tail1.from, align 1
  br label %up
up:
  %i = phi i64 [ 0, %up.entry ], [ %i.next, %up ]
  %i32 = or disjoint i64 %i, 32
  %up0.from = getelementptr i8, ptr %from, i64 %i
  %up1.from = getelementptr i8, ptr %from, i64 %i32
  %up0.to = getelementptr i8, ptr %to, i64 %i
  %up1.to = getelementptr i8, ptr %to, i64 %i32
  %up0 = load <32 x i8>, ptr %up0.from, align 1
  %up1 = load <32 x i8>, ptr %up1.from, align 1
  store <32 x i8> %up0, ptr %up0.to, align 1
  store <32 x i8> %up1, ptr %up1.to, align 1
  %i.next = add i64 %i, 64
  %more.up = icmp ult i64 %i.next, %last
  br i1 %more.up, label %up, label %up.exit
up.exit:
  %tail0.to = getelementptr i8, ptr %to.end, i64 -64
  %tail1.to = getelementptr i8, ptr %to.end, i64 -32
  store <32 x i8> %tail0, ptr %tail0.to, align 1
  store <32 x i8> %tail1, ptr %tail1.to, align 1
  ret ptr %to

down.entry:
  %head1.from = getelementptr i8, ptr %from, i64 32
  %head0 = load <32 x i8>, ptr %from, align 1
  %head1 = load <32 x i8>, ptr %head1.from, align 1
  br label %down
down:
  %j = phi i64 [ %last, %down.entry ], [ %j.next, %down ]
  %j32 = add i64 %j, 32
  %down0.from = getelementptr i8, ptr %from, i64 %j
  %down1.from = getelementptr i8, ptr %from, i64 %j32
  %down0.to = getelementptr i8, ptr %to, i64 %j
  %down1.to = getelementptr i8, ptr %to, i64 %j32
  %down0 = load <32 x i8>, ptr %down0.from, align 1
  %down1 = load <32 x i8>, ptr %down1.from, align 1
  store <32 x i8> %down0, ptr %down0.to, align 1
  store <32 x i8> %down1, ptr %down1.to, align 1
  %j.next = add i64 %j, -64
  %more.down = icmp sgt i64 %j.next, 0
  br i1 %more.down, label %down, label %down.exit
down.exit:
  %head1.to = getelementptr i8, ptr %to, i64 32
  store <32 x i8> %head0, ptr %to, align 1
  store <32 x i8> %head1, ptr %head1.to, align 1
  ret ptr %to
}

; memmove for callers that keep their registers: this one changes none but vectors, even for bytes in twos (half) and
; fours, so that it saves none, and hands on what is larger. No float is computed with: moves keep every bit. The end
; is touched first, so that a range that leaves the memory faults before anything is written.
define hidden preserve_mostcc void @guardc.copy(ptr noundef %to, ptr noundef %from, i64 noundef %n) #0 {
entry:
  %to.end = getelementptr i8, ptr %to, i64 %n
  %from.end = getelementptr i8, ptr %from, i64 %n
  %above16 = icmp ugt i64 %n, 16
  br i1 %above16, label %large, label %small
small:
  %above7 = icmp ugt i64 %n, 7
  br i1 %above7, label %copy8, label %below8
copy8:
  %from8 = getelementptr i8, ptr %from.end, i64 -8
  %to8 = getelementptr i8, ptr %to.end, i64 -8
  %a8 = load double, ptr %from, align 1
  %b8 = load double, ptr %from8, align 1
  store double %b8, ptr %to8, align 1
  store double %a8, ptr %to, align 1
  ret void
below8:
  %above3 = icmp ugt i64 %n, 3
  br i1 %above3, label %copy4, label %below4
copy4:
  %from4 = getelementptr i8, ptr %from.end, i64 -4
  %to4 = getelementptr i8, ptr %to.end, i64 -4
  %a4 = load float, ptr %from, align 1
  %b4 = load float, ptr %from4, align 1
  store float %b4, ptr %to4, align 1
  store float %a4, ptr %to, align 1
  ret void
below4:
  %above1 = icmp ugt i64 %n, 1
  br i1 %above1, label %copy2, label %below2
copy2:
  %from2 = getelementptr i8, ptr %from.end, i64 -2
  %to2 = getelementptr i8, ptr %to.end, i64 -2
  %a2 = load half, ptr %from, align 1
  %b2 = load half, ptr %from2, align 1
  store half %b2, ptr %to2, align 1
  store half %a2, ptr %to, align 1
  ret void
below2:
  %is0 = icmp eq i64 %n, 0
  br i1 %is0, label %done, label %copy1
copy1:
  %a1 = load i8, ptr %from, align 1
  store i8 %a1, ptr %to, align 1
  ret void
done:
  ret void
large:
  %above32 = icmp ugt i64 %n, 32
  br i1 %above32, label %above.32, label %copy16
copy16:
  %from16 = getelementptr i8, ptr %from.end, i64 -16
  %to16 = getelementptr i8, ptr %to.end, i64 -16
  %a16 = load <16 x i8>, ptr %from, align 1
  %b16 = load <16 x i8>, ptr %from16, align 1
  store <16 x i8> %b16, ptr %to16, align 1
  store <16 x i8> %a16, ptr %to, align 1
  ret void
above.32:
  %above64 = icmp ugt i64 %n, 64
  br i1 %above64, label %above.64, label %copy32
copy32:
  %from32 = getelementptr i8, ptr %from.end, i64 -32
  %to32 = getelementptr i8, ptr %to.end, i64 -32
  %a32 = load <32 x i8>, ptr %from, align 1
  %b32 = load <32 x i8>, ptr %from32, align 1
  store <32 x i8> %b32, ptr %to32, align 1
  store <32 x i8> %a32, ptr %to, align 1
  ret void
above.64:
  musttail call preserve_mostcc void @guardc.copy.middle(ptr %to, ptr %from, i64 %n)
  ret void
}

; Up to 512 bytes, from the end, unless they would be overwritten before they are read.
define hidden preserve_mostcc void @guardc.copy.middle(ptr noundef %to, ptr noundef %from, i64 noundef %n) #0 {
  %to.end = getelementptr i8, ptr %to, i64 %n
  %to.last = getelementptr i8, ptr %to.end, i64 -1
  %touched = load volatile i8, ptr %to.last, align 1
  %to.int = ptrtoint ptr %to to i64
  %from.int = ptrtoint ptr %from to i64
  %distance = sub i64 %from.int, %to.int
  %overlaps = icmp ult i64 %distance, %n
  br i1 %overlaps, label %other, label %apart
apart:
  %above512 = icmp ugt i64 %n, 512
  br i1 %above512, label %other, label %down.entry
other:
  musttail call preserve_mostcc void @guardc.copy.large(ptr %to, ptr %from, i64 %n)
  ret void

down.entry:
  %head1.from = getelementptr i8, ptr %from, i64 32
  %head0 = load <32 x i8>, ptr %from, align 1
  %head1 = load <32 x i8>, ptr %head1.from, align 1
  %last = add i64 %n, -64
  br label %down
down:
  %j = phi i64 [ %last, %down.entry ], [ %j.next, %down ]
  %j32 = add i64 %j, 32
  %down0.from = getelementptr i8, ptr %from, i64 %j
  %down1.from = getelementptr i8, ptr %from, i64 %j32
  %down0.to = getelementptr i8, ptr %to, i64 %j
  %down1.to = getelementptr i8, ptr %to, i64 %j32
  %down0 = load <32 x i8>, ptr %down0.from, align 1
  %down1 = load <32 x i8>, ptr %down1.from, align 1
  store <32 x i8> %down1, ptr %down1.to, align 1
  store <32 x i8> %down0, ptr %down0.to, align 1
  %j.next = add i64 %j, -64
  %more.down = icmp sgt i64 %j.next, 0
  br i1 %more.down, label %down, label %down.exit
down.exit:
  %head1.to = getelementptr i8, ptr %to, i64 32
  store <32 x i8> %head0, ptr %to, align 1
  store <32 x i8> %head1, ptr %head1.to, align 1
  ret void
}

define hidden preserve_mostcc void @guardc.copy.large(ptr noundef %to, ptr noundef %from, i64 noundef %n) #0 {
  call ptr @memmove(ptr %to, ptr %from, i64 %n)
  ret void
}

define hidden ptr @memset(ptr noundef returned %to, i32 noundef %value, i64 noundef %n) #0 {
entry:
  %byte = trunc i32 %value to i8
  %wide = zext i8 %byte to i64
  %v8 = mul i64 %wide, 72340172838076673
  %v4 = trunc i64 %v8 to i32
  %one = insertelement <32 x i8> poison, i8 %byte, i64 0
  %v32 = shufflevector <32 x i8> %one, <32 x i8> poison, <32 x i32> zeroinitializer
  %v16 = shufflevector <32 x i8> %one, <32 x i8> poison, <16 x i32> zeroinitializer
  %end = getelementptr i8, ptr %to, i64 %n
  %above16 = icmp ugt i64 %n, 16
  br i1 %above16, label %large, label %small

small:
  %above7 = icmp ugt i64 %n, 7
  br i1 %above7, label %set8, label %below8
set8:
  %end8 = getelementptr i8, ptr %end, i64 -8
  store i64 %v8, ptr %to, align 1
  store i64 %v8, ptr %end8, align 1
  ret ptr %to
below8:
  %above3 = icmp ugt i64 %n, 3
  br i1 %above3, label %set4, label %below4
set4:
  %end4 = getelementptr i8, ptr %end, i64 -4
  store i32 %v4, ptr %to, align 1
  store i32 %v4, ptr %end4, align 1
  ret ptr %to
below4:
  %is0 = icmp eq i64 %n, 0
  br i1 %is0, label %done, label %set1
set1:
  %half = lshr i64 %n, 1
  %mid = getelementptr i8, ptr %to, i64 %half
  %end1 = getelementptr i8, ptr %end, i64 -1
  store i8 %byte, ptr %to, align 1
  store i8 %byte, ptr %mid, align 1
  store i8 %byte, ptr %end1, align 1
  ret ptr %to
done:
  ret ptr %to

large:
  %above32 = icmp ugt i64 %n, 32
  br i1 %above32, label %above.32, label %set16
set16:
  %end16 = getelementptr i8, ptr %end, i64 -16
  store <16 x i8> %v16, ptr %to, align 1
  store <16 x i8> %v16, ptr %end16, align 1
  ret ptr %to
above.32:
  %end32 = getelementptr i8, ptr %end, i64 -32
  %above64 = icmp ugt i64 %n, 64
  br i1 %above64, label %loop.entry, label %set32
set32:
  store <32 x i8> %v32, ptr %to, align 1
  store <32 x i8> %v32, ptr %end32, align 1
  ret ptr %to
loop.entry:
  %last = add i64 %n, -64
  br label %loop
loop:
  %i = phi i64 [ 0, %loop.entry ], [ %i.next, %loop ]
  %i32 = or disjoint i64 %i, 32
  %to0 = getelementptr i8, ptr %to, i64 %i
  %to1 = getelementptr i8, ptr %to, i64 %i32
  store <32 x i8> %v32, ptr %to0, align 1
  store <32 x i8> %v32, ptr %to1, align 1
  %i.next = add i64 %i, 64
  %more = icmp ult i64 %i.next, %last
  br i1 %more, label %loop, label %exit
exit:
  %end64 = getelementptr i8, ptr %end, i64 -64
  store <32 x i8> %v32, ptr %end64, align 1
  store <32 x i8> %v32, ptr %end32, align 1
  ret ptr %to
}

; Never called: a module without functions, too, has text, as the loader expects of an artifact.
define hidden void @guardc.text() #0 {
  ret void
}

; Else LLVM may see memmove in the loop of memmove. What is split is split for its registers.
attributes #0 = { nounwind uwtable "no-builtins" "probe-stack"="inline-asm" noinline }
)";

}  // namespace

Result<std::unique_ptr<llvm::Module>> CreateSupportModule(llvm::LLVMContext& context) {
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(kSupportIr, diagnostic, context);
  if (module == nullptr) {
    return Fail(ErrorKind::kInternal, Format("the support functions do not parse: line {}: {}", diagnostic.getLineNo(),
                                             diagnostic.getMessage().str()));
  }
  return module;
}

}  // namespace guardc::compiler
