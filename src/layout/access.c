/* How a fragment meets shared memory: vector width and bank conflicts. */
#include "layout/layout_private.h"

/* ---- vector width ---- */

typedef struct access_query {
  const tc_layout *memory, *fragment;
  const tc_layout_digits *offset;
  int64_t bound[TC_LAYOUT_DIMS]; /* what is valid in both */
} access_query;

static void slot_value(const tc_layout_digits *d, int64_t slot, int64_t *bits, int64_t *sum) {
  tc_layout_digits_part(d, TC_SPACE_slot, slot, bits, sum);
}

/* Whatever the thread is, it adds multiples of `unit`, a power of two. */
static bool is_multiple_elsewhere(const tc_layout_digits *d, int64_t unit) {
  for (uint32_t i = 0; i < d->n_terms; i++)
    if (d->terms[i].space != TC_SPACE_slot && d->terms[i].step % unit != 0) return false;
  return d->xor_base % unit == 0 && d->add_base % unit == 0;
}

static bool are_side_by_side(const tc_layout_digits *d, int64_t n_slots, int64_t v) {
  if (!is_multiple_elsewhere(d, v)) return false;
  for (int64_t slot = 0; slot < n_slots; slot++) {
    int64_t bits, sum, first_bits, first_sum;
    slot_value(d, slot, &bits, &sum);
    slot_value(d, slot - slot % v, &first_bits, &first_sum);
    if (first_bits % v != 0 || first_sum % v != 0 || bits / v != first_bits / v) return false;
    if (bits % v + sum != first_sum + slot % v) return false;
  }
  return true;
}

/* Each aligned group of v slots has all of its coordinates in `dim` on one side of the bound. */
static bool is_cut_between(tc_arena *arena, const access_query *q, uint32_t dim, int64_t v) {
  const tc_layout_digits *d = tc_layout_coordinate(arena, q->fragment, dim);
  int64_t bits, sum, unit = 1;
  for (int64_t slot = 0; slot < v; slot++) {
    slot_value(d, slot, &bits, &sum);
    while (unit <= bits + sum)
      unit *= 2;
  }
  if (q->bound[dim] % unit != 0 || !is_multiple_elsewhere(d, unit)) return false;
  for (int64_t slot = 0; slot < q->fragment->size[TC_SPACE_slot]; slot++) {
    int64_t first_bits, first_sum;
    slot_value(d, slot, &bits, &sum);
    slot_value(d, slot - slot % v, &first_bits, &first_sum);
    if ((bits + sum) / unit != (first_bits + first_sum) / unit || bits / unit != first_bits / unit)
      return false;
  }
  return true;
}

static bool is_vector(tc_arena *arena, const access_query *q, int64_t v) {
  int64_t n_slots = q->fragment->size[TC_SPACE_slot];
  if (n_slots % v != 0 || !are_side_by_side(q->offset, n_slots, v)) return false;
  for (uint32_t d = 0; d < q->fragment->n_dims; d++)
    if (tc_layout_box(q->fragment, d) > q->bound[d] && !is_cut_between(arena, q, d, v))
      return false;
  return true;
}

/* Offset of what `hw` of the fragment holds, by points; -1: not valid. */
static int64_t offset_at(const access_query *q, const int64_t *origin, const tc_hw *hw) {
  int64_t x[TC_LAYOUT_DIMS];
  if (!tc_layout_apply(q->fragment, hw, x)) return -1;
  for (uint32_t d = 0; d < q->fragment->n_dims; d++) {
    if (x[d] >= q->bound[d]) return -1;
    x[d] += origin ? origin[d] : 0;
  }
  return q->offset ? -2 : tc_layout_offset(q->memory, x);
}

static int64_t offset_of(const access_query *q, const int64_t *origin, const tc_hw *hw) {
  int64_t offset = offset_at(q, origin, hw);
  return offset == -2 ? tc_layout_digits_at(q->offset, hw) : offset;
}

