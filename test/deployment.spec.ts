import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../src/config/index.js';
import {
  dependenciesOf,
  interpolate,
  isInRoot,
  readDirectives,
  readDockerfile,
  readRoot,
  readYaml,
  type Compose,
} from './support/deployment.js';

const VARIABLES = new Set([...readRoot('src/config/load-config.ts').matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = '']) => name));
const SECRET = 'a secret that is long enough to sign';

const { services, volumes } = readYaml('compose.yaml') as Compose;
const instances = Object.entries(services).filter(([, { build }]) => build !== undefined);
const nginx = readDirectives(readRoot('deploy/nginx.conf'));
const stages = readDockerfile(readRoot('Dockerfile'));

function environmentOf(name: string, env: Readonly<Record<string, string>> = { JWT_SECRET: SECRET }): Record<string, string> {
  const given = Object.entries(services[name]?.environment ?? {});
  return { ...imageEnvironment(), ...Object.fromEntries(given.map(([key, value]) => [key, interpolate(value, env)])) };
}

function imageEnvironment(): Record<string, string> {
  const set = stages.at(-1)!.instructions.filter(([name]) => name === 'ENV');
  return Object.fromEntries(set.flatMap(([, rest]) => rest.split(' ').map((pair) => pair.split('=') as [string, string])));
}

describe('compose.yaml', () => {
  it('starts three instances of one image, PostgreSQL with pgvector, Redis, and nginx in front', () => {
    expect(instances.map(([name]) => name)).toEqual(['app-1', 'app-2', 'app-3']);
    expect(Object.values(services).map(({ image }) => image)).toEqual([
      ...['hangup', 'hangup', 'hangup'],
      expect.stringMatching(/^nginx:/),
      expect.stringMatching(/^pgvector\/pgvector:pg\d+$/),
      expect.stringMatching(/^redis:7/),
    ]);
  });

  it('sets only variables that the program reads, to values that it starts with', () => {
    for (const [name, { environment }] of instances) {
      expect(Object.keys(environment ?? {}).filter((variable) => !VARIABLES.has(variable))).toEqual([]);
      const config = loadConfig(environmentOf(name));
      expect(config).toMatchObject({ isProduction: true, instanceId: name, redisUrl: 'redis://redis:6379', llm: { isOffline: true } });
      expect(config.http).toMatchObject({ host: '0.0.0.0', port: 3000 });
    }
  });

  it('does not start without a secret', () => {
    expect(() => environmentOf('app-1', {})).toThrow('JWT_SECRET: at least 32 characters');
  });

  it('finds the database by the name, user and password that it is made with', () => {
    const env = { JWT_SECRET: SECRET, POSTGRES_PASSWORD: 'other' };
    const url = new URL(environmentOf('app-1', env).DATABASE_URL!);
    const { POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB } = services.postgres!.environment!;
    expect([url.username, url.password, url.pathname]).toEqual([POSTGRES_USER, interpolate(POSTGRES_PASSWORD!, env), `/${POSTGRES_DB!}`]);
    expect(Object.keys(services)).toEqual(expect.arrayContaining([url.hostname, new URL(environmentOf('app-1').REDIS_URL!).hostname]));
  });

  it('waits for the database, and not for Redis, without which it works too', () => {
    for (const [, { depends_on }] of instances) {
      expect(depends_on).toEqual({ postgres: { condition: 'service_healthy' }, redis: { condition: 'service_started' } });
    }
    expect(services.postgres!.healthcheck).toBeDefined();
    const unknown = Object.values(services).flatMap((service) => dependenciesOf(service).filter((name) => !(name in services)));
    expect(unknown).toEqual([]);
  });

  it('gives an instance longer to leave than it takes', () => {
    for (const [name, { stop_grace_period }] of instances) {
      const { tasks, abort } = loadConfig(environmentOf(name));
      const longestMs = tasks.drainTimeoutMs + abort.zombieAfterMs + 2 * abort.shieldTimeoutMs + 2000;
      expect(Number(/^(\d+)s$/.exec(stop_grace_period ?? '')?.[1]) * 1000).toBeGreaterThan(longestMs + 5000);
    }
  });

  it('mounts what is there', () => {
    const mounts = Object.values(services).flatMap((service) => (service.volumes ?? []).map((mount) => mount.split(':')[0] ?? ''));
    expect(mounts.filter((source) => (source.startsWith('./') ? !isInRoot(source) : !(source in volumes)))).toEqual([]);
    expect(mounts).toContain('./deploy/nginx.conf');
  });
});

