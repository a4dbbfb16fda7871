# libfaultline: the runtime as a library of its own, static and shared, with its headers, a pkg-config
# file and a CMake package. `cmake --install build/release --prefix DIR`; docs/runtime.md tells the rest.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# What of runtime/ a user never includes: these, *_parts.h, and whatever includes one of them. All else there
# is public, and so is what it includes of base.
set(private_headers annotate.h core.h os_start.h probe.h sim_hooks.h)

file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/runtime/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
set(private ${headers})
list(FILTER private INCLUDE REGEX "_parts\\.h$")
list(TRANSFORM private_headers PREPEND runtime/)
list(APPEND private ${private_headers})
while(private)
  list(POP_FRONT private hidden)
  list(REMOVE_ITEM headers ${hidden})
  foreach(header ${headers})
    file(STRINGS ${CMAKE_SOURCE_DIR}/${header} includes REGEX "^#include \"${hidden}\"")
    if(includes)
      list(APPEND private ${header})
    endif()
  endforeach()
endwhile()

set(umbrella "/* faultline.h: the whole runtime. */\n#ifndef FAULTLINE_H\n#define FAULTLINE_H\n")
foreach(header ${headers})
  string(APPEND umbrella "#include \"${header}\"\n")
endforeach()
string(APPEND umbrella "#endif\n")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/install/faultline.h CONTENT "${umbrella}" @ONLY)

list(APPEND headers runtime/base/failpoint.h) # of use where FL_FAILPOINTS is on
set(unread ${headers})
while(unread)
  list(POP_FRONT unread header)
  file(STRINGS ${CMAKE_SOURCE_DIR}/${header} includes REGEX "^#include \"runtime/base/")
  foreach(line ${includes})
    string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included "${line}")
    if(NOT included IN_LIST headers)
      list(APPEND headers ${included})
      list(APPEND unread ${included})
    endif()
  endforeach()
endwhile()

# The static one is made of the objects that the program itself is made of.
add_library(faultline_static STATIC $<TARGET_OBJECTS:fl_base> $<TARGET_OBJECTS:fl_runtime>)
set_target_properties(faultline_static PROPERTIES OUTPUT_NAME faultline EXPORT_NAME static)
target_link_libraries(faultline_static INTERFACE
  $<INSTALL_INTERFACE:faultline::uv> $<INSTALL_INTERFACE:faultline::private>)

get_target_property(base_sources fl_base SOURCES)
get_target_property(runtime_sources fl_runtime SOURCES)
add_library(faultline_shared SHARED ${base_sources} ${runtime_sources})
set_target_properties(faultline_shared PROPERTIES OUTPUT_NAME faultline EXPORT_NAME faultline
  VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# Nobody replaces our functions by his own, so calls inside need no detour; the same for what is
# thread-local, because the library is there when a program starts.
target_compile_options(faultline_shared PRIVATE -fno-semantic-interposition -ftls-model=initial-exec)
target_link_options(faultline_shared PRIVATE -Wl,--exclude-libs,ALL
  $<$<NOT:$<BOOL:${FL_SANITIZE}>>:-Wl,--no-undefined>)
target_link_libraries(faultline_shared
  PRIVATE $<BUILD_INTERFACE:fl_flags> $<BUILD_INTERFACE:fl_cjson> $<BUILD_INTERFACE:fl_uv>
          $<BUILD_INTERFACE:fl_context> $<BUILD_INTERFACE:fl_m>
  INTERFACE $<INSTALL_INTERFACE:faultline::uv>)

# How a linker is told of Boost.Context: by file name, where it is the archive that needs no C++.
get_filename_component(context_file ${context_lib} NAME)
if(context_file MATCHES "\\.a$")
  set(FL_CONTEXT_FLAG -l:${context_file})
else()
  set(FL_CONTEXT_FLAG -lboost_context)
endif()
# From where faultline.pc stands, so that `cmake --install --prefix` and a moved tree are fine.
file(RELATIVE_PATH FL_PREFIX_FROM_PC /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_SOURCE_DIR}/cmake/faultline.pc.in ${CMAKE_BINARY_DIR}/install/faultline.pc @ONLY)

set(headers_folder ${CMAKE_INSTALL_INCLUDEDIR}/faultline)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/faultline)
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/faultline-config.cmake.in
  ${CMAKE_BINARY_DIR}/install/faultline-config.cmake INSTALL_DESTINATION ${package_folder})
# Before 1.0 a minor version may change what is there.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/install/faultline-config-version.cmake
  COMPATIBILITY SameMinorVersion)

foreach(header ${headers})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${header} DESTINATION ${headers_folder}/${folder})
endforeach()
install(FILES ${CMAKE_BINARY_DIR}/install/faultline.h DESTINATION ${headers_folder})
install(TARGETS faultline RUNTIME)
install(TARGETS faultline_static faultline_shared EXPORT faultline
  INCLUDES DESTINATION ${headers_folder})
install(EXPORT faultline NAMESPACE faultline:: DESTINATION ${package_folder} FILE faultline-targets.cmake)
install(FILES ${CMAKE_BINARY_DIR}/install/faultline-config.cmake
  ${CMAKE_BINARY_DIR}/install/faultline-config-version.cmake DESTINATION ${package_folder})
install(FILES ${CMAKE_BINARY_DIR}/install/faultline.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
