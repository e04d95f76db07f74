/* Names that are like another: how far apart, which is meant, and where the search ends. */
#include "base/str.h"

#include "check_kit.h"

static void distances(void) {
  CHECK(tc_str_distance(TC_STR("gemm"), TC_STR("gemm"), 4) == 0);
  CHECK(tc_str_distance(TC_STR("gem"), TC_STR("gemm"), 4) == 1);
  CHECK(tc_str_distance(TC_STR("kitten"), TC_STR("sitting"), 9) == 3);
  CHECK(tc_str_distance(TC_STR("kitten"), TC_STR("sitting"), 2) == 2);
  CHECK(tc_str_distance(TC_STR(""), TC_STR("abc"), 9) == 3);
}

static void long_names(void) {
  char text[65] = {0};
  memset(text, 'x', sizeof text);
  tc_str most = {text, 64}, more = {text, 65};
  CHECK(tc_str_distance(most, most, 3) == 0);
  CHECK(tc_str_distance(more, more, 3) == 3);
  tc_near near = tc_near_to(more, 3);
  tc_near_offer(&near, more);
  CHECK(!near.best.n);
}

static void first_of_the_nearest(void) {
  tc_near near = tc_near_to(TC_STR("copy"), 3);
  tc_near_offer(&near, TC_STR("reshape"));
  CHECK(!near.best.n);
  tc_near_offer(&near, TC_STR("cop")); /* 1 away */
  tc_near_offer(&near, TC_STR("copyz"));
  CHECK(tc_str_is(near.best, "cop"));
  tc_near_offer(&near, TC_STR("copy"));
  CHECK(tc_str_is(near.best, "copy"));
}

static void limit_is_not_reached(void) {
  tc_near near = tc_near_to(TC_STR("abcd"), 2);
  tc_near_offer(&near, TC_STR("abxy"));
  CHECK(!near.best.n);
  tc_near_offer(&near, TC_STR("abcy"));
  CHECK(tc_str_is(near.best, "abcy"));
}

int main(void) {
  distances();
  long_names();
  first_of_the_nearest();
  limit_is_not_reached();
  return check_report();
}
