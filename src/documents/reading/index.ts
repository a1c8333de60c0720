export type { Chunk, PageText } from './chunk-text.js';
export { MEDIA_TYPES, sniffMediaType, SNIFFED_BYTES, type MediaType } from './media-type.js';
export { PdfReader, type PageImage, type ReadPart } from './pdf-reader.js';
export { TextCutter } from './text-cutter.js';
export { READING_LIMITS, READING_OPTIONS, type ReadingLimits } from './reading-limits.js';
