# One static library per room. Link lists are what enforces the arrows between rooms.

# A room finds the packages that it needs; whoever links the room needs their targets, too.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

# What every target of the project is compiled with.
add_library(guardc_flags INTERFACE)
target_compile_options(guardc_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wnon-virtual-dtor;-Wimplicit-fallthrough;-Wno-missing-field-initializers>
  # Whoever links a layer takes what is used of it, however its files were batched.
  -ffunction-sections -fdata-sections
  $<$<AND:$<BOOL:${GUARDC_WERROR}>,$<COMPILE_LANGUAGE:C,CXX>>:-Werror>)
# GCC 12 sees an overlap in "literal" + std::string that is not there (its bug 105651).
if(GUARDC_WERROR AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(guardc_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()
target_include_directories(guardc_flags INTERFACE
  "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/include")
if(GUARDC_SANITIZE)
  target_compile_options(guardc_flags INTERFACE -fsanitize=${GUARDC_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(guardc_flags INTERFACE -fsanitize=${GUARDC_SANITIZE})
  # GCC takes the sanitizers' own branches for ways around an initialisation.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(guardc_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
endif()
if(GUARDC_FUZZ)
  # Coverage for libFuzzer in everything; the fuzz targets themselves add -fsanitize=fuzzer.
  target_compile_options(guardc_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# guardc_add_room(NAME [SOURCES ...] [DEPS room...] [LIBRARIES external...])
function(guardc_add_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "SOURCES;DEPS;LIBRARIES")
  add_library(guardc_${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(guardc_${name} PUBLIC guardc_flags)
  foreach(dep IN LISTS ROOM_DEPS)
    target_link_libraries(guardc_${name} PUBLIC guardc_${dep})
  endforeach()
  target_link_libraries(guardc_${name} PRIVATE ${ROOM_LIBRARIES})
  if(BUILD_SHARED_LIBS)
    # The public classes carry no export marks: a shared libguardc takes its list from libguardc.map.
    set_target_properties(guardc_${name} PROPERTIES CXX_VISIBILITY_PRESET default VISIBILITY_INLINES_HIDDEN OFF)
  endif()
  # For GuardcLibrary.cmake, which merges rooms.
  set_target_properties(guardc_${name} PROPERTIES GUARDC_ROOM_DEPS "${ROOM_DEPS}" GUARDC_ROOM_LIBRARIES "${ROOM_LIBRARIES}")
endfunction()
