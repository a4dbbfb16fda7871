# Files embedded into the binary: pages and scripts of ours, and the browser libraries from npm at
# the versions that assets/package-lock.json pins. Nothing is fetched at run time.
set(FL_NPM_DIR ${CMAKE_BINARY_DIR}/npm)
if(NOT EXISTS ${FL_NPM_DIR}/node_modules/.package-lock.json OR
   ${CMAKE_SOURCE_DIR}/assets/package-lock.json IS_NEWER_THAN ${FL_NPM_DIR}/node_modules/.package-lock.json)
  find_program(NPM npm REQUIRED)
  file(MAKE_DIRECTORY ${FL_NPM_DIR})
  file(COPY ${CMAKE_SOURCE_DIR}/assets/package.json ${CMAKE_SOURCE_DIR}/assets/package-lock.json
       DESTINATION ${FL_NPM_DIR})
  message(STATUS "npm ci (browser libraries)")
  execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${FL_NPM_DIR} RESULT_VARIABLE npm_failed)
  if(npm_failed)
    message(FATAL_ERROR "npm ci failed: the browser libraries in assets/package.json are needed once, at configure time")
  endif()
  file(TOUCH ${FL_NPM_DIR}/node_modules/.package-lock.json)
endif()

# name in C (fl_asset_<name>, fl_asset_<name>_len) and file
set(assets
  phoenix_js     ${FL_NPM_DIR}/node_modules/phoenix/priv/static/phoenix.min.js
  phoenix_live_view_js ${FL_NPM_DIR}/node_modules/phoenix_live_view/priv/static/phoenix_live_view.min.js
  uplot_js       ${FL_NPM_DIR}/node_modules/uplot/dist/uPlot.iife.min.js
  uplot_css      ${FL_NPM_DIR}/node_modules/uplot/dist/uPlot.min.css
)
file(GLOB own CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/assets/*.html ${CMAKE_SOURCE_DIR}/assets/*.css
     ${CMAKE_SOURCE_DIR}/assets/*.js)
foreach(file ${own})
  get_filename_component(name ${file} NAME)
  string(REPLACE "." "_" name ${name})
  string(REPLACE "-" "_" name ${name})
  list(APPEND assets ${name} ${file})
endforeach()

set(asm "")
set(header "/* made by cmake/assets.cmake */\n#ifndef FL_ASSETS_H\n#define FL_ASSETS_H\n#include <stddef.h>\n")
set(depends "")
while(assets)
  list(POP_FRONT assets name file)
  string(APPEND asm "  .section .rodata\n  .global fl_asset_${name}\nfl_asset_${name}:\n  .incbin \"${file}\"\n.Lend_${name}:\n  .byte 0\n"
    "  .global fl_asset_${name}_len\n  .balign 8\nfl_asset_${name}_len:\n  .quad .Lend_${name} - fl_asset_${name}\n")
  string(APPEND header "extern const char fl_asset_${name}[];\nextern const size_t fl_asset_${name}_len;\n")
  list(APPEND depends ${file})
endwhile()
string(APPEND asm "  .section .note.GNU-stack,\"\",%progbits\n")
string(APPEND header "#endif\n")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/assets/fl_assets.S CONTENT "${asm}" @ONLY)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/assets/fl_assets.h CONTENT "${header}" @ONLY)
set_source_files_properties(${CMAKE_BINARY_DIR}/assets/fl_assets.S PROPERTIES OBJECT_DEPENDS "${depends}")
add_library(fl_assets STATIC ${CMAKE_BINARY_DIR}/assets/fl_assets.S)
target_include_directories(fl_assets INTERFACE ${CMAKE_BINARY_DIR}/assets)