/* The same question without a digit form, point by point. */
static bool is_vector_by_points(const access_query *q, const int64_t *origin, int64_t v) {
  const tc_layout *f = q->fragment;
  tc_hw hw = {{0}};
  if (f->size[TC_SPACE_slot] % v != 0) return false;
  for (int64_t t = 0; t < f->size[TC_SPACE_thread]; t++)
    for (int64_t slot = 0, first = 0; slot < f->size[TC_SPACE_slot]; slot++) {
      hw.at[TC_SPACE_thread] = t, hw.at[TC_SPACE_slot] = slot;
      int64_t offset = offset_of(q, origin, &hw);
      if (slot % v == 0) {
        first = offset;
        if (offset >= 0 && offset % v != 0) return false;
      } else if (offset != (first < 0 ? -1 : first + slot % v)) {
        return false;
      }
    }
  return true;
}

static bool make_query(tc_arena *arena, const tc_layout *memory, const tc_layout *fragment,
                       const int64_t *origin, access_query *q) {
  *q = (access_query){.memory = memory, .fragment = fragment};
  if (memory->n_dims != fragment->n_dims) return false;
  if (tc_layout_is_surjective(memory)) /* else a valid coordinate may have no offset */
    q->offset = tc_layout_compose(arena, memory, fragment, origin);
  for (uint32_t d = 0; d < fragment->n_dims; d++) {
    int64_t room = memory->bound[d] - (origin ? origin[d] : 0);
    q->bound[d] = room < fragment->bound[d] ? room : fragment->bound[d];
  }
  return true;
}

int64_t tc_layout_vector(tc_arena *arena, const tc_layout *memory, const tc_layout *fragment,
                         const int64_t *origin, int64_t most) {
  access_query q;
  int64_t v = 1;
  if (!make_query(arena, memory, fragment, origin, &q)) return 1;
  if (tc_layout_inputs(fragment) > TC_LAYOUT_POINTS) return 1;
  while (v * 2 <= most && fragment->size[TC_SPACE_slot] % (v * 2) == 0)
    v *= 2;
  for (; v > 1; v /= 2)
    if (q.offset ? is_vector(arena, &q, v) : is_vector_by_points(&q, origin, v)) break;
  return v;
}

/* ---- banks ---- */

enum { N_LANES = 32, N_BANKS = 32, WORD_B = 4 };

/* Wavefronts of the lanes [first, first + n): different words in the busiest bank. */
static int32_t part_wavefronts(const int64_t *byte_at, uint32_t active, uint32_t size_b,
                               uint32_t first, uint32_t n) {
  int64_t words[N_BANKS * 8];
  int32_t n_words = 0, in_bank[N_BANKS] = {0}, most = 0;
  for (uint32_t lane = first; lane < first + n; lane++) {
    if (!(active >> lane & 1)) continue;
    int64_t last = (byte_at[lane] + size_b - 1) / WORD_B;
    for (int64_t word = byte_at[lane] / WORD_B; word <= last; word++) {
      int32_t at = 0;
      while (at < n_words && words[at] != word)
        at++;
      if (at < n_words) continue;
      words[n_words++] = word;
      if (++in_bank[word % N_BANKS] > most) most = in_bank[word % N_BANKS];
    }
  }
  return most;
}

static uint32_t lanes_together(uint32_t size_b) {
  return size_b <= 4 ? N_LANES : size_b <= 8 ? N_LANES / 2 : N_LANES / 4;
}

int32_t tc_bank_wavefronts(const int64_t byte_at[32], uint32_t active, uint32_t size_b) {
  uint32_t n = lanes_together(size_b);
  int32_t sum = 0;
  for (uint32_t first = 0; first < N_LANES; first += n)
    sum += part_wavefronts(byte_at, active, size_b, first, n);
  return sum;
}

