/* The table of passes: lookups, the order check and how it is shown. */
#include "pass/pass.h"

#define HAS(name)   (1u << TC_PROPERTY_##name)
#define NEEDS(name) TC_CAP_BIT(name)
#define REQUIRED    false
#define OPTIONAL    true
static const tc_pass_row ROWS[] = {
#define PASS(name, needs, gives, breaks, guard, kind, help)                                        \
  {#name, tc_pass_##name, needs, gives, breaks, guard, kind, help},
#include "pass/passes.def"
#undef PASS
};
#undef HAS
#undef NEEDS
#undef REQUIRED
#undef OPTIONAL
_Static_assert(TC_COUNT(ROWS) <= 64, "tc_pass_options.disabled has a bit per pass");

const tc_pass_row *tc_pass_rows(uint32_t *n) {
  *n = TC_COUNT(ROWS);
  return ROWS;
}

const char *tc_property_name(enum tc_property property) {
  static const char *const NAMES[] = {
#define STATE(name, letter, doc) #name,
#include "ir/states.def"
#undef STATE
#define PROPERTY(name, doc) #name,
#include "pass/properties.def"
#undef PROPERTY
  };
  return NAMES[property];
}

const char *tc_cap_name(enum tc_cap cap) {
  static const char *const NAMES[] = {
#define CAP(name, doc) #name,
#include "pass/caps.def"
#undef CAP
  };
  return NAMES[cap];
}

const tc_pass_row *tc_pass_find(tc_str name) {
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    if (tc_str_is(name, ROWS[i].name)) return &ROWS[i];
  return NULL;
}

const char *tc_pass_nearest(tc_str name) {
  tc_near near = tc_near_to(name, 4);
  for (size_t i = 0; i < TC_COUNT(ROWS); i++)
    tc_near_offer(&near, tc_str_of(ROWS[i].name));
  return near.best.at;
}

const char *tc_pass_check_table(const tc_pass_row *rows, uint32_t n, tc_arena *arena) {
  uint32_t states = (1u << TC_STATE_COUNT) - 1, has = 1u << TC_PROPERTY_surface;
  for (uint32_t i = 0; i < n; i++) {
    const tc_pass_row *row = &rows[i];
    for (int p = 0; p < TC_PROPERTY_COUNT; p++)
      if ((row->needs & ~has) >> p & 1)
        return tc_format(arena, "pass %s needs '%s', which no pass before it gives", row->name,
                         tc_property_name((enum tc_property)p));
    for (uint32_t j = 0; j < i; j++)
      if (tc_str_equal(tc_str_of(rows[j].name), tc_str_of(row->name)))
        return tc_format(arena, "two passes are named %s", row->name);
    has = (has & ~row->breaks) | row->gives;
    if (row->gives & states) has = (has & ~states) | row->gives;
  }
  return NULL;
}

static void print_properties(tc_sb *out, uint32_t bits) {
  bool first = true;
  for (int p = 0; p < TC_PROPERTY_COUNT; p++) {
    if (!(bits >> p & 1)) continue;
    tc_sb_printf(out, "%s%s", first ? "" : " ", tc_property_name((enum tc_property)p));
    first = false;
  }
}

void tc_pass_print_table(tc_sb *out) {
  for (size_t i = 0; i < TC_COUNT(ROWS); i++) {
    const tc_pass_row *row = &ROWS[i];
    tc_sb_printf(out, "%-10s ", row->name);
    print_properties(out, row->needs);
    tc_sb_adds(out, " -> ");
    print_properties(out, row->gives);
    if (row->breaks) {
      tc_sb_adds(out, ", breaks ");
      print_properties(out, row->breaks);
    }
    for (int c = 0; c < TC_CAP_COUNT; c++)
      if (row->guard >> c & 1)
        tc_sb_printf(out, ", for targets with %s", tc_cap_name((enum tc_cap)c));
    if (row->optional) tc_sb_printf(out, "  [-fno-%s]", row->name);
    tc_sb_printf(out, "\n           %s\n", row->help);
  }
}

bool tc_pass_disable(tc_pass_options *options, tc_diags *diags, tc_str name) {
  tc_span nowhere = {0};
  const tc_pass_row *row = tc_pass_find(name);
  if (!row) {
    const char *near = tc_pass_nearest(name);
    TC_DIAG(diags, D_pass_unknown, nowhere, tc_str_dup(diags->arena, name));
    if (near) tc_diag_help(diags, "did you mean %s?", near);
    return false;
  }
  if (!row->optional) {
    TC_DIAG(diags, D_pass_required, nowhere, row->name);
    return false;
  }
  options->disabled |= UINT64_C(1) << (row - ROWS);
  return true;
}
