# Templates of live views: FOO.live.html becomes FOO.live.c, which is built in, and FOO.live.h, which is
# included as "FOLDER/FOO.live.h". The compiler is a program of ours; docs/live.md is its language.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/services/live/compile/*.c)
set(main ${CMAKE_SOURCE_DIR}/services/live/compile/main.c)
list(REMOVE_ITEM sources ${main})
add_library(fl_template STATIC ${sources})
target_link_libraries(fl_template PUBLIC fl_base)
add_executable(fl-template ${main})
target_link_libraries(fl-template PRIVATE fl_template)

# fl_templates(TARGET folder): every *.live.html directly in the folder, built into fl_<TARGET>, or
# into TARGET when there is no such room.
function(fl_templates target folder)
  if(TARGET fl_${target})
    set(target fl_${target})
  endif()
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.live.html)
  set(to ${CMAKE_BINARY_DIR}/templates/${folder})
  file(MAKE_DIRECTORY ${to})
  foreach(file ${files})
    get_filename_component(name ${file} NAME)
    string(REGEX REPLACE "\\.html$" "" name ${name})
    add_custom_command(OUTPUT ${to}/${name}.c ${to}/${name}.h
      COMMAND fl-template ${file} ${file} ${to}/${name}.c ${to}/${name}.h ${folder}/${name}.h
      DEPENDS fl-template ${file} COMMENT "Compiling ${folder}/${name}.html" VERBATIM)
    target_sources(${target} PRIVATE ${to}/${name}.c ${to}/${name}.h)
  endforeach()
  target_include_directories(${target} PUBLIC ${CMAKE_BINARY_DIR}/templates)
endfunction()
