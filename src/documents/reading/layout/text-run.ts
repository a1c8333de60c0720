/** A piece of text as a PDF draws it. Lengths are in points; `y` grows upwards. */
export interface TextRun {
  readonly text: string;
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** How far it reaches in the direction in which it is written. */
  readonly length: number;
  /** That direction, in degrees counter-clockwise from the horizontal; -90 for vertical writing. */
  readonly angle: number;
  readonly isRightToLeft: boolean;
}

const ANGLE_STEP = 10;
const GAP_INSIDE = /\s{3,}/;

/**
 * The runs by the direction in which they are written, most text first, each turned so that it is read from left to right and from the
 * top down.
 */
export function turnUpright(runs: readonly TextRun[]): TextRun[][] {
  const groups = Map.groupBy(runs.flatMap(splitAtGaps), ({ angle }) => (Math.round(angle / ANGLE_STEP) * ANGLE_STEP) % 360);
  const turned = [...groups].map(([angle, group]) => mirrorIfRightToLeft(group.map((run) => turn(run, angle))));
  return turned.sort((a, b) => countCharacters(b) - countCharacters(a));
}

/** A run that spans a gap with spaces, as plain text made into a PDF does. All its characters count as equally wide. */
function splitAtGaps(run: TextRun): TextRun[] {
  if (!GAP_INSIDE.test(run.text.trim())) return [run];
  const perCharacter = run.length / run.text.length;
  const [dx, dy] = [Math.cos(toRadians(run.angle)), Math.sin(toRadians(run.angle))];
  return [...run.text.matchAll(/\S+(?:\s{1,2}\S+)*/g)].map(({ 0: text, index }) => {
    const before = index * perCharacter;
    return { ...run, text, x: run.x + before * dx, y: run.y + before * dy, length: text.length * perCharacter };
  });
}

function turn(run: TextRun, angle: number): TextRun {
  if (angle === 0) return run;
  const [cos, sin] = [Math.cos(toRadians(angle)), Math.sin(toRadians(angle))];
  return { ...run, x: run.x * cos + run.y * sin, y: run.y * cos - run.x * sin };
}

function mirrorIfRightToLeft(runs: readonly TextRun[]): TextRun[] {
  const isMirrored = 2 * countCharacters(runs.filter(({ isRightToLeft }) => isRightToLeft)) > countCharacters(runs);
  return runs.map((run) => (isMirrored ? { ...run, x: -run.x - run.length } : run));
}

function countCharacters(runs: readonly TextRun[]): number {
  return runs.reduce((sum, { text }) => sum + text.length, 0);
}

function toRadians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
