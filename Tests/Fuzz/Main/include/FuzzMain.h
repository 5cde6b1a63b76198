// The entry points of the fuzz targets, one for each executable of Package.swift.
#include <stddef.h>
#include <stdint.h>

int FuzzHTTP1_main(int argc, char **argv);
int FuzzConfig_main(int argc, char **argv);
