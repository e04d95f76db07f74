/* Layouts through the API: text, names and places make them, and finding is the inverse of asking
 * what is at a place. */
#include "api/kernels.h"

static tilec_context *context;

static tilec_layout *parsed(const char *text) {
  tilec_layout *layout = NULL;
  CHECK(tilec_layout_parse(context, text, &layout, NULL) == TILEC_OK && layout);
  return layout;
}

static tilec_layout *named(const char *name, uint32_t rank, const int64_t *shape, uint32_t bits,
                           int64_t n_threads) {
  const tilec_layout_spec spec = {.size = sizeof spec,
                                  .name = name,
                                  .rank = rank,
                                  .bits = bits,
                                  .shape = shape,
                                  .n_threads = n_threads};
  tilec_layout *layout = NULL;
  CHECK(tilec_layout_make(context, &spec, &layout, NULL) == TILEC_OK && layout);
  return layout;
}

static tilec_layout_info info_of(const tilec_layout *layout) {
  tilec_layout_info info = {.size = sizeof info};
  CHECK(tilec_layout_describe(layout, &info) == TILEC_OK);
  return info;
}

/* Every copy of every element of a tile of rank 2 is where that element is. */
static void check_inverse(const tilec_layout *layout) {
  tilec_layout_info info = info_of(layout);
  int64_t bad = 0;
  for (int64_t i = 0; i < info.shape[0]; i++)
    for (int64_t j = 0; j < info.shape[1]; j++)
      for (int64_t copy = 0; copy < info.n_copies; copy++) {
        const int64_t x[] = {i, j};
        int64_t y[TILEC_LAYOUT_RANK] = {-1, -1};
        tilec_layout_place at;
        bad += tilec_layout_find(layout, x, copy, &at) != TILEC_OK
               || tilec_layout_element(layout, &at, y) != TILEC_OK || y[0] != i || y[1] != j;
      }
  CHECK(bad == 0);
}

static void text(void) {
  tilec_layout *l = parsed(" layout ( thread:[3(0,2),8(1,0)] , slot:[2(0,1)]->[8,6] ) \n");
  CHECK(strcmp(tilec_layout_text(l), "layout(thread:[3(0,2), 8(1,0)], slot:[2(0,1)] -> [8, 6])")
        == 0);
  tilec_layout_info info = info_of(l);
  CHECK(info.rank == 2 && info.shape[0] == 8 && info.shape[1] == 6 && info.n_copies == 1);
  CHECK(info.n_threads == 24 && info.n_slots == 2 && info.n_offsets == 1);
  CHECK(info.is_injective && info.is_surjective && !info.is_replicated && !info.is_table);
  const int64_t x[] = {1, 3}, outside[] = {0, 6}, below[] = {-1, 0};
  tilec_layout_place at = {0};
  CHECK(tilec_layout_find(l, x, 0, &at) == TILEC_OK);
  CHECK(at.thread == 4 && at.slot == 1 && at.offset == 0);
  CHECK(tilec_layout_find(l, outside, 0, &at) == TILEC_ARGUMENT);
  CHECK(tilec_layout_find(l, below, 0, &at) == TILEC_ARGUMENT);
  CHECK(tilec_layout_find(l, x, 1, &at) == TILEC_ARGUMENT);
  CHECK(tilec_layout_find(l, x, -1, &at) == TILEC_ARGUMENT);
  check_inverse(l);
  tilec_layout *again = parsed(tilec_layout_text(l));
  CHECK(strcmp(tilec_layout_text(l), tilec_layout_text(again)) == 0);
  CHECK(tilec_layout_retain(l) == l);
  tilec_layout_release(l);
  tilec_layout_release(again);
  tilec_layout_release(l);
}

static void names(void) {
  static const char *const SWIZZLES[] = {"make_linear_layout",
                                         "make_swizzled_layout",
                                         "make_full_bank_swizzled_layout",
                                         "make_half_bank_swizzled_layout",
                                         "make_quarter_bank_swizzled_layout",
                                         "make_wgmma_swizzled_layout",
                                         "make_mma_swizzle_layout"};
  const int64_t shape[] = {16, 64}, small[] = {16, 8};
  for (size_t i = 0; i < sizeof SWIZZLES / sizeof *SWIZZLES; i++) {
    tilec_layout *l = named(SWIZZLES[i], 2, shape, 16, 0);
    tilec_layout_info info = info_of(l);
    CHECK(info.n_offsets == 16 * 64 && info.is_injective && info.n_threads == 1);
    check_inverse(l);
    tilec_layout_release(l);
  }
  tilec_layout *full = named("make_full_bank_swizzled_layout", 2, shape, 16, 0);
  tilec_layout *widest = named("make_swizzled_layout", 2, shape, 16, 0);
  CHECK(strcmp(tilec_layout_text(full), tilec_layout_text(widest)) == 0);
  tilec_layout *all = named("make_fully_replicated_layout_fragment", 2, small, 0, 32);
  CHECK(info_of(all).n_copies == 32 && info_of(all).is_replicated && info_of(all).n_slots == 128);
  check_inverse(all);
  tilec_layout *atom = named("mma_c", 0, NULL, 0, 0), *wide = named("mma_c", 2, shape, 0, 0);
  CHECK(info_of(atom).shape[0] == 16 && info_of(atom).shape[1] == 8 && info_of(atom).n_slots == 4);
  CHECK(info_of(wide).n_threads == 32 && info_of(wide).n_slots == 32);
  tilec_layout *turned = named("make_gemm_fragment_8x8_transposed", 0, NULL, 0, 0);
  const int64_t x[] = {3, 5};
  tilec_layout_place at = {0};
  CHECK(tilec_layout_find(turned, x, 0, &at) == TILEC_OK && at.thread == 21 && at.slot == 1);
  check_inverse(wide);
  tilec_layout *const made[] = {full, widest, all, atom, wide, turned};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++)
    tilec_layout_release(made[i]);
}

