#include "cre2.h"

#include <re2/re2.h>

#include <cstring>
#include <memory>

struct cre2_regex {
    re2::RE2 re;
    cre2_regex(re2::StringPiece pattern, const re2::RE2::Options &options) : re(pattern, options) {}
};

extern "C" {

cre2_regex *cre2_new(const char *pattern, size_t patternBytes, char *error, size_t errorBytes) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto regex = std::make_unique<cre2_regex>(re2::StringPiece(pattern, patternBytes), options);
    if (regex->re.ok()) return regex.release();
    if (errorBytes > 0) {
        strncpy(error, regex->re.error().c_str(), errorBytes - 1);
        error[errorBytes - 1] = 0;
    }
    return nullptr;
}

void cre2_free(cre2_regex *regex) { delete regex; }

bool cre2_full_match(const cre2_regex *regex, const char *text, size_t textBytes) {
    return regex->re.Match(re2::StringPiece(text, textBytes), 0, textBytes, re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

bool cre2_partial_match(const cre2_regex *regex, const char *text, size_t textBytes) {
    return regex->re.Match(re2::StringPiece(text, textBytes), 0, textBytes, re2::RE2::UNANCHORED, nullptr, 0);
}

int cre2_program_size(const cre2_regex *regex) { return regex->re.ProgramSize(); }

int cre2_group_count(const cre2_regex *regex) { return regex->re.NumberOfCapturingGroups(); }

bool cre2_match_groups(const cre2_regex *regex, const char *text, size_t textBytes, ptrdiff_t *offsets, int groups) {
    constexpr int kMaxGroups = 16;
    re2::StringPiece found[kMaxGroups];
    if (groups > kMaxGroups) groups = kMaxGroups;
    if (!regex->re.Match(re2::StringPiece(text, textBytes), 0, textBytes, re2::RE2::UNANCHORED, found, groups)) {
        return false;
    }
    for (int i = 0; i < groups; i++) {
        if (found[i].data() == nullptr) {
            offsets[2 * i] = offsets[2 * i + 1] = -1;
        } else {
            offsets[2 * i] = found[i].data() - text;
            offsets[2 * i + 1] = offsets[2 * i] + static_cast<ptrdiff_t>(found[i].size());
        }
    }
    return true;
}

}  // extern "C"
