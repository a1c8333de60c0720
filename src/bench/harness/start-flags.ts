import { readFileSync } from 'node:fs';

/** The flags of Node with which `npm start` starts the app. */
export function startFlags(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { scripts: { start: string } };
  const flags = / node (.*)dist\/main\.js$/.exec(scripts.start)?.[1];
  if (flags === undefined) throw new Error(`How is the app started by: ${scripts.start}?`);
  return flags.split(' ').filter((flag) => flag !== '');
}
