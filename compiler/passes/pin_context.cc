#include "compiler/passes/pin_context.h"

#include <llvm/CodeGen/MachineFunction.h>
#include <llvm/CodeGen/MachineFunctionPass.h>
#include <llvm/CodeGen/MachineInstrBuilder.h>
#include <llvm/CodeGen/MachineRegisterInfo.h>
#include <llvm/CodeGen/TargetInstrInfo.h>
#include <llvm/CodeGen/TargetRegisterInfo.h>
#include <llvm/CodeGen/TargetSubtargetInfo.h>
#include <llvm/IR/Function.h>

namespace guardc::compiler {
namespace {

// Of `swiftself` on x86-64 (docs/native-abi.md). LLVM's numbers of registers are private to its targets.
constexpr llvm::StringLiteral kContextRegister = "R13";

class PinContextPass final : public llvm::MachineFunctionPass {
 public:
  PinContextPass() : llvm::MachineFunctionPass(id_) {}

  bool runOnMachineFunction(llvm::MachineFunction& function) override {
    const llvm::Function& source = function.getFunction();
    if (source.arg_empty() || !source.hasParamAttribute(0, llvm::Attribute::SwiftSelf)) return false;
    const llvm::TargetRegisterInfo& info = *function.getSubtarget().getRegisterInfo();
    for (const auto& [physical, context] : function.getRegInfo().liveins()) {
      // A context that nobody uses has no value.
      if (context.isValid() && info.getName(physical) == kContextRegister) return Pin(function, physical, context);
    }
    return false;
  }

  llvm::StringRef getPassName() const override { return "guardc: keep the context in its register"; }

 private:
  static bool Pin(llvm::MachineFunction& function, llvm::MCRegister physical, llvm::Register context) {
    const llvm::TargetInstrInfo& instructions = *function.getSubtarget().getInstrInfo();
    const llvm::TargetRegisterInfo& info = *function.getSubtarget().getRegisterInfo();
    function.getRegInfo().disableCalleeSavedRegister(physical);
    for (llvm::MachineBasicBlock& block : function) {
      if (!block.isReturnBlock()) continue;
      llvm::MachineInstr& back = block.back();
      if (back.readsRegister(physical, &info)) continue;  // a tail call passes our context on
      llvm::BuildMI(block, block.getFirstTerminator(), llvm::DebugLoc(), instructions.get(llvm::TargetOpcode::COPY),
                    physical)
          .addReg(context);
      back.addOperand(function, llvm::MachineOperand::CreateReg(physical, /*isDef=*/false, /*isImp=*/true));
    }
    return true;
  }

  static inline char id_ = 0;
};

}  // namespace

llvm::Pass* CreatePinContextPass() { return new PinContextPass; }

}  // namespace guardc::compiler
