# libringlet: the rooms of the server as one library, static and shared, which shows ringlet.h and
# nothing else.

get_property(library_rooms GLOBAL PROPERTY ROOMS)
get_property(room_links GLOBAL PROPERTY ROOM_LINKS)
list(REMOVE_ITEM library_rooms io_no_uring demo)

# What a linker calls the libraries that the rooms name as targets or by path.
set(library_links)
foreach(link IN LISTS room_links)
    if(link MATCHES "^PkgConfig::(.*)$")
        list(APPEND library_links ${${CMAKE_MATCH_1}_LIBRARIES})
    elseif(link STREQUAL "Threads::Threads")
        list(APPEND library_links pthread)
    else()
        get_filename_component(name ${link} NAME_WE)
        string(REGEX REPLACE "^lib" "" name ${name})
        list(APPEND library_links ${name})
    endif()
endforeach()
list(REMOVE_DUPLICATES library_links)
list(REMOVE_ITEM library_links cjson)

set(library_objects)
foreach(room IN LISTS library_rooms)
    list(APPEND library_objects $<TARGET_OBJECTS:room_${room}>)
endforeach()

# What an embedder includes and links.
function(public_library TARGET)
    set_target_properties(${TARGET} PROPERTIES OUTPUT_NAME ringlet)
    target_include_directories(${TARGET} INTERFACE
        $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
        $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

add_library(ringlet_shared SHARED ${library_objects})
public_library(ringlet_shared)
target_link_libraries(ringlet_shared PRIVATE flags ${library_links})
set_target_properties(ringlet_shared PROPERTIES
    VERSION ${PROJECT_VERSION} SOVERSION 0 LINKER_LANGUAGE C EXPORT_NAME ringlet)

# One object of machine code, in which only what ringlet.h declares can be seen from outside: so it
# has no name that could be in an embedder's way, and links with any compiler's linker.
find_program(OBJCOPY NAMES ${CMAKE_OBJCOPY} objcopy REQUIRED)
set(relocatable -r -nostdlib)
if(lto AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND relocatable -O2 -flto=auto -flinker-output=nolto-rel)
elseif(lto)
    list(APPEND relocatable -O2 -flto=thin -fuse-ld=lld)
endif()
set(library_object ${PROJECT_BINARY_DIR}/libringlet.o)
add_custom_command(OUTPUT ${library_object}
    COMMAND ${CMAKE_C_COMPILER} ${relocatable} -o ${library_object} ${library_objects}
    COMMAND ${OBJCOPY} --localize-hidden ${library_object}
    DEPENDS ${library_objects} COMMAND_EXPAND_LISTS VERBATIM)
add_library(ringlet_static STATIC ${library_object})
public_library(ringlet_static)
set_source_files_properties(${library_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(ringlet_static PROPERTIES LINKER_LANGUAGE C)
target_link_libraries(ringlet_static INTERFACE ${library_links})

# pkg-config and find_package(ringlet) find it wherever the tree is put.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_prefix ${pc_prefix})
list(TRANSFORM library_links PREPEND -l OUTPUT_VARIABLE pc_links)
list(JOIN pc_links " " pc_links)
configure_file(cmake/ringlet.pc.in ${PROJECT_BINARY_DIR}/ringlet.pc @ONLY)

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ringlet)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ringlet-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(TARGETS ringlet_shared ringlet_static EXPORT ringlet-config
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT ringlet-config NAMESPACE ringlet:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/ringlet-config-version.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/ringlet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES include/ringlet.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