static tilec_layout *fitted(int64_t n_copies, const tilec_layout_place *places, size_t n) {
  const int64_t shape[] = {2, 4};
  tilec_layout *layout = NULL;
  tilec_status status = tilec_layout_fit(context, 2, shape, n_copies, places, n, &layout, NULL);
  CHECK(status == (layout ? TILEC_OK : TILEC_ARGUMENT));
  return layout;
}

static void places(void) {
  tilec_layout_place at[16] = {{0}};
  for (int64_t i = 0; i < 8; i++)
    at[i].thread = i / 4, at[i].slot = i % 4;
  tilec_layout *l = fitted(1, at, 8),
               *same = parsed("layout(thread:[2(1,0)], slot:[4(0,1)] -> [2, 4])");
  CHECK(l && strcmp(tilec_layout_text(l), tilec_layout_text(same)) == 0);
  tilec_layout_release(l);
  tilec_layout_release(same);
  static const int64_t SHUFFLED[] = {3, 0, 7, 1, 5, 2, 6, 4};
  for (int64_t i = 0; i < 8; i++)
    at[i] = (tilec_layout_place){.offset = SHUFFLED[i]};
  l = fitted(1, at, 8);
  CHECK(l && info_of(l).is_table && info_of(l).is_injective && info_of(l).n_offsets == 8);
  check_inverse(l);
  same = parsed(tilec_layout_text(l));
  CHECK(strcmp(tilec_layout_text(l), tilec_layout_text(same)) == 0);
  tilec_layout_release(l);
  tilec_layout_release(same);
  /* A list of places that digits give is those digits. */
  l = parsed("layout(table copies:1, thread:1, slot:1, offset:8 -> [2, 4] {0+8})");
  CHECK_TEXT(tilec_layout_text(l), "layout(offset:[4(0,1), 2(1,0)]");
  CHECK(!info_of(l).is_table);
  tilec_layout_release(l);
  for (int64_t i = 0; i < 16; i++)
    at[i] = (tilec_layout_place){.thread = i % 2, .slot = i / 2};
  l = fitted(2, at, 16);
  CHECK(l && info_of(l).n_copies == 2 && info_of(l).is_replicated);
  tilec_layout_release(l);
  CHECK(!fitted(1, at, 7) && !fitted(1, at, 9) && !fitted(0, at, 8) && !fitted(-1, at, 8));
  at[3].thread = -1;
  CHECK(!fitted(2, at, 16));
  at[3] = at[0];
  CHECK(!fitted(2, at, 16));
  at[3] = (tilec_layout_place){.slot = INT64_C(1) << 40};
  CHECK(!fitted(2, at, 16));
}

static void refuse_text(const char *wrong) {
  tilec_layout *layout = NULL;
  tilec_error *error = NULL;
  CHECK(tilec_layout_parse(context, wrong, &layout, &error) == TILEC_ARGUMENT && !layout);
  CHECK_TEXT(tilec_error_text(error), "no layout");
  tilec_error_release(error);
}

static void refuse_spec(tilec_layout_spec spec, const char *why) {
  tilec_layout *layout = NULL;
  tilec_error *error = NULL;
  CHECK(tilec_layout_make(context, &spec, &layout, &error) == TILEC_ARGUMENT && !layout);
  CHECK_TEXT(tilec_error_text(error), why);
  tilec_error_release(error);
}

static void refused(void) {
  static const char *const WRONG[] = {
      "",
      "layout",
      "layout(-> [8)",
      "layout(-> [0])",
      "layout(-> [8]) more",
      "layout(thread:[3(0,2)] -> [8])",
      "layout(slot:[2(1), 2(1)] -> [8])",
      "layout(slot:[99999999999999999999(1)] -> [8])",
      "layout(-> [1, 1, 1, 1, 1, 1, 1])",
      "layout(slot:[4611686018427387904(1), 4(0)] -> [8])",
      "layout(table copies:1, thread:1, slot:1, offset:8 -> [2, 4] {0+9})",
      "layout(table copies:1, thread:1, slot:1, offset:8 -> [2, 4] {0+4, 0+4})",
      "layout(table copies:9, thread:1, slot:1, offset:999999999 -> [2, 4] {0+8})"};
  for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
    refuse_text(WRONG[i]);
  const int64_t odd[] = {7, 9}, none[] = {0, 8}, vast[] = {INT64_C(1) << 40, INT64_C(1) << 40};
  const tilec_layout_spec spec = {
      .size = sizeof spec, .name = "make_linear_layout", .rank = 2, .bits = 16, .shape = none};
  tilec_layout_spec s = spec;
  refuse_spec(s, "no make_linear_layout of this tile");
  s.shape = vast;
  refuse_spec(s, "no make_linear_layout of this tile");
  s.name = "make_swizzled_layout", s.shape = odd;
  refuse_spec(s, "no make_swizzled_layout of this tile");
  s.name = "make_fully_replicated_layout_fragment", s.n_threads = -3;
  refuse_spec(s, "-3 threads");
  s.name = "wgmma_d", s.rank = 1;
  refuse_spec(s, "no wgmma_d of this tile");
  s.name = "make_lovely_layout";
  refuse_spec(s, "no layout named 'make_lovely_layout'");
}

int main(void) {
  context = new_context();
  text();
  names();
  places();
  refused();
  tilec_context_release(context);
  return check_report();
}
