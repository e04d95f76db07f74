/* What NAME.c holds in place of kernels when they run on a GPU: the binary, and the way to it. */
#include "target/cpu/aot_impl.h"

#include "target/cpu/prelude.h"

/* Numbers of up to three digits: the shortest text that every C compiler takes. */
static void print_bytes(tc_str bytes, tc_sb *out) {
  enum { PER_LINE = 24 };
  for (uint32_t i = 0; i < bytes.n; i++)
    tc_sb_printf(out, "%s%u,", i && i % PER_LINE == 0 ? "\n" : "", (unsigned char)bytes.at[i]);
}

void tc_aot_print_image(const tc_aot *a, tc_sb *out) {
  const tc_cpu_options options = {
      .isa = a->isa, .is_part = true, .also = tc_aot_needs(a->table, out->arena)};
  tc_cpu_prelude(out, &options, (tc_str){"", 0});
  tc_sb_printf(out,
               "/* For %s. The driver reads it as words. */\n"
               "__attribute__((aligned(64))) static const unsigned char tck_image[%u] = {\n",
               a->gpu->arch, a->gpu->image.n);
  print_bytes(a->gpu->image, out);
  tc_sb_adds(out, "};\n");
}

void tc_aot_print_reach(const tc_aot *a, tc_sb *out) {
  tc_sb_printf(
      out,
      "static tc_cuda_aot tck_gpu = {.code = {tck_image, sizeof tck_image, \"%s\", %u, %d},\n"
      "                              .table = &tck_table,\n"
      "                              .lock = PTHREAD_MUTEX_INITIALIZER};\n"
      "static _Thread_local void *tck_stream;\n\n"
      "static uint32_t tck_launch(const tilec_arg *args, tc_rt_error *error) {\n"
      "  return tc_cuda_aot_launch(&tck_gpu, tck_stream, args, error);\n}\n\n"
      "static int32_t tck_current(void) {\n  return tc_cuda_aot_current(&tck_gpu);\n}\n\n"
      "static const tc_rt_aot_gpu tck_reach = {tck_launch, tck_current};\n\n",
      a->gpu->arch, a->gpu->cc, a->gpu->exact);
}

void tc_aot_print_stream(const tc_aot *a, tc_sb *out) {
  tc_sb_printf(out,
               "TCK_PUBLIC TCK_BASE void %s_use_stream(void *stream) {\n"
               "  tck_stream = stream;\n}\n\n",
               a->name);
}

void tc_aot_print_packed_call(const tc_aot *a, tc_sb *out) {
  if (!a->gpu) {
    tc_sb_adds(out, "    code = tc_rt_aot_call(&tck_unit, tck_args);\n");
    return;
  }
  tc_sb_adds(out, "    void *before = tck_stream;\n"
                  "    if (TVMFFIEnvGetStream)\n"
                  "      tck_stream = TVMFFIEnvGetStream(\n"
                  "          2, tc_rt_aot_device(&tck_unit, tck_args, tck_current()));\n"
                  "    code = tc_rt_aot_call(&tck_unit, tck_args);\n"
                  "    tck_stream = before;\n");
}
