import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load, YAML11_SCHEMA } from 'js-yaml';

const ROOT = new URL('../../', import.meta.url);

export function readRoot(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

export function isInRoot(path: string): boolean {
  return existsSync(fileURLToPath(new URL(path, ROOT)));
}

/** With merge keys (`<<`), as Compose reads them. Throws at a key that stands twice. */
export function readYaml(path: string): unknown {
  return load(readRoot(path), { schema: YAML11_SCHEMA });
}

export interface ComposeService {
  readonly build?: string;
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly expose?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: unknown;
  readonly stop_grace_period?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Compose fills them in. Throws where a required one is missing. */
export function interpolate(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{([A-Z_]+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, word?: string): string => {
    if (env[name]) return env[name];
    if (kind === '?') throw new Error(`${name}: ${word ?? ''}`);
    return kind === '-' ? (word ?? '') : '';
  });
}

/** The names that a service waits for, in either way of writing them. */
export function dependenciesOf({ depends_on = [] }: ComposeService): string[] {
  return Array.isArray(depends_on) ? [...(depends_on as string[])] : Object.keys(depends_on);
}

/** The directives of an nginx configuration in order, each with the blocks around it: `http server location /: proxy_buffering off`. */
export function readDirectives(text: string): string[] {
  const around: string[] = [];
  const directives: string[] = [];
  const tokens = text.replaceAll(/#.*$/gm, '').matchAll(/([^;{}]*)([;{}])/g);
  for (const [, words = '', end] of tokens) {
    const phrase = words.trim().replaceAll(/\s+/g, ' ');
    if (end === '{') around.push(phrase);
    else if (end === ';') directives.push(`${around.join(' ')}: ${phrase}`);
    else if (around.pop() === undefined) throw new Error('A block is closed that was not opened');
  }
  if (around.length > 0) throw new Error(`Not closed: ${around.join(' ')}`);
  return directives;
}

export interface DockerStage {
  readonly from: string;
  readonly instructions: readonly (readonly [name: string, rest: string])[];
}

export function readDockerfile(text: string): DockerStage[] {
  const lines = text
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages: { from: string; instructions: [string, string][] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push({ from: rest, instructions: [] });
    else stages.at(-1)?.instructions.push([name, rest]);
  }
  return stages;
}
