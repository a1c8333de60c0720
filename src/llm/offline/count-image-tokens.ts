import { imageSize, type ImageSize } from './image-size.js';

/** How a model bills an image: so much for each tile of 512 pixels and so much besides, or so much for each patch of 32 pixels. */
type Rate = { readonly base: number; readonly tile: number } | { readonly patch: number };

const TILES: Rate = { base: 85, tile: 170 };
/** Those that bill otherwise, by the beginnings of their names, the longest first. */
const RATES: readonly (readonly [prefix: string, rate: Rate])[] = [
  ['gpt-4o-mini', { base: 2833, tile: 5667 }],
  ['gpt-4.1-mini', { patch: 1.62 }],
  ['gpt-4.1-nano', { patch: 2.46 }],
];

const TILE_PIXELS = 512;
const LONGEST_SIDE = 2048;
const SHORTEST_SIDE = 768;
const PATCH_PIXELS = 32;
const MOST_PATCHES = 1536;
/** For an image whose size cannot be read: the page of a book, as tiles would be counted. */
const PAGE: ImageSize = { width: 1240, height: 1754 };

/**
 * The prompt tokens of an image at high detail, given as a data URL, by the rules that OpenAI publishes for its models ("Calculating
 * costs" in its guide to images and vision). Tiles: scaled down into 2048 by 2048 pixels and to 768 on the shorter side, then 85 and
 * 170 for each square of 512; gpt-4o-mini takes 2833 and 5667. Patches: squares of 32 pixels, at most 1536, times a factor. A model
 * of another provider is counted as gpt-4o: a guess, and only where the provider never said its own count.
 */
export function countImageTokens(url: string, model: string): number {
  const rate = RATES.find(([prefix]) => model.startsWith(prefix))?.[1] ?? TILES;
  const size = imageSize(bytesOf(url)) ?? PAGE;
  return 'patch' in rate ? Math.ceil(countPatches(size) * rate.patch) : rate.base + countTiles(size) * rate.tile;
}

function bytesOf(url: string): Buffer {
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
}

function countTiles({ width, height }: ImageSize): number {
  const fit = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const scale = Math.min(fit, SHORTEST_SIDE / Math.min(width, height));
  return squares(width * scale, height * scale, TILE_PIXELS);
}

function countPatches({ width, height }: ImageSize): number {
  return Math.min(MOST_PATCHES, squares(width, height, PATCH_PIXELS));
}

/** What is a hair over a whole number of squares is so by rounding alone. */
function squares(width: number, height: number, side: number): number {
  return Math.ceil(width / side - 1e-9) * Math.ceil(height / side - 1e-9);
}
