# Writes OUT: the files of src/rt, those of src/runtime that launch kernels on GPUs, and the public
# header as constant bytes (src/target/common/rt_sources.h). `tilec build` puts them into the C source
# of every kernel.
#
#   cmake -DROOT=... -DOUT=... -P embed.cmake
file(GLOB files RELATIVE ${ROOT}/src ${ROOT}/src/rt/*.c ${ROOT}/src/rt/*.h ${ROOT}/src/rt/*.def
  ${ROOT}/src/runtime/cuda*)
list(REMOVE_ITEM files runtime/cuda_time.c) # no object measures
list(APPEND files tilec/tilec.h)
list(SORT files)
set(text "/* Made by tools/cmake/embed.cmake. */\n#include \"target/common/rt_sources.h\"\n\n")
set(rows "")
set(n 0)
foreach(file IN LISTS files)
  set(path ${ROOT}/src/${file})
  if(NOT EXISTS ${path})
    set(path ${ROOT}/include/${file})
  endif()
  file(READ ${path} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "static const unsigned char file_${n}[] = {${bytes}0};\n")
  string(APPEND rows "    {\"${file}\", file_${n}, sizeof file_${n} - 1},\n")
  math(EXPR n "${n} + 1")
endforeach()
string(APPEND text "\nconst tc_rt_source tc_rt_sources[] = {\n${rows}};\n")
string(APPEND text "const uint32_t tc_rt_n_sources = ${n};\n")
file(WRITE ${OUT} "${text}")