static int32_t parts_active(uint32_t active, uint32_t size_b) {
  uint32_t n = lanes_together(size_b);
  int32_t sum = 0;
  for (uint32_t first = 0; first < N_LANES; first += n)
    sum += (active >> first & (n == N_LANES ? UINT32_MAX : (UINT32_C(1) << n) - 1)) != 0;
  return sum;
}

typedef struct bank_query {
  access_query q;
  const int64_t *origin;
  uint32_t element_bits, size_b;
  bool is_padded;
} bank_query;

/* One warp, one group of slots. */
static tc_bank_cost access_cost(const bank_query *b, int64_t warp, int64_t slot) {
  int64_t byte_at[N_LANES] = {0}, n_threads = b->q.fragment->size[TC_SPACE_thread];
  uint32_t active = 0;
  for (int64_t lane = 0; lane < N_LANES && warp * N_LANES + lane < n_threads; lane++) {
    tc_hw hw = {{0}};
    hw.at[TC_SPACE_thread] = warp * N_LANES + lane, hw.at[TC_SPACE_slot] = slot;
    int64_t offset = b->q.offset && !b->is_padded ? tc_layout_digits_at(b->q.offset, &hw)
                                                  : offset_of(&b->q, b->origin, &hw);
    if (offset < 0) continue;
    byte_at[lane] = offset * b->element_bits / 8;
    active |= UINT32_C(1) << lane;
  }
  return (tc_bank_cost){tc_bank_wavefronts(byte_at, active, b->size_b),
                        parts_active(active, b->size_b)};
}

/* All groups of slots of a warp.  Slots whose XORs are equal and whose sums differ by whole words
 * move all lanes by the same number of banks, which costs the same. */
static void add_warp(const bank_query *b, int64_t warp, int64_t vector, tc_bank_cost *cost) {
  enum { N_KNOWN = 16 };
  struct {
    int64_t bits, rest;
    tc_bank_cost cost;
  } known[N_KNOWN];
  uint32_t n_known = 0;
  for (int64_t slot = 0; slot < b->q.fragment->size[TC_SPACE_slot]; slot += vector) {
    int64_t bits = 0, sum = 0;
    uint32_t k = 0;
    bool is_alike = b->q.offset && !b->is_padded;
    if (is_alike) slot_value(b->q.offset, slot, &bits, &sum);
    int64_t rest = sum * b->element_bits % (8 * WORD_B);
    while (k < n_known && (known[k].bits != bits || known[k].rest != rest))
      k++;
    if (k == n_known || !is_alike) {
      k = n_known < N_KNOWN && is_alike ? n_known++ : 0;
      if (!is_alike) n_known = 0;
      known[k].bits = bits, known[k].rest = rest;
      known[k].cost = access_cost(b, warp, slot);
    }
    cost->wavefronts += known[k].cost.wavefronts;
    cost->least += known[k].cost.least;
  }
}

tc_bank_cost tc_layout_banks(tc_arena *arena, const tc_layout *memory, const tc_layout *fragment,
                             const int64_t *origin, uint32_t element_bits, int64_t vector) {
  tc_bank_cost cost = {0, 0};
  bank_query b = {.origin = origin, .element_bits = element_bits};
  if (vector < 1 || vector > 128 || element_bits > 128 || vector * element_bits > 128) return cost;
  if (!make_query(arena, memory, fragment, origin, &b.q)) return cost;
  if (tc_layout_inputs(fragment) > TC_LAYOUT_POINTS) return cost;
  if (memory->size[TC_SPACE_offset] > TC_LAYOUT_MOST >> 8) return cost;
  b.size_b = (uint32_t)(vector * element_bits + 7) / 8;
  for (uint32_t d = 0; d < fragment->n_dims; d++)
    b.is_padded |= tc_layout_box(fragment, d) > b.q.bound[d];
  for (int64_t warp = 0; warp * N_LANES < fragment->size[TC_SPACE_thread]; warp++)
    add_warp(&b, warp, vector, &cost);
  return cost;
}
