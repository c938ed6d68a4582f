# The libraries that others link: libguardc-guard (base, artifact, loader, runtime), libguardc (gateway) and
# libguardc-compiler, each merged from the rooms' objects, and what `cmake --install` puts beside them.
include(CMakePackageConfigHelpers)

# Rooms that `root` is built of, itself included, without those in `except`.
function(guardc_rooms_of root except out)
  set(rooms "")
  set(todo ${root})
  while(todo)
    list(POP_FRONT todo room)
    if(NOT room IN_LIST rooms AND NOT room IN_LIST except)
      list(APPEND rooms ${room})
      get_target_property(deps guardc_${room} GUARDC_ROOM_DEPS)
      list(APPEND todo ${deps})
    endif()
  endwhile()
  set(${out} ${rooms} PARENT_SCOPE)
endfunction()

# guardc_add_library(TARGET OUTPUT_NAME EXPORT_NAME ROOMS room...): external libraries are those that the rooms name.
function(guardc_add_library target output_name export_name)
  cmake_parse_arguments(PARSE_ARGV 3 LIB "" "" "ROOMS")
  set(objects "")
  set(libraries "")
  foreach(room IN LISTS LIB_ROOMS)
    list(APPEND objects $<TARGET_OBJECTS:guardc_${room}>)
    get_target_property(room_libraries guardc_${room} GUARDC_ROOM_LIBRARIES)
    if(room_libraries)
      list(APPEND libraries ${room_libraries})
    endif()
  endforeach()
  # Headers only: compiled into the objects already.
  list(FILTER libraries EXCLUDE REGEX "^nlohmann_json::|header.only$")
  list(REMOVE_DUPLICATES libraries)
  add_library(${target} ${objects})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${output_name} EXPORT_NAME ${export_name} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_compile_features(${target} INTERFACE cxx_std_23)
  target_link_libraries(${target} PRIVATE ${libraries})
  target_include_directories(${target} INTERFACE
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>" "$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>"
    "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  if(GUARDC_SANITIZE)
    target_link_options(${target} PUBLIC -fsanitize=${GUARDC_SANITIZE})
  endif()
  if(BUILD_SHARED_LIBS)
    # Calls within the library are never interposed, and what it took from static libraries stays inside.
    set(map "${PROJECT_SOURCE_DIR}/cmake/libguardc.map")
    # Never unloaded: signal handlers and the watcher's thread live in it.
    target_link_options(${target} PRIVATE
      "LINKER:--version-script=${map}" LINKER:-Bsymbolic-functions LINKER:--exclude-libs,ALL LINKER:-z,nodelete)
    set_target_properties(${target} PROPERTIES LINK_DEPENDS "${map}")
  endif()
  set_property(GLOBAL APPEND PROPERTY GUARDC_LIBRARIES ${libraries})
  add_library(guardc::${export_name} ALIAS ${target})
endfunction()

guardc_rooms_of(runtime "" guardc_guard_rooms)
guardc_add_library(guardc_guard_library guardc-guard guard ROOMS ${guardc_guard_rooms})
guardc_rooms_of(gateway "${guardc_guard_rooms}" guardc_gateway_rooms)
guardc_add_library(guardc_library guardc guardc ROOMS ${guardc_gateway_rooms})
target_link_libraries(guardc_library PUBLIC guardc_guard_library)
set(guardc_targets guardc_guard_library guardc_library)

if(GUARDC_BUILD_COMPILER)
  guardc_rooms_of(compiler "${guardc_guard_rooms}" guardc_compiler_rooms)
  guardc_add_library(guardc_compiler_library guardc-compiler compiler ROOMS ${guardc_compiler_rooms})
  target_link_libraries(guardc_compiler_library PUBLIC guardc_library)
  list(APPEND guardc_targets guardc_compiler_library)
endif()

# ---- Install -----------------------------------------------------------------------------------------------------

install(TARGETS ${guardc_targets} EXPORT guardcTargets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/guardc" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  FILES_MATCHING PATTERN "*.h")
install(FILES "${PROJECT_BINARY_DIR}/include/guardc/version.h" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/guardc")

set(guardc_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/guardc")
install(EXPORT guardcTargets NAMESPACE guardc:: DESTINATION "${guardc_package_dir}")

# What a consumer's link needs, as packages for CMake and as flags for pkg-config. A shared libguardc has it inside.
set(guardc_find_dependencies "")
set(guardc_pc_libs "")
set(guardc_guard_pc_libs "")
get_property(guardc_external GLOBAL PROPERTY GUARDC_LIBRARIES)
if(NOT BUILD_SHARED_LIBS)
  if("OpenSSL::Crypto" IN_LIST guardc_external)
    string(APPEND guardc_find_dependencies
      "set(OPENSSL_USE_STATIC_LIBS ON)\nfind_dependency(OpenSSL COMPONENTS Crypto)\n")
    # By the file's name, since -lcrypto takes the shared one, whose start costs each process a millisecond.
    string(APPEND guardc_guard_pc_libs " -l:libcrypto.a")
  endif()
  if("Threads::Threads" IN_LIST guardc_external)
    string(APPEND guardc_find_dependencies "find_dependency(Threads)\n")
  endif()
  if("simdjson::simdjson" IN_LIST guardc_external)
    string(APPEND guardc_find_dependencies "find_dependency(simdjson)\n")
    string(APPEND guardc_pc_libs " -lsimdjson")
  endif()
  string(APPEND guardc_guard_pc_libs " -ldl -lpthread")
  if(GUARDC_BUILD_COMPILER)
    foreach(variable IN ITEMS LLVM_VERSION_MAJOR LLVM_VERSION_MINOR wabt_VERSION)
      get_directory_property(${variable} DIRECTORY "${PROJECT_SOURCE_DIR}/compiler" DEFINITION ${variable})
    endforeach()
    string(APPEND guardc_find_dependencies
      "if(\"compiler\" IN_LIST guardc_FIND_COMPONENTS)\n"
      "  find_dependency(LLVM ${LLVM_VERSION_MAJOR}.${LLVM_VERSION_MINOR} CONFIG PATHS \"${LLVM_DIR}\")\n"
      "  find_dependency(LLD CONFIG PATHS \"${LLD_DIR}\")\n"
      "  find_dependency(wabt ${wabt_VERSION} EXACT CONFIG)\n"
      "endif()\n")
  endif()
endif()
configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/guardcConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/guardcConfig.cmake" INSTALL_DESTINATION "${guardc_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/guardcConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/guardcConfig.cmake" "${PROJECT_BINARY_DIR}/guardcConfigVersion.cmake"
  DESTINATION "${guardc_package_dir}")

# Relative to the file itself, so that `cmake --install --prefix` may put the tree anywhere.
file(RELATIVE_PATH guardc_pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
foreach(name guardc guardc-guard)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
endforeach()
install(FILES "${PROJECT_BINARY_DIR}/guardc.pc" "${PROJECT_BINARY_DIR}/guardc-guard.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
