import { askedFor, type PackagePlan } from './packages.js';
import { stemOf, type RootManifest } from './source-tree.js';

type Versions = Readonly<Record<string, string>>;

/** The `package.json` of a package. */
export function toManifest(plan: PackagePlan, root: RootManifest): object {
  const { name, description, keywords, entries, sideEffects, isForBrowsers, peers, optionalPeers = {} } = plan;
  return {
    name: `@hangup/${name}`,
    version: root.version,
    description,
    keywords,
    license: root.license,
    type: 'module',
    sideEffects: sideEffects?.map(toScript) ?? false,
    ...(!isForBrowsers && { engines: root.engines }),
    files: ['lib'],
    exports: mapValues(entries, (module) => ({ types: `./lib/${stemOf(module)}.d.ts`, default: toScript(module) })),
    ...unlessEmpty('dependencies', dependenciesOf(plan, root)),
    ...unlessEmpty('peerDependencies', { ...peers, ...optionalPeers }),
    ...unlessEmpty(
      'peerDependenciesMeta',
      mapValues(optionalPeers, () => ({ optional: true })),
    ),
  };
}

/** Throws where a package imports what it does not ask for, or asks for what it does not import. */
export function checkImports(plan: PackagePlan, imported: ReadonlySet<string>): void {
  const asked = askedFor(plan);
  const missing = imported.difference(asked);
  const idle = asked.difference(imported);
  if (missing.size > 0) throw new Error(`@hangup/${plan.name} imports ${[...missing].join(', ')}, which it does not ask for.`);
  if (idle.size > 0) throw new Error(`@hangup/${plan.name} asks for ${[...idle].join(', ')}, which it does not import.`);
}

function toScript(module: string): string {
  return `./lib/${stemOf(module)}.js`;
}

function dependenciesOf({ dependencies = [] }: PackagePlan, root: RootManifest): Versions {
  return Object.fromEntries(Object.entries(root.dependencies).filter(([name]) => dependencies.includes(name)));
}

function mapValues<T>(record: Versions, to: (value: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value)]));
}

function unlessEmpty(field: string, values: object): object {
  return Object.keys(values).length > 0 ? { [field]: values } : {};
}
