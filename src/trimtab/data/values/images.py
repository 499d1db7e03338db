"""Which encoded images are read, and up to what size, for statistics and for the encoder."""

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")

# A small file can claim to hold a huge image ("decompression bomb"): the header is checked before anything is
# decoded. 2^26 pixels are 8,192 x 8,192.
MAX_PIXELS = 1 << 26
