// SwiftPM makes the linker look for an executable's `main` under the name of its module; the fuzzer's driver stands
// behind each of these names.
#include "FuzzMain.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);
extern int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *bytes, size_t count));

int FuzzHTTP1_main(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }
int FuzzConfig_main(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }
