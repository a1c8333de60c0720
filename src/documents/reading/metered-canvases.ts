import { createCanvas, type Canvas, type SKRSContext2D } from '@napi-rs/canvas';

interface Entry {
  canvas: Canvas | null;
  context: SKRSContext2D | null;
}

const BYTES_PER_PIXEL = 4;

/**
 * A canvas factory for the renderer, of which all canvases together take `mostBytes` at most: their memory lies where no limit of the
 * thread sees it, and a page may ask for one within the other. Beyond that it throws a `RangeError`.
 */
export function meteredCanvases(mostBytes: number) {
  let bytes = 0;
  const grow = (width: number, height: number): void => {
    if (width <= 0 || height <= 0) throw new Error('A canvas must have a size.');
    bytes += BYTES_PER_PIXEL * width * height;
    if (bytes > mostBytes) throw new RangeError(`The canvases of a page take more than ${mostBytes} bytes.`);
  };
  const shrink = (canvas: Canvas | null): void => {
    bytes -= BYTES_PER_PIXEL * (canvas?.width ?? 0) * (canvas?.height ?? 0);
  };
  return class MeteredCanvases {
    create(width: number, height: number): Entry {
      grow(width, height);
      const canvas = createCanvas(width, height);
      return { canvas, context: canvas.getContext('2d') };
    }

    reset({ canvas }: Entry, width: number, height: number): void {
      shrink(canvas);
      grow(width, height);
      if (canvas) Object.assign(canvas, { width, height });
    }

    destroy(entry: Entry): void {
      shrink(entry.canvas);
      if (entry.canvas) Object.assign(entry.canvas, { width: 0, height: 0 });
      Object.assign(entry, { canvas: null, context: null });
    }

    getNoAlphaContext(canvas: Canvas): SKRSContext2D {
      return canvas.getContext('2d', { alpha: false });
    }
  };
}
