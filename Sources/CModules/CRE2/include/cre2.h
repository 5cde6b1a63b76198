// A C face on RE2 (Debian's libre2-dev): compile, match, replace. Linear time in the input, no backtracking.
#pragma once
#include <stddef.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_regex cre2_regex;

/// Compiles `pattern`. On failure returns NULL and writes RE2's message, NUL-terminated, into `error`.
cre2_regex *cre2_new(const char *pattern, size_t patternBytes, char *error, size_t errorBytes);
void cre2_free(cre2_regex *regex);

bool cre2_full_match(const cre2_regex *regex, const char *text, size_t textBytes);
bool cre2_partial_match(const cre2_regex *regex, const char *text, size_t textBytes);

/// RE2's measure of what the compiled pattern costs, in instructions.
int cre2_program_size(const cre2_regex *regex);

/// The number of capturing groups.
int cre2_group_count(const cre2_regex *regex);

/// First match anywhere in `text`. Fills `offsets` with begin and end of group 0, 1 … up to `groups` (whole match
/// first); an unmatched group is -1, -1. Returns false where nothing matches.
bool cre2_match_groups(const cre2_regex *regex, const char *text, size_t textBytes, ptrdiff_t *offsets, int groups);

#ifdef __cplusplus
}
#endif
