/* Verbs that show something. */
#include "cli/cli.h"

#include <string.h>

static int give_text(const cli *c, tilec_status status, tilec_text *text, tilec_error *error) {
  if (status != TILEC_OK) return cli_fail_with(c, status, error);
  int code = cli_give(c, tilec_text_data(text), tilec_text_size(text));
  tilec_text_release(text);
  return code;
}

/* What only a run shows: on the interpreter, which looks for races between threads besides, with
 * random arguments where none are given. */
static int check_deep(cli *c) {
  static const struct {
    const char *name, *value;
  } SETTINGS[] = {{"target", "interp"}, {"races", "on"}};
  tilec_error *error;
  for (size_t i = 0; i < sizeof SETTINGS / sizeof *SETTINGS; i++) {
    tilec_status status =
        tilec_context_set(c->context, SETTINGS[i].name, SETTINGS[i].value, &error);
    if (status != TILEC_OK) return cli_fail_with(c, status, error);
  }
  c->random = true;
  c->check = c->bench = false;
  return cli_run(c);
}

int cli_check(cli *c) {
  tilec_program *program;
  tilec_text *warnings = NULL;
  tilec_error *error;
  int code = cli_open_program(c, &program);
  if (code) return code;
  tilec_status status = tilec_program_check(program, c->format, &warnings, &error);
  tilec_program_release(program);
  if (status != TILEC_OK) return cli_fail_with(c, status, error);
  if (!c->quiet && !c->deep) fputs(tilec_text_data(warnings), stderr);
  tilec_text_release(warnings);
  if (c->deep) return check_deep(c);
  if (c->json) fputs("{\"schema_version\":1,\"status\":\"ok\"}\n", stdout);
  return EXIT_OK;
}

/* "a\nb\n" as a JSON array. */
static void print_files(const char *paths) {
  fputs("{\"files\":[", stdout);
  for (const char *comma = ""; *paths; comma = ",") {
    int n = (int)strcspn(paths, "\n");
    fputs(comma, stdout);
    cli_json_string(stdout, cli_format("%.*s", n, paths));
    paths += n + (paths[n] == '\n');
  }
  fputs("],\"schema_version\":1,\"status\":\"ok\"}\n", stdout);
}

int cli_build(cli *c) {
  tilec_program *program;
  tilec_text *files = NULL, *warnings = NULL;
  tilec_error *error;
  int code = cli_open_program(c, &program);
  if (code) return code;
  tilec_build_options o = {
      .size = sizeof o, .directory = c->output, .name = c->name, .format = c->format};
  cli_progress_start(c, "building");
  tilec_status status = tilec_program_build(program, &o, &files, &warnings, &error);
  cli_progress_end(c);
  tilec_program_release(program);
  if (status != TILEC_OK) return cli_fail_with(c, status, error);
  if (!c->quiet) fputs(tilec_text_data(warnings), stderr);
  if (c->json) {
    print_files(tilec_text_data(files));
  } else if (!c->quiet) {
    fputs(tilec_text_data(files), stdout);
  }
  tilec_text_release(warnings);
  tilec_text_release(files);
  return EXIT_OK;
}

int cli_emit(cli *c) {
  tilec_program *program;
  tilec_text *text = NULL;
  tilec_error *error;
  int code = cli_open_program(c, &program);
  if (code) return code;
  tilec_status status = tilec_program_emit(program, c->emit ? c->emit : "tile", &text, &error);
  tilec_program_release(program);
  return give_text(c, status, text, error);
}

int cli_opt(cli *c) {
  tilec_program *program;
  tilec_text *text = NULL;
  tilec_error *error;
  if (c->print_pipeline) {
    tilec_status made = tilec_pass_table(c->context, &text, &error);
    return give_text(c, made, text, error);
  }
  int code = cli_open_program(c, &program);
  if (code) return code;
  tilec_status status = tilec_program_opt(program, c->passes ? c->passes : "", &text, &error);
  tilec_program_release(program);
  return give_text(c, status, text, error);
}

/* ---- explain ---- */

static void list_diagnostics(const cli *c) {
  for (size_t i = 0; i < tilec_diagnostic_count(); i++) {
    tilec_diagnostic row = {.size = sizeof row};
    if (tilec_diagnostic_at(i, &row) != TILEC_OK) continue;
    if (c->json) {
      printf("{\"code\":\"%s\",\"name\":\"%s\",\"severity\":\"%s\"}\n", row.code, row.name,
             row.is_error ? "error" : "warning");
    } else {
      printf("%s  %s\n", row.code, row.name);
    }
  }
}

int cli_explain(cli *c) {
  tilec_diagnostic row = {.size = sizeof row};
  if (c->n_words == 1) {
    list_diagnostics(c);
    return EXIT_OK;
  }
  if (c->n_words != 2) return cli_fail(c, EXIT_USAGE, "", "explain takes one code");
  if (tilec_diagnostic_find(c->words[1], &row) != TILEC_OK)
    return cli_fail(c, EXIT_USAGE, "", "there is no diagnostic '%s'; `tilec explain` lists them",
                    c->words[1]);
  if (!c->json) {
    printf("%s %s (%s)\n\n  %s\n\n%s\n", row.code, row.name, row.is_error ? "error" : "warning",
           row.message, row.explanation);
    return EXIT_OK;
  }
  printf("{\"code\":\"%s\",\"explanation\":", row.code);
  cli_json_string(stdout, row.explanation);
  fputs(",\"message\":", stdout);
  cli_json_string(stdout, row.message);
  printf(",\"name\":\"%s\",\"severity\":\"%s\"}\n", row.name, row.is_error ? "error" : "warning");
  return EXIT_OK;
}

/* ---- targets, doctor, cache, version ---- */

int cli_targets(cli *c) {
  if (c->json) putchar('[');
  for (size_t i = 0; i < tilec_target_count(); i++) {
    tilec_target row = {.size = sizeof row};
    if (tilec_target_at(c->context, i, &row) != TILEC_OK) continue;
    if (!c->json) {
      printf("%-12s %s%s\n", row.name, row.help, row.available ? "" : " (not available here)");
      continue;
    }
    printf("%s{\"available\":%s,\"help\":", i ? "," : "", row.available ? "true" : "false");
    cli_json_string(stdout, row.help);
    printf(",\"name\":\"%s\"}", row.name);
  }
  if (c->json) puts("]");
  return EXIT_OK;
}

static tilec_format report_format(const cli *c) {
  return c->json ? TILEC_FORMAT_JSON : TILEC_FORMAT_TEXT;
}

int cli_doctor(cli *c) {
  tilec_text *text = NULL;
  tilec_error *error;
  tilec_status status = tilec_doctor(c->context, report_format(c), &text, &error);
  return give_text(c, status, text, error);
}

int cli_cache(cli *c) {
  tilec_text *text = NULL;
  tilec_error *error;
  if (c->n_words != 2)
    return cli_fail(c, EXIT_USAGE, "", "cache takes one word: ls, stat, verify, clear or gc");
  tilec_status status = tilec_cache_run(c->context, c->words[1], report_format(c), &text, &error);
  return give_text(c, status, text, error);
}

int cli_version(cli *c) {
  if (c->json) {
    printf("{\"version\":\"%s\"}\n", tilec_version());
  } else {
    printf("tilec %s\n", tilec_version());
  }
  return EXIT_OK;
}
