// Placeholder so that the skeleton builds; the first real file of the folder removes it.