describe('nginx.conf', () => {
  it('sends to every instance in turn, at the port on which it listens', () => {
    const servers = nginx.filter((directive) => directive.startsWith('http upstream hangup: server'));
    expect(servers).toEqual(
      instances.map(([name]) => `http upstream hangup: server ${name}:${loadConfig(environmentOf(name)).http.port} max_fails=0`),
    );
    expect(nginx.filter((directive) => /ip_hash|least_conn|hash |random/.test(directive))).toEqual([]);
  });

  it('listens where compose.yaml leads to', () => {
    const [port] = services.nginx!.ports!.map((mapping) => mapping.split(':').at(-1));
    expect(nginx).toContain(`http server: listen ${port!} so_keepalive=15s:5s:5`);
  });

  it.each([
    ['proxy_ignore_client_abort off', 'closes towards the instance when the client leaves'],
    ['proxy_buffering off', 'lets event streams through as they come'],
    ['proxy_http_version 1.1', 'keeps its connections'],
    ['proxy_set_header Connection ""', 'keeps its connections'],
    ['proxy_read_timeout 1h', 'bears with a silent stream'],
    ['proxy_next_upstream error timeout', 'never sends a POST twice'],
  ])('has %s: it %s', (directive) => {
    expect(nginx).toContain(`http server location /: ${directive}`);
  });

  it('keeps a connection for a shorter time than an instance does', () => {
    const kept = nginx.find((directive) => directive.startsWith('http upstream hangup: keepalive_timeout'));
    expect(Number(/(\d+)s$/.exec(kept ?? '')?.[1])).toBeLessThan(72);
  });

  it('takes bodies as large as an instance does', () => {
    const largest = /LARGEST_BODY_BYTES = ([\d_]+)/.exec(readRoot('src/app.setup.ts'))?.[1]?.replaceAll('_', '');
    expect(Number(largest)).toBe(1024 * 1024);
    expect(nginx).toContain('http server: client_max_body_size 1m');
  });

  it('is read right: a block that is not closed, or closed twice, is seen', () => {
    expect(() => readDirectives('http { server { listen 1; }')).toThrow('Not closed: http');
    expect(() => readDirectives('http { } }')).toThrow('A block is closed that was not opened');
  });
});

describe('the Dockerfile', () => {
  const last = stages.at(-1)!;
  const ofLast = (instruction: string) => last.instructions.filter(([name]) => name === instruction).map(([, rest]) => rest);

  it('builds in one stage, installs what production needs in another, and keeps nothing else', () => {
    expect(stages.map(({ from }) => from)).toEqual(['node:24-slim AS build', 'node:24-slim AS dependencies', 'node:24-slim']);
    const runs = stages.map(({ instructions }) => instructions.filter(([name]) => name === 'RUN').map(([, rest]) => rest));
    expect(runs).toEqual([['npm ci', 'npm run build'], ['npm ci --omit=dev'], [expect.stringMatching(/^install -d -o node /)]]);
  });

  it('runs as nobody in particular, is told to leave by SIGTERM, and is asked whether it lives', () => {
    expect(ofLast('USER')).toEqual(['node']);
    expect(ofLast('STOPSIGNAL')).toEqual(['SIGTERM']);
    expect(ofLast('HEALTHCHECK')).toEqual([expect.stringContaining('/health`')]);
    expect(ofLast('CMD')).toEqual(['["node", "--heap-growing-percent=300", "--max-semi-space-size=16", "dist/main.js"]']);
  });

  it('starts the program as npm start does', () => {
    const { scripts } = JSON.parse(readRoot('package.json')) as { scripts: { start: string } };
    const [command = ''] = ofLast('CMD');
    const words = JSON.parse(command) as string[];
    expect(scripts.start).toBe(`nest build && ${words.join(' ')}`);
    const flags = words.slice(1, -1);
    expect(spawnSync(process.execPath, [...flags, '-p', '"taken"'], { encoding: 'utf8' }).stdout).toBe('taken\n');
  });

  it('sets only variables that the program reads', () => {
    expect(Object.keys(imageEnvironment()).filter((name) => !VARIABLES.has(name))).toEqual([]);
  });

  it('copies files that are there, and that .dockerignore lets through', () => {
    const copied = stages.flatMap(({ instructions }) =>
      instructions
        .filter(([name, rest]) => name === 'COPY' && !rest.startsWith('--from'))
        .flatMap(([, rest]) => rest.split(' ').slice(0, -1)),
    );
    const allowed = new Set([...readRoot('.dockerignore').matchAll(/^!(.+)$/gm)].map(([, name = '']) => name));
    expect([...new Set(copied)].toSorted()).toEqual([...allowed].toSorted());
    expect([...allowed].filter((path) => !isInRoot(path))).toEqual([]);
  });
});

describe('alerts.yml', () => {
  interface Rule {
    readonly alert: string;
    readonly expr: string;
    readonly for?: string;
    readonly labels: { readonly severity: string };
    readonly annotations: { readonly summary: string };
  }
  const { groups } = readYaml('deploy/prometheus/alerts.yml') as { groups: { name: string; rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);

  it('holds rules as Prometheus reads them, each with its own name, how bad it is and what it says', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const rule of rules) {
      expect(Object.keys(rule).filter((key) => !['alert', 'expr', 'for', 'labels', 'annotations'].includes(key))).toEqual([]);
      expect(rule).toMatchObject({ alert: expect.stringMatching(/^Hangup[A-Z]\w+$/), annotations: { summary: expect.any(String) } });
      expect(['warning', 'critical']).toContain(rule.labels.severity);
      expect(rule.for ?? '1m').toMatch(/^\d+[smh]$/);
    }
  });

  it('has each rule explained to operators', () => {
    const documented = new Set([...readRoot('docs/operations.md').matchAll(/^\| `(Hangup\w+)`/gm)].map(([, name]) => name));
    expect(documented).toEqual(new Set(rules.map(({ alert }) => alert)));
  });
});
