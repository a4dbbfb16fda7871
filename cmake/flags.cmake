# One place for flags; every target is made by one of these functions.
add_library(fl_flags INTERFACE)
target_compile_features(fl_flags INTERFACE c_std_17)
target_compile_definitions(fl_flags INTERFACE _GNU_SOURCE FL_VERSION="${PROJECT_VERSION}"
  FL_FAILPOINTS=$<BOOL:${FL_FAILPOINTS}>)
target_include_directories(fl_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(fl_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wshadow
  -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
  $<$<NOT:$<CONFIG:RelWithDebInfo>>:-fno-omit-frame-pointer> $<$<BOOL:${FL_WERROR}>:-Werror>>
  # snprintf into a fixed buffer is how text is cut to fit here
  $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
if(FL_SANITIZE)
  target_compile_options(fl_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-fsanitize=${FL_SANITIZE}
    -fno-sanitize-recover=all>)
  target_link_options(fl_flags INTERFACE -fsanitize=${FL_SANITIZE})
endif()
if(FL_COVERAGE)
  target_compile_options(fl_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:--coverage>)
  target_link_options(fl_flags INTERFACE --coverage)
endif()

# fl_room(name folder USES …): every .c directly in the folder, as fl_<name>. The folder's own main
# programs (main.c) are left out.
function(fl_room name folder)
  cmake_parse_arguments(A "" "" "USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  list(TRANSFORM A_USES PREPEND fl_)
  if(sources)
    add_library(fl_${name} STATIC ${sources})
    target_link_libraries(fl_${name} PUBLIC fl_flags ${A_USES})
  else()
    add_library(fl_${name} INTERFACE)
    target_link_libraries(fl_${name} INTERFACE fl_flags ${A_USES})
  endif()
endfunction()

# fl_test(kind room file USES …): one cmocka program, as test <kind>.<room>.<name>
function(fl_test kind room source)
  cmake_parse_arguments(A "" "" "USES" ${ARGN})
  get_filename_component(name ${source} NAME_WE)
  string(REGEX REPLACE "^test_" "" name ${name})
  set(target test_${kind}_${room}_${name})
  add_executable(${target} ${source})
  list(TRANSFORM A_USES PREPEND fl_)
  target_link_libraries(${target} PRIVATE ${A_USES} cmocka)
  target_compile_definitions(${target} PRIVATE FL_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    FL_PROGRAM="$<TARGET_FILE:faultline>")
  add_test(NAME ${kind}.${room}.${name} COMMAND ${target})
  set_tests_properties(${kind}.${room}.${name} PROPERTIES LABELS "${kind};${room}" TIMEOUT 60)
endfunction()
