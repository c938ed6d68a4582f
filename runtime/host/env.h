// The imports of module "env": what a guard asks of its gateway.
#pragma once

#include <string_view>

#include "artifact/abi.h"
#include "runtime/host/host_functions.h"

namespace guardc::env {

TrapCode CallBackend(void* self, abi::Value* values);  // call_backend.cc
TrapCode HostLog(void* self, abi::Value* values);      // log.cc

// A line of our own among the guard's, where debug lines are wanted: says why the guard got a bare -1.
void DebugLine(const HostState& state, std::string_view message);  // log.cc

}  // namespace guardc::env
