#include "compiler/lower/quiet_nan.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/DerivedTypes.h>

namespace guardc::compiler {

llvm::Value* QuietNan(llvm::IRBuilderBase& builder, llvm::Value* value) {
  llvm::Type* type = value->getType();
  const bool is_f32 = type->getScalarType()->isFloatTy();
  llvm::Type* bits_type = type->getWithNewType(is_f32 ? builder.getInt32Ty() : builder.getInt64Ty());
  const uint64_t quiet_bit = uint64_t{1} << (is_f32 ? 22 : 51);
  llvm::Value* quiet =
      builder.CreateOr(builder.CreateBitCast(value, bits_type), llvm::ConstantInt::get(bits_type, quiet_bit));
  return builder.CreateSelect(builder.CreateFCmpUNO(value, value), builder.CreateBitCast(quiet, type), value);
}

llvm::Value* CanonicalNan(llvm::IRBuilderBase& builder, llvm::Value* value) {
  return builder.CreateSelect(builder.CreateFCmpUNO(value, value), llvm::ConstantFP::getQNaN(value->getType()), value);
}

}  // namespace guardc::compiler
