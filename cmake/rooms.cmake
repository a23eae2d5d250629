# A room is one folder of src, or of bench where IN says so: a library that is included as
# "room/file.h" by those who name it in USES, and by nobody else. The folder is published through a
# link in the build tree, so that a room that is not named is not on the include path and does not
# compile.

function(publish_room NAME HOUSE)
    set(view ${CMAKE_BINARY_DIR}/rooms/${NAME})
    file(MAKE_DIRECTORY ${view})
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${HOUSE}/${NAME} ${view}/${NAME} SYMBOLIC)
    add_library(${NAME}_headers INTERFACE)
    target_include_directories(${NAME}_headers INTERFACE ${view})
endfunction()

# room(NAME IN house FOLDER folder SOURCES file... USES room... LINKS library...)
# FOLDER is given when several libraries live in one room; it is NAME otherwise. Sources
# are named from the CMakeLists.txt that calls this.
function(room NAME)
    cmake_parse_arguments(ROOM "" "IN;FOLDER" "SOURCES;USES;LINKS" ${ARGN})
    if(NOT ROOM_FOLDER)
        set(ROOM_FOLDER ${NAME})
    endif()
    if(NOT ROOM_IN)
        set(ROOM_IN src)
    endif()
    if(NOT TARGET ${ROOM_FOLDER}_headers)
        publish_room(${ROOM_FOLDER} ${ROOM_IN})
    endif()
    add_library(room_${NAME} STATIC ${ROOM_SOURCES})
    set_property(GLOBAL APPEND PROPERTY ROOMS ${NAME})
    set_property(GLOBAL APPEND PROPERTY ROOM_LINKS ${ROOM_LINKS})
    target_link_libraries(room_${NAME}
        PUBLIC ${ROOM_FOLDER}_headers PRIVATE flags ${ROOM_LINKS})
    foreach(used IN LISTS ROOM_USES)
        target_link_libraries(room_${NAME} PUBLIC room_${used})
    endforeach()
endfunction()
