#include "compiler/codegen/optimize.h"

#include <llvm/Analysis/InlineCost.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/ElimAvailExtern.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/IPO/Inliner.h>

#include <string>

#include "base/format.h"
#include "compiler/passes/bounded_combine.h"
#include "compiler/passes/branch_weights.h"
#include "compiler/passes/call_free.h"
#include "compiler/passes/copy_calls.h"
#include "compiler/passes/local_bases.h"
#include "compiler/passes/loop_addresses.h"
#include "compiler/passes/split_copies.h"
#include "compiler/passes/wide_index.h"
#include "compiler/passes/wide_multiply.h"

namespace guardc::compiler {
namespace {

// rustc and clang have optimised the code once already: a short pipeline with little inlining is as fast as LLVM's own
// and four times cheaper. Loop strength reduction only where it helps (loop_addresses.h), no SLP. Compilers unroll
// loops; vector-combine takes the shuffles out again that vectorising such a loop puts in. What helps hot loops most,
// and costs most, is for code that calls nothing (call_free.h). Pass names are LLVM's; instcombine would otherwise end
// the process where one round is not enough.
struct Pipeline {
  const char* early;     // each function, before inlining; callees are simplified before they are inlined anyway
  int inline_threshold;  // 0: no inlining
  const char* inlined;   // each function, while callers are visited after callees
  const char* late;      // each function, afterwards
};

constexpr Pipeline kPipelines[4] = {
    {"", 0, "", ""},
    {"sroa,early-cse<memssa>,simplifycfg,guardc-instcombine", 0, "",
     "loop-mssa(loop-rotate,licm),gvn,guardc-instcombine,simplifycfg"},
    {"early-cse,simplifycfg", 50, "sroa,early-cse<memssa>,guardc-instcombine,simplifycfg",
     "loop-mssa(loop-rotate,licm),guardc-call-free-redundancy,loop(indvars),loop-vectorize,vector-combine,"
     "guardc-instcombine,loop-mssa(licm,guardc-loop-addresses),simplifycfg<switch-to-lookup>"},
    {"early-cse,simplifycfg", 150,
     "sroa,early-cse<memssa>,jump-threading,correlated-propagation,simplifycfg,guardc-instcombine",
     "loop-mssa(loop-rotate,licm),gvn,jump-threading,correlated-propagation,dse,loop(indvars),"
     "loop-vectorize,vector-combine,loop-unroll<O3>,guardc-instcombine,loop-mssa(licm),gvn,simplifycfg<"
     "switch-to-lookup>"},
};

Result<llvm::FunctionPassManager> Parse(llvm::PassBuilder& builder, const char* passes) {
  llvm::FunctionPassManager manager;
  if (*passes == '\0') return manager;
  if (auto error = builder.parsePassPipeline(manager, passes)) {
    return Fail(ErrorKind::kInternal, Format("{}: {}", passes, llvm::toString(std::move(error))));
  }
  return manager;
}

void RegisterOurPasses(llvm::PassBuilder& builder) {
  builder.registerPipelineParsingCallback([](llvm::StringRef name, llvm::LoopPassManager& passes, auto) {
    if (name != LoopAddressesPass::kName) return false;
    passes.addPass(LoopAddressesPass());
    return true;
  });
  builder.registerPipelineParsingCallback([](llvm::StringRef name, llvm::FunctionPassManager& passes, auto) {
    if (name == BoundedCombinePass::kName) {
      passes.addPass(BoundedCombinePass());
    } else if (name == CallFreeRedundancyPass::kName) {
      passes.addPass(CallFreeRedundancyPass());
    } else {
      return false;
    }
    return true;
  });
}

}  // namespace

Result<void> Optimize(llvm::Module& module, llvm::TargetMachine& machine, int opt_level) {
#ifndef NDEBUG
  std::string broken;
  llvm::raw_string_ostream out(broken);
  if (llvm::verifyModule(module, &out)) {
    return Fail(ErrorKind::kInternal, Format("the lowered code is not valid LLVM IR: {}", broken));
  }
#endif
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  RegisterOurPasses(builder);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);

  const Pipeline& pipeline = kPipelines[opt_level];
  GUARDC_TRY(llvm::FunctionPassManager early, Parse(builder, pipeline.early));
  // Before inlining: __multi3 becomes small enough for it.
  if (pipeline.inline_threshold > 0) early.addPass(WideMultiplyPass());
  GUARDC_TRY(llvm::FunctionPassManager inlined, Parse(builder, pipeline.inlined));
  GUARDC_TRY(llvm::FunctionPassManager late, Parse(builder, pipeline.late));
  if (opt_level >= 2) {
    if (machine.getTargetTriple().isX86()) late.addPass(WideIndexPass());
    late.addPass(SplitCopiesPass());
    late.addPass(LocalBasesPass());
    late.addPass(CopyCallsPass());
    late.addPass(BranchWeightsPass());
  }

  llvm::ModulePassManager passes;
  // Analyses go when a function is done, and what did not change is not visited again: neither changes the code.
  constexpr bool kForgetEagerly = true, kVisitOnlyChanged = true;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(early), kForgetEagerly));
  if (pipeline.inline_threshold > 0) {
    llvm::ModuleInlinerWrapperPass inliner(llvm::getInlineParams(pipeline.inline_threshold));
    inliner.getPM().addPass(
        llvm::createCGSCCToFunctionPassAdaptor(std::move(inlined), kForgetEagerly, kVisitOnlyChanged));
    passes.addPass(std::move(inliner));
  }
  passes.addPass(llvm::EliminateAvailableExternallyPass());
  passes.addPass(llvm::GlobalDCEPass());
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(late), kForgetEagerly));
  passes.run(module, modules);
  return {};
}

}  // namespace guardc::compiler
