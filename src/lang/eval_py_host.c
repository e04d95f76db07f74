/* What kernel files ask of packages that are not here: facts about the device, answered by the
 * target; names of types; profiling markers, which never change a result. */
#include "lang/eval_private.h"

static tc_val instance_of(tc_eval *ev, const char *class_name) {
  tc_class *klass = TC_NEW(ev->arena, tc_class);
  tc_instance *instance = TC_NEW(ev->arena, tc_instance);
  klass->name = tc_names_add(ev->names, tc_str_of(class_name));
  *instance = (tc_instance){klass, TC_NEW(ev->arena, tc_slots), tc_block_serial(ev)};
  return (tc_val){.kind = TC_V_INSTANCE, .instance = instance};
}

static void set_slot(tc_eval *ev, tc_val object, const char *name, tc_val value) {
  tc_slots_set(ev, object.instance->slots, tc_names_add(ev->names, tc_str_of(name)), value);
}

/* ---- the device ---- */

tc_val tc_py_device_there(tc_eval *ev, const tc_val *a) {
  (void)ev;
  (void)a;
  return tc_val_bool(true);
}

tc_val tc_py_device_number(tc_eval *ev, const tc_val *a) {
  (void)ev;
  (void)a;
  return tc_val_int(0);
}

tc_val tc_py_device_name(tc_eval *ev, const tc_val *a) {
  const char *name = ev->lang->device.name;
  (void)a;
  return tc_val_str(ev->arena, tc_str_of(name ? name : "cpu"));
}

tc_val tc_py_capability(tc_eval *ev, const tc_val *a) {
  (void)a;
  const tc_val both[] = {tc_val_int(ev->lang->device.capability_major),
                         tc_val_int(ev->lang->device.capability_minor)};
  return tc_val_tuple(ev->arena, both, 2);
}

tc_val tc_py_device_properties(tc_eval *ev, const tc_val *a) {
  tc_val object = instance_of(ev, "device properties");
  set_slot(ev, object, "name", tc_py_device_name(ev, a));
  set_slot(ev, object, "major", tc_val_int(ev->lang->device.capability_major));
  set_slot(ev, object, "minor", tc_val_int(ev->lang->device.capability_minor));
  set_slot(ev, object, "multi_processor_count", tc_py_num_sms(ev, a));
  return object;
}

/* ---- types ---- */

tc_val tc_py_data_type(tc_eval *ev, const tc_val *a) {
  return tc_val_dtype(tc_stage_dtype(ev, a[0], tc_eval_at(ev, ev->node)));
}

tc_val tc_py_fp8_type(tc_eval *ev, const tc_val *a) {
  tc_str format = tc_py_need_text(ev, a[0], "the format");
  if (tc_str_is(format, "e4m3")) return tc_val_dtype(tc_scalar_type(TC_DT_float8_e4m3fn));
  if (tc_str_is(format, "e5m2")) return tc_val_dtype(tc_scalar_type(TC_DT_float8_e5m2));
  EVAL_FAIL(ev, D_bad_value, tc_eval_here(ev), "the format of an 8-bit float is e4m3 or e5m2");
}

static uint32_t bits_of(tc_eval *ev, tc_val dtype) {
  return tc_type_bits(tc_stage_dtype(ev, dtype, tc_eval_at(ev, ev->node)));
}

tc_val tc_py_e_factor(tc_eval *ev, const tc_val *a) {
  return tc_val_int(bits_of(ev, a[1]) / 4 * (bits_of(ev, a[0]) == 32 ? 2 : 4));
}

tc_val tc_py_e_replicate(tc_eval *ev, const tc_val *a) {
  return tc_val_int(bits_of(ev, a[0]) <= 8 ? 1 : 2);
}

tc_val tc_py_tir_const(tc_eval *ev, const tc_val *a) {
  tc_span span = tc_eval_at(ev, ev->node);
  tc_type type = tc_stage_dtype(ev, a[1], span);
  const tc_call_arg value = {.value = a[0], .span = span};
  return tc_stage_dtype_call(ev, type, &(tc_call_args){&value, 1, span});
}

/* ---- markers ---- */

tc_val tc_py_marker(tc_eval *ev, const tc_val *a) {
  (void)ev;
  (void)a;
  return tc_val_none();
}

tc_val tc_py_marker_range(tc_eval *ev, const tc_val *a) {
  (void)a;
  return (tc_val){.kind = TC_V_FRAME, .frame = tc_stage_plain_frame(ev, tc_eval_at(ev, ev->node))};
}
