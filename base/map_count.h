// Whether memory was refused because the process has as many mappings as it may have: the kernel's error is then the
// one of a machine without memory.
#pragma once

#include <string>

namespace guardc {

// For the end of a message about memory that could not be had: " (this process has N mappings, ...)" where N is all or
// nearly all that vm.max_map_count allows, else "". Leaves errno alone.
std::string MapCountNote();

}  // namespace guardc
